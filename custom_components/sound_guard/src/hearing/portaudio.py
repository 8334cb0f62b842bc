"""The local microphone through PyAudio and PortAudio. The only file that meets PyAudio."""

import contextlib
import importlib
from collections import deque
from collections.abc import Iterator
from threading import Condition, Lock, Thread, current_thread
from typing import Any, Self

import numpy as np

from .features import Block
from .source import BLOCK_SAMPLES, SAMPLE_RATE_HZ, STALL_S, Backlog, Reason, SourceError

DEFAULT = "default"
"""The name of whatever the system uses as its microphone."""

_PORTAUDIO = Lock()
"""Held around every call that opens or closes: PortAudio is one per process and not threadsafe."""

_QUEUE_BLOCKS = 100
"""Sound kept while the listener is busy: 10 s. After that the oldest is dropped and counted."""

_WATCH_S = 0.5
_CLOSE_S = 1.0
_LIST_S = 5.0

_ERRORS = {
    -9985: (Reason.NO_DEVICE, "another program is using this microphone."),
    -9996: (Reason.NO_DEVICE, "no microphone is connected."),
    -9997: (Reason.BAD_SOURCE, "does not record at 16 kHz. Choose 'default', which converts."),
    -9998: (Reason.BAD_SOURCE, "does not record one channel. Choose 'default', which converts."),
    -9999: (Reason.NO_SERVER, "the sound system fails. Is the sound server (PulseAudio or PipeWire) running?"),
}
"""PortAudio's error numbers in plain words."""


class PortAudioSource:
    """A microphone opened by PortAudio. Iterate in one thread; close() may come from any thread.

    Against a wedged sound server PortAudio's calls do not return. So a thread of its own makes them, nobody waits for
    it longer than agreed, and while it hangs no other one starts.
    """

    def __init__(self, name: str = DEFAULT, *, stall_s: float = STALL_S) -> None:
        """Remember which microphone; it is opened on entering."""
        self.description = f"PyAudio: {name}"
        self.dropped_blocks = 0
        self._name = name
        self._stall_s = stall_s
        self._owner: Thread | None = None
        self._news = Condition()
        # Guarded by _news:
        self._blocks: deque[bytes] = deque(maxlen=_QUEUE_BLOCKS)
        self._failure: SourceError | None = None
        self._closed = False

    @property
    def backlog(self) -> Backlog:
        """The queue, and what has fallen out of it."""
        with self._news:
            return Backlog(_seconds(len(self._blocks)), _seconds(self.dropped_blocks))

    def __enter__(self) -> Self:
        """Begin to open the microphone; what goes wrong shows when iterating."""
        with self._news:
            if not self._closed:
                self._owner = Thread(target=self._own, name=self.description, daemon=True)
                self._owner.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the microphone."""
        self.close()

    def __iter__(self) -> Iterator[Block]:
        """Yield int16 blocks as they are recorded.

        Raises:
            SourceError: it cannot be opened, was lost or has stalled.
        """
        while data := self._next():
            yield np.frombuffer(data, np.int16)

    def close(self) -> None:
        """Close the microphone and end a running iteration."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._owner is not None and self._owner is not current_thread():
            self._owner.join(_CLOSE_S)

    def _next(self) -> bytes:
        with self._news:
            self._news.wait_for(lambda: self._blocks or self._failure or self._closed, self._stall_s)
            if self._closed:
                return b""
            if self._blocks:
                return self._blocks.popleft()
            raise self._failure or self._stalled()

    def _stalled(self) -> SourceError:
        return SourceError(Reason.STALLED, f"{self.description}: no sound came for {self._stall_s:g} s.")

    def _own(self) -> None:
        """Open the stream, watch it and close it: the life of the owner thread."""
        try:
            with _portaudio(self._stall_s) as pyaudio:
                session = pyaudio.PyAudio()
            try:
                with _portaudio(self._stall_s):
                    stream = _open(pyaudio, session, self._name, self._hear)
                self._watch(stream)
            finally:
                with _PORTAUDIO:
                    # Closes the stream, too. The last session to end lets PortAudio forget its list of devices, so
                    # that the next one looks again.
                    session.terminate()
        except SourceError as error:
            self._fail(SourceError(error.reason, f"{self.description}: {error}"))
        except OSError as error:
            reason, words = _ERRORS.get(error.errno or 0, (Reason.LOST, f"the sound system fails ({error})."))
            self._fail(SourceError(reason, f"{self.description}: {words}"))

    def _watch(self, stream: Any) -> None:
        """Return when this source is closed.

        Raises:
            SourceError: the stream has ended by itself.
        """
        while stream.is_active():
            with self._news:
                if self._news.wait_for(lambda: self._closed, _WATCH_S):
                    return
        raise SourceError(Reason.LOST, "the microphone or the sound server has gone.")

    def _hear(self, data: bytes, *_: object) -> tuple[None, int]:
        """Take a block from PortAudio's thread."""
        with self._news:
            self.dropped_blocks += len(self._blocks) == _QUEUE_BLOCKS
            self._blocks.append(data)
            self._news.notify_all()
        return None, 0

    def _fail(self, error: SourceError) -> None:
        with self._news:
            self._failure = error
            self._news.notify_all()


