"""Sounds made up for tests, and files of them."""

import subprocess
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000


def tone(seconds: float, hz: float = 1_000, amplitude: float = 0.5) -> NDArray[np.int16]:
    """Return a sine at 16 kHz."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    samples: NDArray[np.int16] = (amplitude * 32_767 * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)
    return samples


def write_wav(path: Path, samples: NDArray[np.int16], rate_hz: int = RATE_HZ) -> Path:
    """Write mono 16-bit samples and return the path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> NDArray[np.int16]:
    """Return the samples of a mono 16-bit file."""
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def convert(source: Path, target: Path, *options: str) -> Path:
    """Convert a sound file with ffmpeg and return the new one's path."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source, *options, target], check=True)
    return target


def loudest_hz(samples: NDArray[np.int16]) -> float:
    """Return the frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * RATE_HZ / samples.size)
