"""The sound gate: a room that stays as it is costs next to nothing, and what the model would hear is not lost."""

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hearing import Detection, Listener, ModelCard, Sensitivity
from hearing.attention import AttentionModel, Scores
from hearing.card import ATTENTION_CARD, DecoderConfig, WindowConfig
from hearing.features import FeatureConfig, LogMel
from hearing.gate import Gate
from hearing.tflite import open_interpreter

RATE_HZ = 16_000
AUDIO = Path(__file__).parents[1] / "audio"
CARD = ModelCard.load(ATTENTION_CARD)
READILY = replace(CARD, thresholds=dict.fromkeys(CARD.labels, dict.fromkeys(Sensitivity, 0.4)))
"""Reports what the most sensitive setting of any sound does not report yet."""
CHUNK_S = CARD.window.chunk_frames * CARD.features.hop_s
WINDOW_CHUNKS = CARD.window.window_steps // CARD.window.chunk_steps
SHUT_S = 2 * (WINDOW_CHUNKS + 2) * CHUNK_S
"""By then the gate is shut if nothing happens."""
RHYTHMS = {"T3": (0.5, 0.5, 3, 1.5), "T4": (0.1, 0.1, 4, 5.0), "fast": (0.25, 0.25, 1, 0.25)}
"""Beep, pause between beeps, beeps of a group, pause behind it."""

type Sound = NDArray[np.float64]


def room(seconds: float, rng: np.random.Generator, rms: float = 10.0, tilt: float = 0.0) -> Sound:
    """Noise of a level (int16 units) and a colour: 0 is white, 1 falls by 6 dB an octave."""
    size = round(seconds * RATE_HZ)
    hz = np.maximum(np.fft.rfftfreq(size, 1 / RATE_HZ), 60)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) / hz**tilt, size)
    quiet: Sound = rms * noise / noise.std()
    return quiet


def beeps(rhythm: str, seconds: float, hz: float) -> Sound:
    """An alarm of peak 1."""
    on_s, off_s, count, pause_s = RHYTHMS[rhythm]
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    in_group_s = time_s % (count * (on_s + off_s) - off_s + pause_s)
    sounding = (in_group_s % (on_s + off_s) < on_s) & (in_group_s < count * (on_s + off_s))
    alarm: Sound = np.sin(2 * np.pi * hz * time_s) * sounding
    return alarm