def _seconds(blocks: int) -> float:
    return blocks * BLOCK_SAMPLES / SAMPLE_RATE_HZ


def list_inputs() -> list[str]:
    """Return the names of the microphones that record 16 kHz mono; none without PyAudio or with a wedged server."""
    found: list[str] = []
    thread = Thread(target=_collect, args=(found,), name="PyAudio: list", daemon=True)
    thread.start()
    thread.join(_LIST_S)
    return list(found)


def _collect(found: list[str]) -> None:
    with contextlib.suppress(SourceError, OSError), _portaudio(_LIST_S) as pyaudio:
        session = pyaudio.PyAudio()
        try:
            for index in range(session.get_device_count()):
                # ValueError: what the device does not offer.
                with contextlib.suppress(ValueError):
                    session.is_format_supported(
                        SAMPLE_RATE_HZ, input_device=index, input_channels=1, input_format=pyaudio.paInt16
                    )
                    found.append(str(session.get_device_info_by_index(index)["name"]))
        finally:
            session.terminate()


@contextlib.contextmanager
def _portaudio(patience_s: float) -> Iterator[Any]:
    """Yield the pyaudio module, with PortAudio to ourselves.

    Raises:
        SourceError: PyAudio is not installed, or another call hangs.
    """
    try:
        pyaudio = importlib.import_module("pyaudio")
    except ImportError as error:
        raise SourceError(Reason.NO_BACKEND, "PyAudio is not installed here.") from error
    if not _PORTAUDIO.acquire(timeout=patience_s):
        raise SourceError(Reason.STALLED, "the sound system does not answer.")
    try:
        yield pyaudio
    finally:
        _PORTAUDIO.release()


def _open(pyaudio: Any, session: Any, name: str, callback: Any) -> Any:
    index = None if name == DEFAULT else _find(session, name)
    return session.open(
        format=pyaudio.paInt16,
        channels=1,
        rate=SAMPLE_RATE_HZ,
        input=True,
        input_device_index=index,
        frames_per_buffer=BLOCK_SAMPLES,
        stream_callback=callback,
    )


def _find(session: Any, name: str) -> int:
    """Return the index of the microphone with this name, or with this in its name."""
    infos = [session.get_device_info_by_index(index) for index in range(session.get_device_count())]
    inputs = [info for info in infos if info["maxInputChannels"] > 0]
    for info in (
        *(info for info in inputs if info["name"] == name),
        *(info for info in inputs if name.lower() in str(info["name"]).lower()),
    ):
        return int(info["index"])
    raise SourceError(Reason.NO_DEVICE, "there is no such microphone.")
