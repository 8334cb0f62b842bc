"""What ffmpeg can be asked to open, with which options, and how to read its complaints."""

import re
from dataclasses import dataclass
from pathlib import Path

from .source import Reason, SourceError, redact

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
    (r"format not on whitelist", Reason.NOT_AUDIO, "{0}: is no sound, or a playlist that is not followed."),
    (r"not on whitelist|unsafe file name", Reason.BAD_SOURCE, "{0}: leads to a kind of address that is not allowed."),
    (_NETWORK_DOWN, Reason.REFUSED, "{0}: cannot be reached. Is it switched on, and is the address right?"),
    (r"(returned|failed:) [45]", Reason.REFUSED, "{0}: the server has an error of its own."),
    (r"matches no streams|any stream", Reason.NOT_AUDIO, "{0}: has no sound. Is the camera's microphone on?"),
    (r"invalid data", Reason.NOT_AUDIO, "{0}: is no sound that ffmpeg can read."),
    (r"input/output error", Reason.REFUSED, "{0}: leads in circles, or its server breaks the connection off."),
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


_SOUND = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,iff,matroska,mlp,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,nut,"
    "ogg,oma,rm,shn,sox,tak,truehd,tta,voc,w64,wav,wtv,wv,xwma"
)
"""The formats that are read, by ffmpeg's names: each is sound, or a film with sound, in one piece. What is missing are
playlists, scripts and lists of pictures (concat, dash, hls, imf, sdp, image2), which make ffmpeg open other things."""

_CARDS = re.compile(r"(default|dsnoop|front|hw|plughw|sysdefault)(:[\w=,.-]+)?|[\w.-]+", re.ASCII)
"""A sound card, or a name that the owner's own asound.conf explains. ALSA takes more for a name: a whole configuration
that writes files and starts programs."""


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

    on_roll: bool = False
    """Whether it stands in the sound server's list of microphones by its name."""


def pulse(name: str) -> Intake:
    """Return a source of the PulseAudio (or PipeWire) sound server."""
    # The server's usual rate, so that ffmpeg's better resampler does the work; one wake-up per block of 0.1 s.
    options = "-fflags nobuffer -f pulse -sample_rate 48000 -channels 1 -fragment_size 9600".split()
    # "default", "@DEFAULT_SOURCE@" and numbers are whatever the server makes of them.
    on_roll = name != "default" and not name.startswith("@") and not name.isdecimal()
    return Intake(name, f"ffmpeg: pulse {name}", (*options, "-name", "Sound Guard"), _PULSE, on_roll=on_roll)


def alsa(name: str) -> Intake:
    """Return an ALSA capture device.

    Raises:
        SourceError: BAD_SOURCE, it is more than the name of one.
    """
    if not _CARDS.fullmatch(name):
        raise SourceError(
            Reason.BAD_SOURCE,
            f"{name!r} is no name of an ALSA microphone. Such a name is like 'plughw:1,0', 'hw:CARD=USB' or 'default'.",
        )
    options = "-fflags nobuffer -f alsa -sample_rate 48000 -channels 1".split()
    return Intake(name, f"ffmpeg: alsa {name}", tuple(options), _ALSA)


def stream(url: str) -> Intake:
    """Return an RTSP or HTTP stream. It may lead on to the network only: no playlist or redirect reads a file here."""
    if url.lower().startswith("rtsp"):
        options = "-fflags nobuffer -protocol_whitelist rtsp,rtp,tcp,tls,crypto -format_whitelist rtsp".split()
        options += "-rtsp_transport tcp -allowed_media_types audio".split()
        return Intake(url, redact(url), tuple(options), _STREAM)
    # What ffmpeg studies of a stream before it begins is not heard: by default 5 s, here one.
    options = "-fflags nobuffer -probesize 65536 -analyzeduration 1000000".split()
    # HLS is how radios and cameras stream over HTTP. It is the only playlist that is followed.
    options += ["-protocol_whitelist", "http,https,tcp,tls,crypto", "-format_whitelist", f"{_SOUND},hls"]
    return Intake(url, redact(url), tuple(options), _STREAM)


def file(path: Path) -> Intake:
    """Return a file. It leads on to nothing, whatever is in it: neither to other files nor to the network."""
    options = ("-protocol_whitelist", "file", "-format_whitelist", _SOUND)
    return Intake(f"file:{path}", str(path), options, _FILE, is_live=False)
