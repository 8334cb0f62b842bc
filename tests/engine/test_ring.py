"""The ring keeps the newest sound and gives it back by time."""

import numpy as np
import pytest

from hearing.ring import Ring


def test_what_was_written_is_read_back_by_time() -> None:
    ring = Ring(2.0, 10)
    ring.write(np.arange(15, dtype=np.int16))
    assert ring.position_s == 1.5
    assert ring.read(0.5, 1.0).tolist() == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("size", [1, 3, 7, 20, 45])
def test_the_newest_samples_survive_any_block_size(size: int) -> None:
    ring = Ring(2.0, 10)
    samples = np.arange(45, dtype=np.int16)
    for start in range(0, 45, size):
        ring.write(samples[start : start + size])
    assert ring.read(0, 99).tolist() == list(range(25, 45))


def test_times_outside_what_is_held_give_what_there_is() -> None:
    ring = Ring(1.0, 10)
    ring.write(np.arange(25, dtype=np.int16))
    assert ring.read(0.0, 1.0).size == 0
    assert ring.read(1.0, 1.7).tolist() == [15, 16]
    assert ring.read(9.0, 1.0).size == 0


@pytest.mark.parametrize("size", [1, 3, 20, 45])
def test_the_newest_samples_are_given_as_far_as_they_are_held(size: int) -> None:
    ring = Ring(2.0, 10)
    samples = np.arange(45, dtype=np.int16)
    for start in range(0, 45, size):
        ring.write(samples[start : start + size])
    assert ring.newest(7).tolist() == list(range(38, 45))
    assert ring.newest(20).tolist() == list(range(25, 45))
    assert ring.newest(21).size == 20
    assert ring.newest(0).size == 0


def test_a_young_ring_gives_what_was_written() -> None:
    ring = Ring(2.0, 10)
    ring.write(np.arange(3, dtype=np.int16))
    assert ring.newest(5).tolist() == [0, 1, 2]


def test_reading_gives_a_copy() -> None:
    ring = Ring(1.0, 10)
    ring.write(np.ones(10, np.int16))
    ring.read(0, 1)[:] = 5
    ring.newest(10)[:] = 5
    assert ring.read(0, 1).tolist() == [1] * 10


def test_a_ring_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        Ring(0.0, 16_000)
