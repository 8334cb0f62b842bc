"""Ways to damage good input: bytes, text, and the values of JSON. All is drawn from a Random that is passed in."""

import copy
import json
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

NUMBERS = (0, 1, 2, 4, 7, 8, 16, 127, 128, 255, 256, 1000, 4096, 32767, 32768, 65535, 65536, 1 << 20, 1 << 24)
EDGES = (*NUMBERS, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 32) - 8, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
"""Whole numbers at which programs go wrong."""

ODD_TEXTS = (
    "",
    " ",
    "\0",
    "a\nb",
    "\ud800",
    "x" * 300,
    "x" * 20_000,
    "../../etc/passwd",
    "/dev/zero",
    "file:///etc/passwd",
    "%s%n{0}${x}",
    "ﷺ\u202e",
    "-1",
    "1e999",
    "NaN",
    "9" * 5_000,
    "2026-13-41T25:61:61+99:99",
    "2026-01-01T00:00:00",
)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -0.0, 1, -1, 0.5, 2, 255, 1 << 31, -(1 << 31), 1 << 63, -(1 << 64), 10**400),
    *(1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf"), *ODD_TEXTS),
    *([], {}, [None], [[[]]], [0] * 500, {"": {}}, {"a": 1}, ["a", 1, None, {}]),
)

Bytes = Callable[[Random, bytearray, Sequence[bytes]], None]


def damaged(draw: Random, samples: Sequence[bytes]) -> bytes:
    """Return one of the samples with some of it changed."""
    content = bytearray(draw.choice(samples))
    for _ in range(_few(draw)):
        draw.choice(_CHANGES)(draw, content, samples)
    return bytes(content)


def damaged_text(draw: Random, samples: Sequence[str], pieces: Sequence[str] = ODD_TEXTS) -> str:
    """Return one of the texts with pieces taken out, doubled, put in or replaced."""
    text = draw.choice(samples)
    for _ in range(_few(draw)):
        start, end = _span(draw, len(text))
        piece = draw.choice(
            (
                "",
                draw.choice(pieces),
                text[start:end] * 2,
                chr(draw.choice((draw.randrange(128), draw.randrange(0x3000)))),
            )
        )
        text = text[:start] + piece + text[end if draw.random() < 0.5 else start :]
    return text


def damaged_value(draw: Random, samples: Sequence[Any], odd: Sequence[Any] = ODD_VALUES) -> Any:
    """Return one of the JSON values with some of the values in it replaced, renamed, moved or taken away."""
    root = [copy.deepcopy(draw.choice(samples))]
    for _ in range(_few(draw)):
        holder, key = _place(draw, root)
        change = draw.randrange(6)
        if change == 0 and holder is not root:
            del holder[key]
        elif change == 1 and isinstance(holder, dict):
            holder[draw.choice((*ODD_TEXTS[:6], "a", "schema"))] = holder.pop(key)
        elif change == 2:
            other, place = _place(draw, root)
            holder[key] = copy.deepcopy(other[place])
        elif change == 3 and isinstance(holder[key], str):
            holder[key] = damaged_text(draw, [holder[key]])
        elif change == 4 and isinstance(holder[key], int | float):
            holder[key] = draw.choice((-holder[key], holder[key] * 2, holder[key] + 1, str(holder[key]), [holder[key]]))
        else:
            holder[key] = copy.deepcopy(draw.choice(odd))
    return root[0]


def damaged_json(draw: Random, samples: Sequence[Any]) -> bytes:
    """Return JSON with damaged values, now and then damaged as text as well, or nested deeper than anybody reads."""
    if draw.random() < 0.01:
        return draw.choice((b"[", b'{"a":', b'[{"regions":')) * draw.choice((500, 3_000, 100_000))
    text = json.dumps(damaged_value(draw, samples)).encode()
    return damaged(draw, [text]) if draw.random() < 0.2 else text


def _few(draw: Random) -> int:
    return 1 + min(12, int(draw.expovariate(0.6)))


def _span(draw: Random, size: int) -> tuple[int, int]:
    start = draw.randint(0, size)
    return start, min(size, start + int(draw.expovariate(0.1)))


def _place(draw: Random, root: list[Any]) -> tuple[Any, Any]:
    """Return a list or dictionary and a place in it, from somewhere below the root."""
    holder: Any = root
    key: Any = 0
    while isinstance(holder[key], dict | list) and holder[key] and draw.random() < 0.85:
        holder = holder[key]
        key = draw.choice(list(holder)) if isinstance(holder, dict) else draw.randrange(len(holder))
    return holder, key


def _flip(draw: Random, content: bytearray, _: Sequence[bytes]) -> None:
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _replace(draw: Random, content: bytearray, _: Sequence[bytes]) -> None:
    if content:
        content[draw.randrange(len(content))] = draw.randrange(256)


def _number(draw: Random, content: bytearray, _: Sequence[bytes]) -> None:
    """Write a number over what may be a length, an offset or a size."""
    layout, size = draw.choice((("B", 1), ("<H", 2), ("<I", 4), ("<I", 4), (">I", 4), ("<Q", 8)))
    if len(content) < size:
        return
    place = draw.randrange(len(content) - size + 1)
    if draw.random() < 0.7:
        place -= place % size
    (before,) = struct.unpack_from(layout, content, place)
    value = draw.choice((draw.choice(EDGES), before + draw.randint(-16, 16), before * 2, before // 2, ~before))
    struct.pack_into(layout, content, place, value % (1 << 8 * size))


def _cut(draw: Random, content: bytearray, _: Sequence[bytes]) -> None:
    del content[draw.randint(0, len(content)) :]


def _remove(draw: Random, content: bytearray, _: Sequence[bytes]) -> None:
    start, end = _span(draw, len(content))
    del content[start:end]


def _double(draw: Random, content: bytearray, _: Sequence[bytes]) -> None:
    start, end = _span(draw, len(content))
    content[start:start] = content[start:end] * draw.choice((1, 1, 2, 50))


def _insert(draw: Random, content: bytearray, _: Sequence[bytes]) -> None:
    start = draw.randint(0, len(content))
    content[start:start] = draw.randbytes(draw.choice((1, 2, 4, 8, 64)))


def _splice(draw: Random, content: bytearray, samples: Sequence[bytes]) -> None:
    """Go on as another sample does."""
    other = draw.choice(samples)
    content[draw.randint(0, len(content)) :] = other[draw.randint(0, len(other)) :]


_CHANGES: tuple[Bytes, ...] = (
    *(_flip, _flip, _replace, _replace, _number, _number, _number, _number),
    *(_cut, _remove, _double, _insert, _splice),
)