def glass() -> Sound:
    """The bundled recording, of peak 1."""
    with wave.open(str(AUDIO / "glass_break.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    clip: Sound = samples / np.abs(samples).max()
    return clip


def whole(sound: Sound) -> NDArray[np.int16]:
    return np.clip(np.round(sound), -32_768, 32_767).astype(np.int16)


def scores(samples: NDArray[np.int16], gate: Gate | None) -> list[Scores]:
    """What the model says at every look."""
    return AttentionModel(CARD, open_interpreter(CARD.content), gate).push(LogMel(CARD.features).push(samples))


def looks_s(samples: NDArray[np.int16]) -> list[float]:
    """When the model looked."""
    return [each.end_s for each in scores(samples, Gate(CARD))]


def heard(samples: NDArray[np.int16], *, gate: bool) -> list[Detection]:
    listener = Listener(READILY, gate=gate)
    blocks = [samples[start : start + 1_600] for start in range(0, samples.size, 1_600)]
    return [found for block in blocks for found in listener.feed(block)] + listener.flush()


@pytest.mark.parametrize("rms", [0.3, 3.0, 30.0, 300.0])
@pytest.mark.parametrize("tilt", [0.0, 0.5, 1.0])
def test_a_room_that_stays_as_it_is_is_hardly_looked_at(rms: float, tilt: float) -> None:
    seconds = 150.0
    samples = whole(room(seconds, np.random.default_rng(1), rms, tilt))
    later = [time_s for time_s in looks_s(samples) if time_s > SHUT_S]
    assert len(later) < 0.3 * (seconds - SHUT_S) / CHUNK_S
    assert later, "at least once a minute it looks anyway"


def test_what_a_room_sounds_like_is_learnt_while_the_model_looks() -> None:
    samples = whole(room(1.5 * SHUT_S, np.random.default_rng(2)))
    times_s = looks_s(samples)
    assert np.allclose(np.diff(times_s[: WINDOW_CHUNKS + 1]), CHUNK_S, atol=0.01)


def test_digital_silence_is_hardly_looked_at_and_a_faint_alarm_in_it_is_heard() -> None:
    silence = np.zeros(round(2 * SHUT_S * RATE_HZ))
    assert max(looks_s(whole(silence))) < SHUT_S
    silence[round(SHUT_S * RATE_HZ) :][: 10 * RATE_HZ] += 6 * beeps("T3", 10, 3_100)
    found = heard(whole(silence), gate=True)
    assert {each.label for each in found} == {"smoke_alarm"}
    assert found == heard(whole(silence), gate=False)


@pytest.mark.parametrize("seed", range(16))
def test_whatever_the_model_would_report_of_an_alarm_in_a_quiet_room_is_reported(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rhythm = str(rng.choice([*RHYTHMS, "glass"]))
    alarm = glass() if rhythm == "glass" else beeps(rhythm, 12, float(rng.choice([520, rng.uniform(2_700, 3_600)])))
    rms, over_db = float(np.exp(rng.uniform(np.log(0.7), np.log(200)))), rng.uniform(-15, 30)
    sound = room(SHUT_S + 20, rng, rms, rng.uniform(0, 1))
    start = round((SHUT_S + rng.uniform(0, 1)) * RATE_HZ)
    sound[start : start + alarm.size] += alarm * rms * 10 ** (over_db / 20)
    assert heard(whole(sound), gate=True) == heard(whole(sound), gate=False)


@pytest.mark.parametrize(("rhythm", "label"), [("T3", "smoke_alarm"), ("T4", "co_alarm")])
def test_an_alarm_opens_a_gate_that_is_shut(rhythm: str, label: str) -> None:
    sound = room(SHUT_S + 24, np.random.default_rng(7))
    sound[round((SHUT_S + 10) * RATE_HZ) :][: 12 * RATE_HZ] += 20 * beeps(rhythm, 12, 3_200)
    times_s = np.array(looks_s(whole(sound)))
    assert not ((times_s > SHUT_S) & (times_s < SHUT_S + 10)).any()
    assert {each.label for each in heard(whole(sound), gate=True)} == {label}


def test_the_scores_of_a_look_are_those_of_a_model_that_never_stopped_looking_to_the_last_bit() -> None:
    rng = np.random.default_rng(3)
    sound = room(SHUT_S + 25, rng)
    sound[round(SHUT_S * RATE_HZ) :][: 4 * RATE_HZ] += 500 * beeps("T3", 4, 3_000)
    every = {each.end_s: each.logits.tobytes() for each in scores(whole(sound), None)}
    looks = scores(whole(sound), Gate(CARD))
    assert len(looks) < len(every)
    assert all(every[look.end_s] == look.logits.tobytes() for look in looks)


def test_what_stood_out_is_looked_at_until_it_has_left_the_window() -> None:
    sound = room(2.5 * SHUT_S, np.random.default_rng(4))
    at_s = SHUT_S + 1
    sound[round(at_s * RATE_HZ) :][:800] += 3_000
    after = [time_s for time_s in looks_s(whole(sound)) if SHUT_S <= time_s < at_s + 3 * WINDOW_CHUNKS * CHUNK_S]
    assert after[0] - at_s < CHUNK_S + 0.2
    assert np.allclose(np.diff(after), CHUNK_S, atol=0.01)
    window_s = WINDOW_CHUNKS * CHUNK_S
    assert window_s - CHUNK_S < after[-1] - at_s < window_s + CARD.decoder.release_s + 3 * CHUNK_S


def test_a_room_that_gets_louder_for_good_is_learnt_anew() -> None:
    rng = np.random.default_rng(5)
    fan = np.concatenate((room(SHUT_S, rng, 5), room(3 * SHUT_S, rng, 50)))
    times_s = np.array(looks_s(whole(fan)))
    assert ((times_s > SHUT_S) & (times_s < SHUT_S + WINDOW_CHUNKS * CHUNK_S)).sum() >= WINDOW_CHUNKS - 1
    assert (times_s > 2.2 * SHUT_S).sum() < 0.4 * 1.8 * SHUT_S / CHUNK_S


def test_beeps_that_go_on_for_minutes_never_become_the_rooms_own_sound() -> None:
    rng = np.random.default_rng(6)
    sound = room(120, rng) + 30 * beeps("fast", 120, 1_000)
    assert len(looks_s(whole(sound))) == len(scores(whole(sound), None))


def small(frames: int, release_s: float = 4.0) -> ModelCard:
    """A card of a window of three chunks."""
    window = WindowConfig(frames, 0, 1, 3 * frames)
    return replace(CARD, features=FeatureConfig(mel_bands=4), window=window, decoder=DecoderConfig(release_s=release_s))


def test_as_long_as_the_model_sees_anything_it_goes_on_looking_and_until_every_event_has_ended() -> None:
    calm, something = np.full((6, 1), -4, np.float32), np.array([[-4], [-1], [-4]], np.float32)
    gate, frames = Gate(small(8, release_s=0.5)), np.zeros((8, 4), np.float32)
    for _ in range(20):
        assert gate.opens(frames)
        gate.saw(something)
    opened = []
    for _ in range(10):
        opened.append(gate.opens(frames))
        gate.saw(calm)
    assert sum(opened) * 8 * 0.023 > 0.5
    assert opened == sorted(opened, reverse=True)
    assert not opened[-1]


def test_what_the_model_saw_for_long_leaves_the_gate_as_any_other_sound_does() -> None:
    room_level = np.repeat([0, 4, 0], [20, 60, 60])
    gate, opened = Gate(small(8, release_s=0.5)), []
    for number, level in enumerate(room_level):
        opened.append(gate.opens(np.full((8, 4), level, np.float32)))
        if opened[-1]:
            gate.saw(np.full((6, 1), 2 if 20 <= number < 80 else -4, np.float32))
    assert not opened[19]
    assert all(opened[20:83])
    assert not any(opened[88:])


@pytest.mark.parametrize("frames", [1, 2, 5, 8, 32])
def test_chunks_of_any_length_have_a_gate(frames: int) -> None:
    gate, quiet = Gate(small(frames)), np.zeros((frames, 4), np.float32)
    assert [gate.opens(quiet) for _ in range(6)] == [True] * 3 + [False] * 3
    assert gate.opens(quiet + 1)
