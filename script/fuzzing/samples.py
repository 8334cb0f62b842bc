"""Small sound files, to be damaged."""

import subprocess
from pathlib import Path

import numpy as np

from hearing.source import SAMPLE_RATE_HZ
from hearing.wire import encode_clip


def wav_samples() -> list[bytes]:
    """Return WAV files: the plain one, with other chunks around the sound, cut off, and of other kinds."""
    sound = np.arange(-200, 200, dtype=np.int16) * 80
    plain = encode_clip(sound)
    head, tail = plain[:12], plain[12:]
    note = b"LIST\x06\x00\x00\x00INFOab" + b"odd \x03\x00\x00\x00abc\x00"
    layout = tail[:24]
    extensible = (
        b"fmt \x28\x00\x00\x00\xfe\xff" + layout[10:24] + b"\x16\x00\x10\x00\x04\x00\x00\x00\x01\x00" + bytes(14)
    )
    return [
        plain,
        head + note + tail + note,
        head + extensible + tail[24:],
        plain[:-101],
        plain[:40] + b"\xff\xff\xff\xff" + plain[44:],
        plain.replace(b"\x80>\0\0", b"\x40\x1f\0\0"),
        b"RIFX" + plain[4:],
        encode_clip(sound[:0]),
        encode_clip(np.zeros(SAMPLE_RATE_HZ // 5, np.int16)),
    ]


def encoded_sounds(folder: Path) -> list[bytes]:
    """Return short sound files in the formats that ffmpeg can write on every machine."""
    sounds = []
    kinds: dict[str, list[str]] = {
        "flac": [],
        "ogg": ["-c:a", "flac"],
        "mp3": [],
        "m4a": [],
        "wav": ["-ar", "8000"],
        "mka": ["-c:a", "pcm_s16le"],
    }
    for kind, options in kinds.items():
        path = folder / f"good.{kind}"
        make: list[str | Path] = [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            "sine=d=0.15:r=16000",
            *options,
            path,
        ]
        if subprocess.run(make, check=False, capture_output=True).returncode == 0:
            sounds.append(path.read_bytes())
    return sounds
