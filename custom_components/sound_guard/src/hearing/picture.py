"""The picture of a detection: the sound's spectrogram, and over it where the model heard what it was looking for."""

import io
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .card import ModelCard
from .evidence import Evidence
from .features import FeatureConfig, Frames
from .hindsight import Hindsight, look_back

# Twice as wide as high: phones show that whole in a notification.
WIDTH, HEIGHT = 1_024, 512
_LEFT, _TOP, _RIGHT, _BOTTOM = 96, 76, 1_000, 452
"""The edges of the spectrogram; the scales and the words stand around it."""

_MARGIN, _GAP = 20, 32
"""Room left of the words, and least room between them."""

_FINE = 2
"""Curves are drawn this much larger and then reduced, which smooths them."""

_RANGE = 1.1
"""Least difference between dark and bright, in feature units: about 20 dB, so that a silent room stays dark."""

_INK, _FAINT, _ATTENTION = "#f4f1ea", "#a8a4b8", "#5fe3ff"
_DIM = 0.5
"""Brightness of what the model paid no attention to."""

_ANCHORS = ("#0b0a1e", "#2a1458", "#6b1d81", "#b0307a", "#e8575a", "#fb9a58", "#fde08e", "#fffbe6")
"""From silence to the loudest: lightness rises evenly, so that no edge is seen where the sound has none."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The words in the picture. Only what ASCII can write is drawn: accents are left out."""

    sound: str
    """What was heard, for instance "Smoke alarm"."""

    confidence: str
    """How sure the model was, for instance "Confidence 97 %"."""

    time: str
    """When, for instance "2026-11-22 12:03:07"."""


def draw(evidence: Evidence, caption: Caption, card: ModelCard) -> bytes:
    """Return a PNG of what was heard and why it was reported. Takes some 100 ms; not for the event loop.

    Raises:
        CardError: the model does not fit its card.
        ValueError: the model does not know the evidence's label.
    """
    seen = look_back(evidence.samples, evidence.label, card)
    picture = Image.new("RGB", (WIDTH, HEIGHT), _ANCHORS[0])
    picture.paste(_spectrogram(seen), (_LEFT, _TOP))
    _draw_attention(picture, seen)
    _draw_event(picture, evidence, seen)
    _draw_scales(ImageDraw.Draw(picture), evidence, seen, card.features)
    _draw_caption(ImageDraw.Draw(picture), caption)
    content = io.BytesIO()
    # With a palette of its own it takes a quarter of the room, and of the time.
    picture.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(content, "PNG")
    return content.getvalue()


def _spectrogram(seen: Hindsight) -> Image.Image:
    """Return the frames in colour, dimmed where the model paid no attention."""
    size = (_RIGHT - _LEFT, _BOTTOM - _TOP)
    image = Image.fromarray(_brightness(seen.frames).T[::-1].copy()).resize(size, Image.Resampling.BICUBIC)
    levels = np.clip(np.asarray(image) * 255, 0, 255).astype(np.uint8)
    light = _DIM + (1 - _DIM) * _attention_at(seen, size[0])
    # In place and in single precision: every thread that has ever drawn keeps the memory that it needed.
    colours = _colours()[levels]
    colours *= light.astype(np.float32)[None, :, None]
    return Image.fromarray(colours.astype(np.uint8))


def _brightness(frames: Frames) -> Frames:
    """Return features scaled from the quiet of this clip (0) to its loudest (1)."""
    quiet, loud = np.percentile(frames, 20), np.max(frames)
    return np.asarray((frames - quiet) / max(loud - quiet, _RANGE), np.float32)


def _attention_at(seen: Hindsight, columns: int) -> NDArray[np.float64]:
    """Return the attention at evenly spaced moments of the clip, (columns,)."""
    if not seen.attention.size:
        return np.zeros(columns)
    return np.interp(np.linspace(0, seen.seconds, columns), seen.times_s, seen.attention)


