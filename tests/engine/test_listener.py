"""The listener with the shipped model: hears the bundled recordings, on every runtime and however it is fed."""

import tracemalloc
import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hearing import Detection, Listener, ModelCard, Phase, Sensitivity
from hearing.card import ATTENTION_CARD, CardError
from hearing.features import LogMel
from hearing.tflite import open_interpreter

AUDIO = Path(__file__).parents[1] / "audio"
CARD = ModelCard.load(ATTENTION_CARD)
RECORDINGS = {"smoke_alarm_t3": "smoke_alarm", "co_alarm_t4": "co_alarm", "glass_break": "glass_break"}


def recording(name: str) -> NDArray[np.int16]:
    with wave.open(str(AUDIO / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def listen(
    samples: NDArray[np.int16], block: int = 1_600, runtime: str = "auto", card: ModelCard = CARD
) -> list[Detection]:
    listener = Listener(card, runtime=runtime)
    blocks = [samples[start : start + block] for start in range(0, samples.size, block)]
    return [found for piece in blocks for found in listener.feed(piece)] + listener.flush()


@pytest.mark.parametrize(("name", "label"), RECORDINGS.items())
@pytest.mark.parametrize("runtime", ["litert", "numpy"])
def test_each_bundled_recording_is_heard_as_what_it_is(name: str, label: str, runtime: str) -> None:
    samples = recording(name)
    found = listen(samples, runtime=runtime)
    assert {d.label for d in found} == {label}
    assert [d.phase for d in found if d.phase is not Phase.CONTINUED] == [Phase.STARTED, Phase.ENDED]
    assert found[-1].onset_s == pytest.approx(0.5, abs=0.5)
    assert found[-1].offset_s <= samples.size / 16_000
    assert 0.3 < found[-1].confidence <= 1


def test_any_block_sizes_give_what_one_push_gives() -> None:
    samples = recording("smoke_alarm_t3")
    whole = listen(samples, samples.size)
    rng = np.random.default_rng(0)
    for _ in range(3):
        assert listen(samples, int(rng.integers(37, 9_000))) == whole


@pytest.mark.parametrize("group_frames", [5, 12, 80])
def test_frames_that_come_in_other_groups_than_chunks_lose_nothing(group_frames: int) -> None:
    samples = recording("smoke_alarm_t3")
    card = replace(CARD, features=replace(CARD.features, group_frames=group_frames))
    expected = [found for found in listen(samples) if found.phase is not Phase.CONTINUED]
    for block in (1_600, samples.size):
        found = [found for found in listen(samples, block, card=card) if found.phase is not Phase.CONTINUED]
        assert [(d.label, d.phase, d.onset_s) for d in found] == [(d.label, d.phase, d.onset_s) for d in expected]


def test_a_sound_is_reported_with_the_last_sample_that_its_chunk_needs() -> None:
    samples = recording("smoke_alarm_t3")
    chunk = CARD.window.chunk_frames
    ends = [CARD.features.samples_for(chunk * number) for number in range(1, samples.size // (chunk * 368))]
    listener = Listener(CARD)
    for start, end in pairwise([0, *ends]):
        assert listener.feed(samples[start : end - 1]) == []
        if listener.feed(samples[end - 1 : end]):
            return
    pytest.fail("it was never heard")


@pytest.mark.parametrize("runtime", ["litert", "numpy"])
def test_listeners_in_threads_of_their_own_hear_what_each_hears_alone(runtime: str) -> None:
    sounds = [recording(name) for name in RECORDINGS] * 2
    alone = [listen(samples, 700, runtime) for samples in sounds]
    with ThreadPoolExecutor(len(sounds)) as pool:
        assert list(pool.map(lambda samples: listen(samples, 700, runtime), sounds)) == alone


def test_a_further_listener_costs_hardly_any_memory() -> None:
    first = Listener(CARD, runtime="numpy")
    tracemalloc.start()
    try:
        others = [Listener(CARD, runtime="numpy") for _ in range(4)]
        allocated, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len({first, *others}) == 5
    assert allocated / len(others) < 1_500_000


def test_litert_and_numpy_agree_on_random_and_real_windows() -> None:
    litert, executor = open_interpreter(CARD.content, "litert"), open_interpreter(CARD.content, "numpy")
    rng = np.random.default_rng(0)
    chunk, steps = CARD.window.chunk_frames + CARD.window.context_frames, CARD.window.window_steps
    real = np.concatenate([LogMel(CARD.features).push(recording(name)) for name in RECORDINGS])
    starts = np.linspace(0, len(real) - chunk, 20).astype(int)
    windows = [rng.normal(0, 1, (chunk, 64)) for _ in range(100)] + [real[start : start + chunk] for start in starts]
    encoded = []
    for window in windows:
        frames = np.asarray(window, np.float32)[None]
        one, other = (x.run("encode", frames=frames)["embedding"] for x in (litert, executor))
        assert np.abs(one - other).max() < 1e-4
        encoded.append(one[0])
    track = np.concatenate(encoded)
    for start in range(0, len(track) - steps, CARD.window.chunk_steps):
        embeddings = track[None, start : start + steps]
        one, other = (x.run("attend", embeddings=embeddings)["logits"] for x in (litert, executor))
        assert np.abs(one - other).max() < 1e-4


def test_a_model_that_is_none_is_refused_by_name() -> None:
    for runtime in ("litert", "numpy"):
        with pytest.raises(CardError, match=r"attention\.tflite: is damaged"):
            Listener(replace(CARD, content=b"TFL3 and nothing more"), runtime=runtime)


def test_silence_and_noise_are_no_alarm() -> None:
    rng = np.random.default_rng(1)
    assert listen(np.zeros(16_000 * 20, np.int16)) == []
    assert listen(np.round(rng.normal(0, 300, 16_000 * 20)).astype(np.int16)) == []


def test_sensitivity_may_be_changed_while_listening() -> None:
    listener = Listener(CARD, runtime="numpy", sensitivity=Sensitivity.LOW)
    listener.sensitivity = Sensitivity.HIGH
    assert listener.sensitivity is Sensitivity.HIGH
    assert listener.runtime == "numpy"


def test_the_stream_position_counts_what_was_fed() -> None:
    listener = Listener(CARD, runtime="numpy")
    listener.feed(np.zeros(24_000, np.int16))
    assert listener.position_s == 1.5
