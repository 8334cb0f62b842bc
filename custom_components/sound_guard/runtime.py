"""What a set-up installation consists of."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .guard import HouseGuard
from .microphone import Microphone
from .src.hearing.card import ModelCard


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts that live from set-up to unload."""

    card: ModelCard
    guard: HouseGuard
    microphones: dict[str, Microphone]
    """By subentry id."""


type SoundGuardConfigEntry = ConfigEntry[Runtime]
