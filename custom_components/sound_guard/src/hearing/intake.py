"""What ffmpeg can be asked to open, with which options, and how to read its complaints."""

from dataclasses import dataclass
from pathlib import Path

from .source import Reason, redact

Complaints = tuple[tuple[str, Reason, str], ...]
"""Pattern in ffmpeg's words (lower case), reason, plain sentence about {0}. The first match counts."""


_NETWORK_DOWN = (
    r"connection refused|no route to host|unreachable|timed out|failed to resolve|not known|connection reset"
)

_PULSE: Complaints = (
    (r"unknown input format", Reason.NO_BACKEND, "{0}: this ffmpeg was built without PulseAudio."),
    (r"not permitted|permission denied", Reason.NO_PERMISSION, "{0}: the sound server lets nobody in from here."),
    (
        # ffmpeg shows PulseAudio's error numbers as if they were the system's: these are "refused" and "timed out".
        r"no such process|no such device or address|connection refused|exec format|external library",
        Reason.NO_SERVER,
        "{0}: the sound server (PulseAudio or PipeWire) is not running or cannot be reached.",
    ),
    (r"input/output|i/o error|no such file", Reason.NO_DEVICE, "{0}: the sound server has no such microphone."),
)

_ALSA: Complaints = (
    (r"unknown input format", Reason.NO_BACKEND, "{0}: this ffmpeg was built without ALSA."),
    (r"permission denied", Reason.NO_PERMISSION, "{0}: not allowed. The user must be in the group 'audio'."),
    (r"resource busy", Reason.NO_DEVICE, "{0}: another program is using this microphone."),
    (r"cannot set", Reason.BAD_SOURCE, "{0}: does not offer a usable format. Try the same name with 'plughw:'."),
    (r".", Reason.NO_DEVICE, "{0}: there is no such microphone."),
)

_STREAM: Complaints = (
    (r"(returned|failed:) 40[13]|authorization failed", Reason.REFUSED, "{0}: the user name or password is refused."),
    (r"(returned|failed:) 404", Reason.NOT_FOUND, "{0}: the server is there, but has no such stream."),
    (r"not on whitelist|unsafe file name", Reason.BAD_SOURCE, "{0}: leads to a kind of address that is not allowed."),
    (_NETWORK_DOWN, Reason.REFUSED, "{0}: cannot be reached. Is it switched on, and is the address right?"),
    (r"(returned|failed:) [45]", Reason.REFUSED, "{0}: the server has an error of its own."),
    (r"matches no streams|any stream", Reason.NOT_AUDIO, "{0}: has no sound. Is the camera's microphone on?"),
    (r"invalid data", Reason.NOT_AUDIO, "{0}: is no sound that ffmpeg can read."),
    (
        r"invalid argument",
        Reason.BAD_SOURCE,
        "{0}: is no valid address. Special characters in a password must be written as % and two digits.",
    ),
)

_FILE: Complaints = (
    (r"permission denied", Reason.NO_PERMISSION, "{0}: this user may not read it."),
    (r"no such file", Reason.NOT_FOUND, "{0}: there is no such file."),
    (r"matches no streams|any stream", Reason.NOT_AUDIO, "{0}: holds no sound."),
    (r".", Reason.NOT_AUDIO, "{0}: is not a sound file that ffmpeg can read."),
)


@dataclass(frozen=True, slots=True)
class Intake:
    """One thing that ffmpeg can open."""

    name: str
    """As ffmpeg is given it; may hold a password."""

    description: str
    """For people, without credentials."""

    options: tuple[str, ...]
    """ffmpeg's options for this input."""

    complaints: Complaints
    """How to tell why it cannot be opened."""

    is_live: bool = True
    """False for files: only they may end."""


def pulse(name: str) -> Intake:
    """Return a source of the PulseAudio (or PipeWire) sound server."""
    # The server's usual rate, so that ffmpeg's better resampler does the work; one wake-up per block of 0.1 s.
    options = "-fflags nobuffer -f pulse -sample_rate 48000 -channels 1 -fragment_size 9600".split()
    return Intake(name, f"ffmpeg: pulse {name}", (*options, "-name", "Sound Guard"), _PULSE)


def alsa(name: str) -> Intake:
    """Return an ALSA capture device."""
    options = "-fflags nobuffer -f alsa -sample_rate 48000 -channels 1".split()
    return Intake(name, f"ffmpeg: alsa {name}", tuple(options), _ALSA)


def stream(url: str) -> Intake:
    """Return an RTSP or HTTP stream. It may lead on to the network only: a playlist reads no file here."""
    # What ffmpeg studies of a stream before it begins is not heard: by default 5 s, here one.
    options = "-fflags nobuffer -probesize 65536 -analyzeduration 1000000".split()
    options += "-protocol_whitelist http,https,tcp,tls,crypto".split()
    if url.lower().startswith("rtsp"):
        options = "-fflags nobuffer -protocol_whitelist rtsp,rtp,tcp,tls,crypto".split()
        options += "-rtsp_transport tcp -allowed_media_types audio".split()
    return Intake(url, redact(url), tuple(options), _STREAM)


def file(path: Path) -> Intake:
    """Return a file. It may lead on to files only: a playlist makes no connection."""
    return Intake(f"file:{path}", str(path), ("-protocol_whitelist", "file,crypto"), _FILE, is_live=False)
