"""What the integration asks of the hearing engine, in one place: the seam where tests put a fake microphone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .src.hearing.card import ModelCard
from .src.hearing.devices import Device, list_devices
from .src.hearing.evidence import Evidence
from .src.hearing.listener import Listener
from .src.hearing.picture import Caption, draw
from .src.hearing.rcrnn import Rcrnn
from .src.hearing.rcrnn_card import RcrnnCard
from .src.hearing.second_look import SecondLook
from .src.hearing.source import Source
from .src.hearing.sources import open_source
from .src.hearing.verifier import Verifier


class OpenListener(Protocol):
    """Opens a listener; raises CardError if the model cannot be used."""

    def __call__(self, card: ModelCard, *, second_look: SecondLook | None = None, wait: bool = False) -> Listener:
        """Return a listener that has heard nothing yet."""


class OpenSource(Protocol):
    """Opens a source by its specification; raises SourceError."""

    def __call__(self, spec: str, *, ffmpeg: str) -> Source:
        """Return a source that is ready to be entered."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine's entrances. Each of them blocks: call them from a thread or the executor."""

    load_card: Callable[[Path], ModelCard] = ModelCard.load
    open_listener: OpenListener = Listener
    load_verifier_card: Callable[[Path], RcrnnCard] = RcrnnCard.load
    open_verifier: Callable[[RcrnnCard], Verifier] = Rcrnn
    open_source: OpenSource = open_source
    list_devices: Callable[[str], list[Device]] = list_devices
    draw: Callable[[Evidence, Caption, ModelCard], bytes] = draw


ENGINE: HassKey[Engine] = HassKey(f"{DOMAIN}_engine")


def get_engine(hass: HomeAssistant) -> Engine:
    """Return the real engine, or the one that a test has put in its place."""
    return hass.data.get(ENGINE, Engine())
