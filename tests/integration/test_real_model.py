"""The shipped model hears real files through the real engine, also where nothing but numpy is installed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Self

import numpy as np
import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from custom_components.sound_guard.engine import ENGINE, Engine
from custom_components.sound_guard.src.hearing.card import ATTENTION_CARD
from custom_components.sound_guard.src.hearing.features import Block
from custom_components.sound_guard.src.hearing.listener import _shared_interpreter
from custom_components.sound_guard.src.hearing.source import BLOCK_SAMPLES, Backlog
from custom_components.sound_guard.src.hearing.sources import open_file

from .conftest import KITCHEN, House, until

AUDIO = Path(__file__).parents[1] / "audio"
PANEL = "alarm_control_panel.sound_guard"


class Recording:
    """A microphone in a silent room in which a file is played once, as fast as it can be heard."""

    backlog = Backlog()

    def __init__(self, spec: str, *, ffmpeg: str) -> None:
        """Open a file of tests/audio."""
        self.description = spec
        self._file = open_file(AUDIO / spec, ffmpeg=ffmpeg)
        self._closed = Event()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.close()

    def __iter__(self) -> Iterator[Block]:
        """Yield the file, then silence."""
        with self._file as blocks:
            yield from blocks
        while not self._closed.wait(0.01):
            yield np.zeros(BLOCK_SAMPLES, np.int16)

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()
        self._file.close()


@pytest.fixture(autouse=True)
def no_model_is_open_yet() -> Iterator[None]:
    """Let every test open the model itself, with what it has to run it."""
    _shared_interpreter.cache_clear()
    yield
    _shared_interpreter.cache_clear()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what Home Assistant OS lacks: every TFLite runtime, and PyAudio."""
    absent = ("ai_edge_litert", "tflite_runtime", "pyaudio", "_portaudio")
    loaded = [name for name in sys.modules if name.partition(".")[0] in absent]
    for name in {*absent, *loaded, "ai_edge_litert.interpreter", "tflite_runtime.interpreter"}:
        monkeypatch.setitem(sys.modules, name, None)


async def play(house: House, recording: str) -> None:
    """Set the house up with a recording as its microphone, armed and with no exit delay."""
    house.hass.data[ENGINE] = Engine(open_source=Recording)
    kitchen = house.entry.subentries[KITCHEN]
    house.hass.config_entries.async_update_subentry(house.entry, kitchen, data={"source": recording})
    house.hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0})
    await house.set_up()
    assert house.entry_state() is ConfigEntryState.LOADED


async def test_a_smoke_alarm_is_heard(empty_house: House) -> None:
    await play(empty_house, "smoke_alarm_t3.wav")
    await empty_house.until("binary_sensor.kitchen_smoke", "on")
    await until(lambda: empty_house.state(PANEL) == "triggered")
    assert empty_house.attributes(PANEL)["triggered_by"] == "smoke_alarm"
    assert empty_house.state("binary_sensor.kitchen_glass_break") == "off"


async def test_breaking_glass_is_heard(empty_house: House) -> None:
    await play(empty_house, "glass_break.wav")
    await empty_house.until("binary_sensor.kitchen_glass_break", "on")
    assert empty_house.state("binary_sensor.kitchen_smoke") == "off"


async def test_without_any_tflite_runtime_and_pyaudio_the_model_is_heard_with_numpy(
    bare: None, empty_house: House
) -> None:
    with pytest.raises(ImportError):
        import ai_edge_litert.interpreter  # noqa: F401
    with pytest.raises(ImportError):
        import pyaudio  # noqa: F401
    await play(empty_house, "smoke_alarm_t3.wav")
    await empty_house.until("binary_sensor.kitchen_smoke", "on")
    assert empty_house.microphone.status.runtime == "numpy"


async def test_a_damaged_model_file_is_refused_by_name(
    hass: HomeAssistant, empty_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tmp_path / ATTENTION_CARD.name
    card.write_bytes(ATTENTION_CARD.read_bytes())
    model = card.with_suffix(".tflite")
    content = bytearray(ATTENTION_CARD.with_suffix(".tflite").read_bytes())
    content[len(content) // 2] ^= 0xFF
    model.write_bytes(content)
    monkeypatch.setattr("custom_components.sound_guard.ATTENTION_CARD", card)
    hass.data[ENGINE] = Engine()
    await empty_house.set_up()
    assert empty_house.entry_state() is ConfigEntryState.SETUP_ERROR
    assert empty_house.entry.error_reason_translation_placeholders is not None
    assert str(model) in empty_house.entry.error_reason_translation_placeholders["problem"]
