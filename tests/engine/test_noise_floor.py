"""A microphone that lies dead still far below its noise floor is noticed; a quiet night is not."""

import csv
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from hearing import noise_floor
from hearing.level import SILENCE_DBFS, Level, measure
from hearing.noise_floor import FALL_DB, HEARD_DB, HOUR_S, KEEP_HOURS, LEARN_HOURS, STILL_DB, STRETCH_S, NoiseFloor
from hearing.source import SAMPLE_RATE_HZ
from hearing.sources import open_file

RECORDINGS = Path(__file__).parents[3] / "shared" / "audio"
SILENCE = Level(SILENCE_DBFS, SILENCE_DBFS)


@lru_cache
def electronics(dbfs: float, lowest_hz: float = 0.0, seconds: int = 60) -> tuple[Level, ...]:
    """Return the levels of a microphone's own noise: white, or pink from a frequency on."""
    rng = np.random.default_rng(7)
    size = seconds * SAMPLE_RATE_HZ
    spectrum = rng.standard_normal(size // 2 + 1) + 1j * rng.standard_normal(size // 2 + 1)
    if lowest_hz:
        hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
        spectrum[hz < lowest_hz] = 0
        spectrum /= np.sqrt(np.maximum(hz, 1))
    sound = np.fft.irfft(spectrum)
    sound *= 32_768 * 10 ** (dbfs / 20) / sound.std()
    return tuple(measure(second) for second in np.round(sound).astype(np.int16).reshape(seconds, -1))


def still(levels: Iterable[Level], seconds: int) -> Iterator[Level]:
    """Yield the levels again and again, for so many seconds."""
    levels = tuple(levels)
    return islice((level for _ in range(seconds) for level in levels), seconds)


def day(dbfs: float = -50.0, hours: int = 16) -> Iterator[Level]:
    """Yield hours of a room in which people live; it is never much quieter than this."""
    rng = np.random.default_rng(11)
    for loudness in dbfs + np.abs(rng.normal(0, 8, hours * HOUR_S)):
        yield Level(loudness, loudness + 12)


def night(dbfs: float, hours: int = 8, *, sounds: bool = True) -> Iterator[Level]:
    """Yield hours in which a microphone hears itself, and every ten minutes something else for a moment."""
    for second, level in enumerate(still(electronics(dbfs), hours * HOUR_S)):
        yield Level(dbfs + 15, dbfs + 30) if sounds and second % 600 == 599 else level


def hear(floor: NoiseFloor, seconds: Iterable[Level]) -> int | None:
    """Let all of it be heard; return after how many seconds it had fallen first, None if it never did."""
    first = None
    for number, level in enumerate(seconds, 1):
        floor.add(level)
        if floor.has_fallen and first is None:
            first = number
    return first


def learnt(*, quiet_dbfs: float = -60.0) -> NoiseFloor:
    """Return what is known after the first day and night."""
    return deepcopy(_learnt(quiet_dbfs))


@lru_cache
def _learnt(quiet_dbfs: float) -> NoiseFloor:
    floor = NoiseFloor()
    assert hear(floor, day()) is None
    assert hear(floor, night(quiet_dbfs)) is None
    assert floor.dbfs == pytest.approx(quiet_dbfs, abs=0.5)
    return floor


def test_nothing_is_judged_before_a_day_and_a_night_were_heard() -> None:
    floor = NoiseFloor()
    hear(floor, day(hours=LEARN_HOURS - 1))
    assert floor.dbfs is None
    assert hear(floor, night(-85, hours=1, sounds=False)) is None
    assert floor.dbfs == pytest.approx(-85, abs=0.5)


@pytest.mark.parametrize("dbfs", [-80.0, -70.0, -60.0])
def test_quiet_nights_are_nothing_to_worry_about(dbfs: float) -> None:
    floor = learnt(quiet_dbfs=dbfs)
    assert hear(floor, day()) is None
    assert hear(floor, night(dbfs, sounds=False)) is None


def test_a_night_that_is_somewhat_quieter_than_all_before_is_nothing_to_worry_about() -> None:
    floor = learnt()
    assert hear(floor, night(floor.dbfs - FALL_DB + 1, sounds=False)) is None  # type: ignore[operator]


def test_a_microphone_that_is_muted_all_night_is_somebody_elses_worry() -> None:
    floor = learnt()
    before = floor.dbfs
    assert hear(floor, still([SILENCE], 8 * HOUR_S)) is None
    assert floor.dbfs == before


@pytest.mark.parametrize(
    "levels", [electronics(-75), electronics(-86), electronics(-80, 60)], ids="white faint pink".split()
)
def test_a_dead_microphone_is_noticed_within_a_minute(levels: tuple[Level, ...]) -> None:
    floor = learnt()
    hear(floor, day(hours=1))
    assert hear(floor, still(levels, 60)) == STRETCH_S
    assert hear(floor, still(levels, 48 * HOUR_S)) == 1
    assert floor.dbfs == pytest.approx(-60, abs=0.5)


def test_a_stretch_that_is_broken_off_by_a_sound_is_none() -> None:
    floor = learnt()
    for _ in range(20):
        assert hear(floor, still(electronics(-80), STRETCH_S - 1)) is None
        floor.add(Level(-70, -60))


def test_a_microphone_that_is_faint_but_not_dead_still_may_stay_as_it_is() -> None:
    floor = learnt()
    faint = [Level(-80 + STILL_DB * swing, -60) for swing in (0, 0.4, 1.1, 0.2)]
    assert hear(floor, still(faint, HOUR_S)) is None


def test_whoever_hears_again_is_believed_and_the_quiet_is_known_from_then_on() -> None:
    floor = learnt()
    assert hear(floor, still(electronics(-80), 600))
    assert hear(floor, [Level(-80 + HEARD_DB - 1, -60)]) == 1
    assert hear(floor, [Level(-80 + HEARD_DB + 1, -60)]) is None
    assert hear(floor, night(-80, sounds=False)) is None


def test_what_was_quieter_long_ago_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEEP_HOURS == 7 * 24
    monkeypatch.setattr(noise_floor, "KEEP_HOURS", LEARN_HOURS + 2)
    floor = NoiseFloor()
    hear(floor, night(-80))
    hear(floor, day(hours=LEARN_HOURS + 1))
    assert floor.dbfs == pytest.approx(-80, abs=0.5)
    hear(floor, day(hours=2))
    assert floor.dbfs is not None
    assert floor.dbfs > -50


@pytest.mark.parametrize(
    ("room_db", "cover_db", "is_noticed"),
    [(5, 99, False), (10, 99, True), (30, 99, True), (15, 30, True), (15, 20, True), (15, 10, False), (30, 20, False)],
)
def test_a_cover_is_noticed_if_nothing_gets_through_it_and_the_room_was_heard_before(
    room_db: float, cover_db: float, is_noticed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise_floor, "HOUR_S", 100)
    noise = [level.rms_dbfs for level in electronics(-75)]
    swing = np.random.default_rng(5).uniform(0, 3, len(noise))

    def heard(attenuation_db: float) -> list[Level]:
        room = -75 + room_db + swing - attenuation_db
        together = 10 * np.log10(10 ** (np.array(noise) / 10) + 10 ** (room / 10))
        return [Level(float(dbfs), float(dbfs) + 12) for dbfs in together]

    floor = NoiseFloor()
    assert hear(floor, still(heard(0), LEARN_HOURS * 100)) is None
    assert hear(floor, still(heard(cover_db), 600)) == (STRETCH_S if is_noticed else None)


def quiet_recordings() -> list[Path]:
    """Return recordings of quiet rooms and of nights, long enough to judge; none where there are none."""
    table = RECORDINGS / "recordings.csv"
    if not table.exists():
        return []
    with table.open(encoding="utf-8", newline="") as lines:
        return [
            RECORDINGS / row["file"]
            for row in csv.DictReader(lines)
            if row["class"] == "negative"
            and (row["subtype"] in ("quiet_room", "night_ambience") or "indoors_0002" in row["file"])
            and float(row["seconds"]) > 20
        ]


@pytest.mark.skipif(not quiet_recordings(), reason="the recordings are not part of the repository")
@pytest.mark.parametrize("path", quiet_recordings(), ids=lambda path: path.stem[-24:])
@pytest.mark.parametrize("dbfs", [-80.0, -70.0, -60.0])
def test_recordings_of_quiet_rooms_are_alive_however_faint_they_are(path: Path, dbfs: float) -> None:
    with open_file(path) as source:
        sound = np.concatenate(list(source)).astype(np.float64)
    seconds = sound[: sound.size // SAMPLE_RATE_HZ * SAMPLE_RATE_HZ].reshape(-1, SAMPLE_RATE_HZ)
    usual_dbfs = float(np.median([measure(second.astype(np.int16)).rms_dbfs for second in seconds]))
    seconds *= 10 ** ((dbfs - usual_dbfs) / 20)
    levels = [measure(np.round(second).astype(np.int16)) for second in seconds]
    floor = learnt(quiet_dbfs=dbfs + 20)
    assert hear(floor, still(levels, HOUR_S)) is None
