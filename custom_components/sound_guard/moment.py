"""Moments as they are read from what was stored: a file may have been edited, or damaged with the disk."""

from datetime import datetime

YEARS = range(1970, 2200)
"""When a clock may have been: a machine without a battery starts in 1970."""


def read_moment(stored: object) -> datetime:
    """Return a moment that was stored as text.

    Raises:
        ValueError: it is none, has no time zone, or lies so far away that nobody can calculate with it.
    """
    if not isinstance(stored, str):
        raise ValueError(f"no moment: {stored!r}")
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None or moment.year not in YEARS:
        raise ValueError(f"no moment of a house's life: {stored}")
    return moment
