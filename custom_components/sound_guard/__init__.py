"""Sound Guard: hears breaking glass, smoke alarms and carbon-monoxide alarms, on the machine itself."""

import asyncio

from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import device_registry as dr, issue_registry as ir

from .const import DOMAIN, ISSUE_MODEL, SUBENTRY_MICROPHONE
from .engine import Engine, get_engine
from .entity import guard_device
from .guard import HouseGuard, guard_config
from .microphone import Microphone
from .runtime import Runtime, SoundGuardConfigEntry
from .src.hearing.card import ATTENTION_CARD, CardError, ModelCard

PLATFORMS = (
    Platform.ALARM_CONTROL_PANEL,
    Platform.BINARY_SENSOR,
    Platform.EVENT,
    Platform.SELECT,
    Platform.SWITCH,
)


async def async_setup_entry(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> bool:
    """Load the model, set the guard and the microphones up, and start to listen.

    Raises:
        ConfigEntryError: the model cannot be used.
    """
    card = await _async_load_card(hass)
    guard = HouseGuard(hass, guard_config(entry.options))
    microphones = {
        subentry.subentry_id: Microphone(hass, subentry.title, subentry.data, card)
        for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE)
    }
    for microphone in microphones.values():
        entry.async_on_unload(guard.watch(microphone))
    entry.async_on_unload(guard.stop)
    entry.runtime_data = Runtime(card, guard, microphones)

    # The microphones' devices hang below the guard's, so it comes first.
    dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **guard_device(entry))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)

    async def stop_listening(_: Event) -> None:
        await _async_stop(entry)

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop_listening))
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    # Only now: a "Listening" switch that was restored as off has had its say.
    for microphone in microphones.values():
        await microphone.async_start()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> bool:
    """Take the entities away and close every microphone."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await _async_stop(entry)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> None:
    """Take back what outlives an unload."""
    ir.async_delete_issue(hass, DOMAIN, ISSUE_MODEL)


async def _async_load_card(hass: HomeAssistant) -> ModelCard:
    try:
        card = await hass.async_add_executor_job(_load_card, get_engine(hass))
    except CardError as error:
        problem = {"problem": str(error)}
        ir.async_create_issue(
            hass,
            DOMAIN,
            ISSUE_MODEL,
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key=ISSUE_MODEL,
            translation_placeholders=problem,
        )
        raise ConfigEntryError(
            translation_domain=DOMAIN, translation_key=ISSUE_MODEL, translation_placeholders=problem
        ) from error
    ir.async_delete_issue(hass, DOMAIN, ISSUE_MODEL)
    return card


def _load_card(engine: Engine) -> ModelCard:
    """Read the model and try it once, so that one that does not work is noticed now and not in a thread."""
    card = engine.load_card(ATTENTION_CARD)
    engine.open_listener(card)
    return card


async def _async_stop(entry: SoundGuardConfigEntry) -> None:
    await asyncio.gather(*(microphone.async_stop() for microphone in entry.runtime_data.microphones.values()))


async def _async_reload(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> None:
    """Follow a change of the options, or of the microphones."""
    hass.config_entries.async_schedule_reload(entry.entry_id)
