"""What the tests of second looks have in common."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from custom_components.sound_guard.engine import ENGINE

from .conftest import House

SENSOR = "sensor.sound_guard_second_look"
ISSUE = "verifier_unavailable"

LOGS = ("custom_components.sound_guard.verification", "custom_components.sound_guard.src.hearing.second_look")


def configure_engine(house: House, **entrances: Any) -> None:
    """Put other entrances of the engine in place."""
    house.hass.data[ENGINE] = replace(house.hass.data[ENGINE], **entrances)


def our_log(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """Return what the log says of second looks, from WARNING up."""
    return [(level, text) for name, level, text in caplog.record_tuples if name in LOGS and level >= logging.WARNING]
