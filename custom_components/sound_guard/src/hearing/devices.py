"""Which microphones this machine has."""

from dataclasses import dataclass

from .ffmpeg import list_sources
from .portaudio import list_inputs

_ALSA_PLUGINS = frozenset(
    "default null pulse pipewire jack oss sysdefault lavrate samplerate speexrate speex upmix vdownmix dmix".split()
)
"""ALSA's names for conversions and servers; what they lead to is listed under its own name."""


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone that can be listened to."""

    spec: str
    """Its name for open_source()."""

    name: str
    """Its name for people."""


def list_devices(ffmpeg: str = "ffmpeg") -> list[Device]:
    """Return the microphones found, the default one first (listed in any case), what plays on loudspeakers last."""
    devices = [Device("default", "Default microphone")]
    devices += [Device(f"pyaudio:{name}", name) for name in list_inputs() if name not in _ALSA_PLUGINS]
    pulse = list_sources("pulse", ffmpeg=ffmpeg)
    devices += [Device(f"pulse:{name}", title) for name, title in pulse if not name.endswith(".monitor")]
    if len(devices) == 1:
        # PyAudio lists ALSA's devices itself, and a sound server owns them.
        alsa = list_sources("alsa", ffmpeg=ffmpeg)
        devices += [Device(f"alsa:{name}", title) for name, title in alsa if name.startswith("plughw:")]
    devices += [Device(f"pulse:{name}", title) for name, title in pulse if name.endswith(".monitor")]
    return list({device.spec: device for device in devices}.values())
