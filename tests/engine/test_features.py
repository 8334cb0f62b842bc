"""Log-mel features: one result, however the stream is cut."""

from dataclasses import replace

import numpy as np
import pytest

from hearing.features import FeatureConfig, LogMel, mel_filters

CONFIG = FeatureConfig()


def tone(hz: float, seconds: float, amplitude: float = 0.5) -> np.ndarray:
    times = np.arange(round(seconds * CONFIG.sample_rate_hz)) / CONFIG.sample_rate_hz
    return np.round(amplitude * 32_767 * np.sin(2 * np.pi * hz * times)).astype(np.int16)


@pytest.mark.parametrize("group_frames", [8, 5, 40, 1])
@pytest.mark.parametrize("seed", range(5))
def test_any_split_into_blocks_gives_the_same_frames_bit_for_bit(seed: int, group_frames: int) -> None:
    config = replace(CONFIG, group_frames=group_frames)
    rng = np.random.default_rng(seed)
    samples = rng.integers(-20_000, 20_000, 60_000).astype(np.int16)
    whole = LogMel(config).push(samples)
    stream = LogMel(config)
    pieces = []
    start = 0
    while start < samples.size:
        size = int(rng.integers(0, 5_000))
        pieces.append(stream.push(samples[start : start + size]))
        start += size
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_frames_come_in_whole_groups_and_the_rest_waits() -> None:
    stream = LogMel(CONFIG)
    needed = CONFIG.samples_for(CONFIG.group_frames)
    assert stream.push(np.zeros(needed - 1, np.int16)).shape == (0, CONFIG.mel_bands)
    assert stream.push(np.zeros(1, np.int16)).shape == (CONFIG.group_frames, CONFIG.mel_bands)


def test_each_frame_is_the_spectrum_of_its_own_samples() -> None:
    samples = np.random.default_rng(1).integers(-20_000, 20_000, 16_000).astype(np.int16)
    frames = LogMel(CONFIG).push(samples)
    window = np.hanning(CONFIG.window_samples + 1)[:-1]
    for number in (0, 7, 8, 33, 39):
        part = samples[number * CONFIG.hop_samples :][: CONFIG.window_samples] / 32_768 * window
        power = np.abs(np.fft.rfft(part, CONFIG.fft_size)) ** 2 / (np.sum(window**2) * CONFIG.fft_size / 2)
        expected = (np.log(power @ mel_filters(CONFIG) + CONFIG.floor) + 12) / 4
        assert np.allclose(frames[number], expected, atol=1e-5)


def test_frames_stay_as_they_are_when_more_sound_comes() -> None:
    stream = LogMel(CONFIG)
    first = stream.push(tone(1_000, 1.0))
    kept = first.copy()
    stream.push(tone(3_000, 1.0))
    assert np.array_equal(first, kept)


def test_the_callers_buffer_may_be_reused() -> None:
    block = tone(1_000, 0.1)
    stream, reference = LogMel(CONFIG), LogMel(CONFIG)
    first = reference.push(np.concatenate((block, block)))
    buffer = block.copy()
    frames = [stream.push(buffer)]
    buffer[:] = 0
    frames.append(stream.push(block))
    assert np.array_equal(np.concatenate(frames), first)


def test_a_tone_lights_the_band_at_its_frequency() -> None:
    frames = LogMel(CONFIG).push(tone(3_100, 1.0))
    filters = mel_filters(CONFIG)
    expected = int(filters[round(3_100 * CONFIG.fft_size / CONFIG.sample_rate_hz)].argmax())
    assert abs(int(frames[10].argmax()) - expected) <= 1


def test_digital_silence_has_the_value_the_config_says() -> None:
    frames = LogMel(CONFIG).push(np.zeros(16_000, np.int16))
    assert np.all(frames == np.float32(CONFIG.silence))


def test_twenty_decibels_more_raise_every_loud_band_alike() -> None:
    quiet = LogMel(CONFIG).push(tone(1_000, 0.5, 0.05)).max(axis=1)
    loud = LogMel(CONFIG).push(tone(1_000, 0.5, 0.5)).max(axis=1)
    assert np.allclose(loud - quiet, np.log(100) / 4, atol=0.01)


def test_features_stay_what_the_shipped_models_were_trained_on() -> None:
    rng = np.random.default_rng(1)
    frames = LogMel(CONFIG).push(rng.integers(-3_000, 3_000, 16_000).astype(np.int16))
    assert frames.shape == (40, 64)
    assert frames[[0, 7, 39], [0, 31, 63]] == pytest.approx(GOLDEN, abs=1e-4)


GOLDEN = [0.2119, 0.3675, 0.621]


@pytest.mark.parametrize(
    "wrong", [{"hop_samples": 0}, {"window_samples": 1_000}, {"low_hz": -1.0}, {"high_hz": 9_000.0}, {"floor": 0.0}]
)
def test_numbers_that_make_no_front_end_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="feature"):
        FeatureConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("config", [FeatureConfig(mel_bands=1), FeatureConfig(low_hz=1_000, high_hz=1_001)])
def test_bands_too_few_or_too_narrow_to_be_halved_are_no_error(config: FeatureConfig) -> None:
    frames = LogMel(config).push(np.zeros(16_000, np.int16))
    assert frames.shape[1] == config.mel_bands
    assert (frames == np.float32(config.silence)).all()
