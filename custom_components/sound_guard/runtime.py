"""What a set-up installation consists of."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .calm import Calm
from .clips import Clips
from .guard import HouseGuard
from .keypad import Keypad
from .lookout import Lookout
from .microphone import Microphone
from .proof import Witness
from .src.hearing.card import ModelCard
from .verification import Verification
from .walk_test import WalkTest


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts that live from set-up to unload."""

    card: ModelCard
    verification: Verification
    guard: HouseGuard
    keypad: Keypad
    lookout: Lookout
    clips: Clips
    calm: Calm
    microphones: dict[str, Microphone]
    """By subentry id."""

    witnesses: dict[str, Witness]
    """By subentry id."""

    walk_tests: dict[str, WalkTest]
    """By subentry id."""


type SoundGuardConfigEntry = ConfigEntry[Runtime]
