"""The picture of a detection, and the second look that it takes."""

import io
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hearing.card import ATTENTION_CARD, ModelCard
from hearing.evidence import Evidence
from hearing.features import Block, LogMel
from hearing.hindsight import look_back
from hearing.picture import HEIGHT, WIDTH, Caption, draw

AUDIO = Path(__file__).parents[1] / "audio"
CARD = ModelCard.load(ATTENTION_CARD)
CAPTION = Caption("Breaking glass", "Confidence 97 %", "2026-11-22 12:03:07")
CYAN, WHITE, GREY = (95, 227, 255), (244, 241, 234), (168, 164, 184)
HEADER = slice(0, 70)
PLOT = slice(80, 450)

Pixels = NDArray[np.int64]


def room(seconds: float) -> Block:
    """Return the faint noise of a room."""
    return np.random.default_rng(1).normal(0, 30, round(seconds * 16_000)).astype(np.int16)


def glass() -> Block:
    """Return breaking glass after three seconds of a quiet room, and two more behind it."""
    with wave.open(str(AUDIO / "glass_break.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    noise = room(5 + sound.size / 16_000)
    noise[48_000 : 48_000 + sound.size] += sound
    return noise


def evidence(samples: Block, onset_s: float = 3.5, offset_s: float = 5.0, label: str = "glass_break") -> Evidence:
    """Return evidence with a sound at a certain place."""
    return Evidence("0" * 32, label, datetime(2026, 11, 22, tzinfo=UTC), onset_s, offset_s, 0.97, samples, True)


def pixels(content: bytes) -> Pixels:
    """Return a picture as numbers."""
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def where(picture: Pixels, colour: tuple[int, int, int], rows: slice = slice(None)) -> tuple[Pixels, Pixels]:
    """Return the rows and columns in which a colour is."""
    close = np.abs(picture[rows] - colour).max(axis=-1) < 25
    ys, xs = np.nonzero(close)
    return ys, xs


def test_the_model_attends_to_the_sound_and_not_to_the_room() -> None:
    seen = look_back(glass(), "glass_break", CARD)
    inside = (seen.times_s > 3.6) & (seen.times_s < 4.2)
    assert seen.attention[inside].min() > 0.8
    assert seen.attention[seen.times_s < 3].max() < 0.4
    assert 0 <= seen.times_s.min() < 0.1
    assert seen.seconds - 0.1 < seen.times_s.max() <= seen.seconds


def test_a_second_look_sees_the_features_that_the_model_saw() -> None:
    samples = glass()
    seen = look_back(samples, "glass_break", CARD)
    frames = LogMel(CARD.features).push(samples)
    np.testing.assert_allclose(seen.frames[: len(frames)], frames, atol=1e-4)
    assert seen.seconds == pytest.approx(samples.size / 16_000, abs=0.05)


def test_the_end_of_a_clip_looks_like_no_event() -> None:
    seen = look_back(glass()[: 16_000 * 2], "glass_break", CARD)
    assert seen.attention.max() < 0.4


def test_the_picture_is_twice_as_wide_as_high_and_small() -> None:
    content = draw(evidence(glass()), CAPTION, CARD)
    assert pixels(content).shape == (HEIGHT, WIDTH, 3)
    assert WIDTH == 2 * HEIGHT
    assert len(content) < 150_000


def test_the_curve_rises_where_the_sound_is() -> None:
    picture = pixels(draw(evidence(glass()), CAPTION, CARD))
    ys, xs = where(picture, CYAN, PLOT)
    # The plot reaches from column 96 (0 s) to 1000 (the end).
    seconds = (xs - 96) / (1_000 - 96) * look_back(glass(), "glass_break", CARD).seconds
    assert ys[(seconds > 3.7) & (seconds < 4.2)].max() < 60, "near the top"
    assert ys[seconds < 2.5].min() > 200, "near the bottom"


def test_onset_and_offset_are_marked() -> None:
    samples = glass()
    picture = pixels(draw(evidence(samples, 2.0, 5.0), CAPTION, CARD))
    _, xs = where(picture, WHITE, PLOT)
    columns, counts = np.unique(xs, return_counts=True)
    lines = columns[counts > 300]
    seconds = look_back(samples, "glass_break", CARD).seconds
    expected = [96 + 904 * moment / seconds for moment in (2.0, 5.0)]
    assert [min(abs(lines - x)) for x in expected] == pytest.approx([0, 0], abs=3)
    assert not any(min(abs(x - column) for x in expected) > 3 for column in lines)


def test_the_sound_is_brighter_than_the_room() -> None:
    light = pixels(draw(evidence(glass()), CAPTION, CARD))[PLOT, 96:1_000].sum(axis=-1).mean(axis=0)
    moments = np.linspace(0, glass().size / 16_000, light.size)
    assert light[(moments > 3.7) & (moments < 4.2)].mean() > 3 * light[moments < 2.5].mean()


def test_a_quiet_room_stays_dark() -> None:
    picture = pixels(draw(evidence(room(4)), CAPTION, CARD))
    assert picture[PLOT, 96:1_000].mean() < 90


def test_long_words_are_written_smaller_and_do_not_overlap() -> None:
    caption = Caption("Alarme de monoxyde de carbone", "Niveau de confiance 97 %", CAPTION.time)
    for each in (CAPTION, caption):
        picture = pixels(draw(evidence(glass()), each, CARD))
        white, cyan, grey = (where(picture, colour, HEADER)[1] for colour in (WHITE, CYAN, GREY))
        assert white.max() < cyan.min() < cyan.max() < grey[grey > cyan.max()].min()
        assert max(white.max(), cyan.max(), grey.max()) < WIDTH - 10


def test_accents_are_left_out() -> None:
    accented = draw(evidence(glass()), Caption("Détecteur de fumée", "97 %", ""), CARD)
    assert accented == draw(evidence(glass()), Caption("Detecteur de fumee", "97 %", ""), CARD)


@pytest.mark.parametrize("samples", [1, 300, 8_000, 14 * 16_000])
@pytest.mark.parametrize("label", CARD.labels)
def test_silence_of_any_length_can_be_drawn(samples: int, label: str) -> None:
    content = draw(evidence(np.zeros(samples, np.int16), 0, samples / 16_000, label), CAPTION, CARD)
    assert pixels(content).shape == (HEIGHT, WIDTH, 3)


def test_a_sound_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        draw(evidence(glass(), label="barking"), CAPTION, CARD)
