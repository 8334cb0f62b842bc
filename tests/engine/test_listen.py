import io
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import pytest

from hearing.features import Block
from hearing.level import Level
from hearing.listen import Live, draw
from hearing.source import Backlog, Reason, SourceError
from tests.engine.fake_listener import FakeListener
from tests.sounds import tone

LOUD = tone(0.1)
QUIET = tone(0.1, amplitude=0.01)


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class FakeSource:
    """A microphone that records some blocks and then fails."""

    description = "a fake microphone"
    backlog = Backlog()

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.closed = False
        self._blocks = blocks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Block]:
        yield from self._blocks
        raise SourceError(Reason.LOST, "the microphone has gone.")

    def close(self) -> None:
        self.closed = True


def test_what_is_heard_is_printed_when_it_begins_and_when_it_is_over() -> None:
    out, source = io.StringIO(), FakeSource([QUIET, LOUD, LOUD, LOUD, QUIET])
    Live(FakeListener(), out).run(source, seconds=0.5)
    first, begins, ends, last = out.getvalue().splitlines()
    assert first == "Listening to a fake microphone (fake). Ctrl-C stops."
    assert begins.endswith("  smoke alarm (75% sure)")
    assert ends.endswith("  smoke alarm is over, after 0.3 s")
    assert last == "Listened for 0.5 s; the loudest sample was at -6 dBFS."
    assert source.closed


def test_a_failure_ends_what_was_going_on_before_it_is_raised() -> None:
    out = io.StringIO()
    with pytest.raises(SourceError):
        Live(FakeListener(), out).run(FakeSource([QUIET, LOUD]), seconds=None)
    assert "is over, after 0.1 s" in out.getvalue()


def test_a_source_that_was_never_heard_leaves_nothing_but_its_failure() -> None:
    out = io.StringIO()
    with pytest.raises(SourceError):
        Live(FakeListener(), out).run(FakeSource([]), seconds=None)
    assert out.getvalue() == ""


def test_digital_silence_is_called_by_its_name() -> None:
    out = io.StringIO()
    Live(FakeListener(), out).run(FakeSource([np.zeros(1_600, np.int16)] * 3), seconds=0.2)
    assert (
        out.getvalue().splitlines()[-1] == "Listened for 0.2 s: nothing but digital silence. Is the microphone muted?"
    )


def test_a_terminal_shows_a_meter_that_makes_room_for_lines() -> None:
    out = FakeTerminal()
    Live(FakeListener(), out).run(FakeSource([QUIET, LOUD]), seconds=0.2)
    erase = "\r\x1b[K"
    shown = out.getvalue()
    assert f"{erase}[" in shown
    # Split at line ends only: what stays on the terminal is what follows the last erasure.
    lines = [line.rpartition(erase)[2] for line in shown.split("\n")]
    assert next(line for line in lines if line).startswith("Listening to a fake microphone")
    assert not any(line.startswith("[") for line in lines)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (Level(-96.0, -96.0), "[....................................]  -96.0 dBFS"),
        (Level(-36.0, -18.0), "[##################........|.........]  -36.0 dBFS"),
        (Level(-3.0, 0.0), "[##################################.|]   -3.0 dBFS  clipping"),
    ],
)
def test_a_level_is_drawn_as_a_bar_with_its_peak(level: Level, shown: str) -> None:
    assert draw(level) == shown
