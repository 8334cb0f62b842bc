"""A microphone without hardware: a private PulseAudio whose loudspeaker is its microphone."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

SINK = "virtual_sink"
SOURCE = "virtual_microphone"

PLUG = (
    f"module-remap-source master={SINK}.monitor source_name={SOURCE}"
    " source_properties=device.description=VirtualMicrophone"
)
"""What makes a microphone of the loudspeaker, as the sound server is told."""

START_S = 10.0


class VirtualMicrophone:
    """What is played into it is recorded from it. Needs the programs pulseaudio, pactl and paplay; works as root."""

    def __init__(self, folder: Path, *, noise: bool = False) -> None:
        """Keep the server's files in `folder`, which should have a short path: it holds a socket.

        `noise`: the room is not completely silent, as no real one is.
        """
        self._folder = folder
        self._noise = noise
        self._server: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []

    @property
    def env(self) -> dict[str, str]:
        """Environment that leads programs to this microphone: add it to theirs."""
        return {"PULSE_SERVER": f"unix:{self._folder / 'native'}"}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the sound server and wait until it can be used. It may be started again after kill()."""
        runtime = self._folder / "pulse"
        runtime.mkdir(parents=True, exist_ok=True)
        runtime.chmod(0o700)
        self._folder.chmod(0o700)
        modules = (
            f"module-native-protocol-unix socket={self._folder / 'native'} auth-anonymous=1",
            # Without rewinds sound takes 0.1 to 0.3 s from paplay to the microphone instead of 2 s.
            f"module-null-sink sink_name={SINK} rate=48000 channels=1 norewinds=1",
            PLUG,
            "module-always-sink",
        )
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        command += ["--disable-shm=yes", f"--log-target=file:{self._folder / 'pulse.log'}"]
        self._server = subprocess.Popen(
            [*command, *(argument for module in modules for argument in ("-L", module))],
            env=os.environ
            | {
                "XDG_RUNTIME_DIR": str(self._folder),
                "XDG_CONFIG_HOME": str(self._folder),
                "PULSE_RUNTIME_PATH": str(runtime),
                "PULSE_STATE_PATH": str(runtime),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_until(lambda: self._control("info"), "the sound server did not start")
        assert self._control("set-default-sink", SINK)
        assert self._control("set-default-source", SOURCE)
        if self._noise:
            noise = "ffmpeg -nostdin -v error -f lavfi -i anoisesrc=amplitude=0.002:sample_rate=48000 -f pulse noise"
            self._players.append(subprocess.Popen(noise.split(), env=os.environ | self.env))

    def stop(self) -> None:
        """Stop the server and everything that plays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Let the server die without a word to its clients."""
        self._end(signal.SIGKILL)

    def mute(self, muted: bool) -> None:
        """Press the button on the microphone."""
        assert self._control("set-source-mute", SOURCE, str(int(muted)))

    def unplug(self) -> None:
        """Pull the microphone's plug."""
        assert self._control("unload-module", "module-remap-source")

    def plug_in(self) -> None:
        """Put the plug back."""
        assert self._control("load-module", *PLUG.split())

    def add(self, name: str, rate_hz: int = 48_000) -> str:
        """Add another device that records what is played into it; return the name of its microphone."""
        options = (f"sink_name={name}", f"rate={rate_hz}", "channels=1", "norewinds=1")
        assert self._control("load-module", "module-null-sink", *options)
        return f"{name}.monitor"

    def choose(self, source: str) -> None:
        """Make another microphone the default one."""
        assert self._control("set-default-source", source)

    def suspend(self) -> None:
        """Wedge the server: it is there, and no longer answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a wedged server go on."""
        self._signal(signal.SIGCONT)

    def play(self, path: Path, *, background: bool = False, device: str = SINK) -> None:
        """Play a sound file into the microphone or another device, in the background or until it is over."""
        player = subprocess.Popen(["paplay", f"--device={device}", str(path)], env=os.environ | self.env)
        self._players.append(player)
        if not background:
            assert player.wait() == 0, f"paplay cannot play {path}"

    def _control(self, *command: str) -> bool:
        pactl = subprocess.run(
            ["pactl", *command], env=os.environ | self.env, capture_output=True, timeout=START_S, check=False
        )
        return pactl.returncode == 0

    def _signal(self, sign: signal.Signals) -> None:
        assert self._server is not None, "the server has not been started"
        self._server.send_signal(sign)

    def _end(self, sign: signal.Signals) -> None:
        for player in self._players:
            with contextlib.suppress(ProcessLookupError):
                player.kill()
            player.wait()
        self._players.clear()
        if self._server is not None:
            self._signal(signal.SIGCONT)
            self._signal(sign)
            self._server.wait()
            self._server = None


def _wait_until(ready: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + START_S
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(0.05)
