import threading
from pathlib import Path

import numpy as np
import pytest

from hearing.bench import WARM_UP_S, bench, make_quiet, make_sound, peak_memory_mb
from hearing.detection import Detection
from hearing.features import Block
from hearing.source import BLOCK_SAMPLES
from tests.engine.fake_listener import FakeListener


def test_every_stream_hears_all_of_it_in_a_thread_of_its_own() -> None:
    listeners: list[FakeListener] = []
    threads: set[int] = set()
    # Each waits for the others once: one thread for all would never get there.
    meeting = threading.Barrier(3, timeout=10)

    class Watched(FakeListener):
        def feed(self, block: Block) -> list[Detection]:
            if threading.current_thread() is not threading.main_thread() and threading.get_ident() not in threads:
                threads.add(threading.get_ident())
                meeting.wait()
            return super().feed(block)

    def new_listener() -> FakeListener:
        listeners.append(Watched())
        return listeners[-1]

    figures = bench(new_listener, 2_500, streams=3, seconds=4.0)
    assert len(threads) == 3
    assert {listener.heard_samples for listener in listeners} == {(WARM_UP_S + 4) * 16_000}
    assert (figures.streams, figures.seconds, figures.model_kb, figures.runtime) == (3, 4.0, 2.5, "fake")
    assert figures.realtime_factor > 1
    assert figures.cpu_ms_per_audio_s > 0
    assert 5 < figures.rss_mb < 10_000


def test_the_sound_is_the_same_every_time_and_holds_noise_and_beeps() -> None:
    sound = make_sound()
    assert np.array_equal(sound, make_sound())
    assert (sound.dtype.name, sound.size % BLOCK_SAMPLES) == ("int16", 0)
    assert np.abs(sound[:8_000]).max() > 7_000
    assert 500 < np.abs(sound[8_000:16_000]).max() < 3_000


def test_the_quiet_sound_is_a_quiet_room_with_one_knock_in_a_minute() -> None:
    quiet = make_quiet()
    assert np.array_equal(quiet, make_quiet())
    assert (quiet.dtype.name, quiet.size) == ("int16", 60 * 16_000)
    loudest = np.abs(quiet.reshape(60, -1)).max(axis=1)
    assert np.flatnonzero(loudest > 200).tolist() == [40]
    assert 10 < np.median(loudest) < 100


@pytest.mark.parametrize("quiet", [True, False])
def test_the_sound_that_was_asked_for_is_heard(quiet: bool) -> None:
    listener = FakeListener()
    bench(lambda: listener, 0, streams=1, seconds=1.0, quiet=quiet)
    assert (listener.max_scores["smoke_alarm"] < 0.01) is quiet


def test_memory_is_known_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    with_proc = peak_memory_mb()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "no such line")
    assert peak_memory_mb() == pytest.approx(with_proc, rel=0.5)
