"""When what a walk test hears can be no test button any more: a real fire."""

from collections.abc import Iterable
from datetime import timedelta

from .src.hearing.guard import LIFE_SAFETY
from .walk_test_finding import Finding

LONGEST = timedelta(seconds=60)
"""Nobody holds a test button for so long: a smoke or carbon-monoxide alarm that still goes on is a real one."""

PAUSE = timedelta(seconds=90)
"""A faint alarm, or one in noise, is heard in pieces of some seconds with up to so much between them."""

SOUNDING = timedelta(seconds=45)
"""So much of a minute in pieces has to be heard: a button that is pressed now and then for some seconds is less."""


def is_real(label: str, findings: Iterable[Finding]) -> bool:
    """Return whether a sound has gone on, with pauses or without, for longer than anybody would have it in a test."""
    if label not in LIFE_SAFETY:
        return False
    pieces = sorted((found.onset, found.offset) for found in findings if found.label == label)
    since, until = pieces[0]
    sounding = timedelta(0)
    for onset, offset in pieces:
        if onset > until + PAUSE:
            since, sounding = onset, timedelta(0)
        until = max(until, offset)
        sounding += offset - onset
    return until - since >= LONGEST and sounding >= SOUNDING