def _draw_attention(picture: Image.Image, seen: Hindsight) -> None:
    """Draw the attention as a curve over the spectrogram, from its lower edge (none) to its upper edge (certain)."""
    width, height = _FINE * (_RIGHT - _LEFT), _FINE * (_BOTTOM - _TOP)
    curve = np.clip((1 - _attention_at(seen, width)) * (height - 8 * _FINE) + 4 * _FINE, 0, height)
    points = list(zip(range(width), curve.tolist(), strict=True))
    size = (_RIGHT - _LEFT, _BOTTOM - _TOP)
    for colour, thickness in (("#000000", 7), (_ATTENTION, 4)):
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).line(points, 255, thickness * _FINE, joint="curve")
        picture.paste(colour, (_LEFT, _TOP), mask.resize(size, Image.Resampling.LANCZOS))


def _draw_event(picture: Image.Image, evidence: Evidence, seen: Hindsight) -> None:
    """Mark where the event begins and ends."""
    drawing = ImageDraw.Draw(picture)
    onset, offset = (_column(seconds, seen) for seconds in (evidence.onset_s, evidence.offset_s))
    for x in (onset, offset):
        drawing.line((x, _TOP, x, _BOTTOM + 8), _INK, 2)
    drawing.line((onset, _BOTTOM + 6, offset, _BOTTOM + 6), _ATTENTION, 6)


def _draw_scales(drawing: ImageDraw.ImageDraw, evidence: Evidence, seen: Hindsight, features: FeatureConfig) -> None:
    font = _font(26)
    for khz in (1, 2, 4):
        y = _row(1_000 * khz, features)
        drawing.line((_LEFT - 8, y, _LEFT, y), _FAINT, 2)
        drawing.text((_LEFT - 14, y), f"{khz} kHz", _FAINT, font, anchor="rm")
    every_s = next(s for s in (1, 2, 5) if seen.seconds / s <= 9)
    first_s = -int(evidence.onset_s / every_s) * every_s
    for second in range(first_s, int(seen.seconds - evidence.onset_s) + 1, every_s):
        x = _column(evidence.onset_s + second, seen)
        drawing.line((x, _BOTTOM, x, _BOTTOM + 12), _FAINT, 2)
        drawing.text((min(x, WIDTH - 32), _BOTTOM + 18), f"{second} s", _FAINT, font, anchor="mt")


def _draw_caption(drawing: ImageDraw.ImageDraw, caption: Caption) -> None:
    words = [_ascii(text) for text in (caption.sound, caption.confidence, caption.time)]
    room = _RIGHT - _MARGIN - 2 * _GAP
    # Long words, as some languages have them, are written smaller.
    size = next((size for size in range(38, 20, -2) if sum(_font(size).getlength(word) for word in words) <= room), 20)
    font = _font(size)
    drawing.text((_MARGIN, _TOP // 2), words[0], _INK, font, anchor="lm")
    drawing.text((_MARGIN + font.getlength(words[0]) + _GAP, _TOP // 2), words[1], _ATTENTION, font, anchor="lm")
    drawing.text((_RIGHT, _TOP // 2), words[2], _FAINT, font, anchor="rm")


def _column(seconds: float, seen: Hindsight) -> int:
    return _LEFT + round((_RIGHT - _LEFT) * min(max(seconds / seen.seconds, 0), 1))


def _row(hz: float, features: FeatureConfig) -> int:
    low, here, high = (float(np.log10(1 + value / 700)) for value in (features.low_hz, hz, features.high_hz))
    return _BOTTOM - round((_BOTTOM - _TOP) * (here - low) / (high - low))


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font: no file of the system is needed."""
    return ImageFont.load_default(size)


@lru_cache(maxsize=1)
def _colours() -> NDArray[np.float32]:
    """Return 256 colours from the anchors, (256, 3), 0 to 255; blended by light, as the eye does, not by voltage."""
    anchors = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in _ANCHORS]) / 255
    places = np.linspace(0, len(anchors) - 1, 256)
    light = [np.interp(places, range(len(anchors)), anchors[:, channel] ** 2.2) for channel in range(3)]
    return np.asarray(255 * np.stack(light, axis=1) ** (1 / 2.2), np.float32)
