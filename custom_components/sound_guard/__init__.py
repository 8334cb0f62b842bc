"""Sound Guard: hears breaking glass, smoke alarms and carbon-monoxide alarms, on the machine itself."""

import asyncio
from contextlib import suppress
from functools import partial

from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import config_validation as cv, device_registry as dr, issue_registry as ir
from homeassistant.helpers.typing import ConfigType

from .alert_config import AlertConfig
from .alerts import Alerts, async_forget_alerts
from .area import microphone_area
from .calm import Calm, CalmConfig
from .clip_actions import async_register_clip_actions
from .clips import ClipOptions, Clips, clip_store
from .const import (
    CONF_CODE_HASH,
    CONF_WALK_TEST_REMINDER,
    DOMAIN,
    ISSUE_CLIPS,
    ISSUE_MODEL,
    SUBENTRY_MICROPHONE,
)
from .engine import Engine, get_engine
from .entity import guard_device
from .guard import LEFT, HouseGuard, guard_config
from .health import ATTR_ENTRY, Carer, forget_issues
from .keypad import Keypad, keypad_store
from .lookout import Lookout, forget_warning
from .microphone import Microphone
from .migration import async_migrate_entry as async_migrate_entry
from .proof import Witness, async_look_back
from .roll_call import RollCall, forget_recipients
from .runtime import Runtime, SoundGuardConfigEntry
from .services import async_register_actions
from .src.hearing.card import ATTENTION_CARD, CardError, ModelCard
from .verification import Verification, VerificationConfig
from .views import ClipView
from .walk_test import WalkTest
from .walk_test_actions import async_register_walk_test_actions
from .walk_test_record import WalkTestRecord, record_store
from .walk_test_reminder import OFF, Reminder
from .warner import Warner, async_forget_warnings

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = (
    Platform.ALARM_CONTROL_PANEL,
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what is there once for the whole of Home Assistant."""
    hass.http.register_view(ClipView())
    async_register_clip_actions(hass)
    async_register_actions(hass)
    async_register_walk_test_actions(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> bool:
    """Load the model, set the guard and the microphones up, and start to listen.

    Raises:
        ConfigEntryError: the model cannot be used.
    """
    # First of all: a change that comes while this goes on is followed as soon as it is done.
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    card = await _async_load_card(hass, entry)
    verification = Verification(hass, entry.entry_id, VerificationConfig.of(entry.options))
    entry.async_on_unload(verification.async_close)
    await verification.async_open(card)
    guard = HouseGuard(hass, guard_config(entry.options))
    keypad = Keypad(hass, entry.options.get(CONF_CODE_HASH))
    await keypad.async_load()
    microphones = {
        subentry.subentry_id: Microphone(hass, subentry.title, subentry.data, card, verification.look)
        for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE)
    }
    calm = Calm(hass, entry.entry_id, CalmConfig.of(entry.options))
    for subentry_id, microphone in microphones.items():
        entry.async_on_unload(calm.watch(subentry_id, microphone))
        area = partial(microphone_area, hass, entry.entry_id, subentry_id)
        entry.async_on_unload(guard.watch(microphone, area))
        entry.async_on_unload(Carer(hass, entry.entry_id, subentry_id, microphone).start())
    forget_issues(hass, keep=microphones)
    lookout = Lookout(hass, guard, microphones.values())
    entry.async_on_unload(lookout.stop)
    entry.async_on_unload(guard.stop)
    clips = Clips(hass, ClipOptions.of(entry.options))
    entry.async_on_unload(clips.start())
    witnesses = {
        subentry_id: Witness(hass, subentry_id, microphone, clips) for subentry_id, microphone in microphones.items()
    }
    for witness in witnesses.values():
        entry.async_on_unload(witness.watch())
    alert_config = AlertConfig.of(entry.options)
    entry.async_on_unload(RollCall(hass, alert_config.recipients).start())
    alerts = Alerts(hass, entry.entry_id, alert_config, guard)
    await alerts.async_load()
    entry.async_on_unload(alerts.start())
    entry.async_on_unload(clips.subscribe(alerts.forget_clip))
    targets = alert_config.recipients if alert_config.warn else ()
    warner = Warner(hass, targets, lookout)
    await warner.async_load()
    entry.async_on_unload(warner.start())
    for subentry_id, microphone in microphones.items():
        entry.async_on_unload(alerts.watch(subentry_id, microphone, witnesses[subentry_id]))
    walk_tests = await _async_walk_tests(hass, entry, calm, microphones)
    entry.runtime_data = Runtime(
        card, verification, guard, keypad, lookout, clips, calm, microphones, witnesses, walk_tests
    )

    # The microphones' devices hang below the guard's, so it comes first.
    dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **guard_device(entry))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)

    async def stop_listening(_: Event) -> None:
        await _async_stop(entry)

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop_listening))
    lookout.go_on()
    warner.go_on()
    # Only now: a "Listening" switch that was restored as off has had its say.
    for microphone in microphones.values():
        await microphone.async_start()
    # Last, and nobody waits for it: however many clips there are, and whatever their disk is like, the house is heard.
    entry.async_create_background_task(hass, async_look_back(clips, witnesses), "sound_guard clips")
    return True


async def async_unload_entry(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> bool:
    """Take the entities away, close every microphone, and end the second look."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await _async_stop(entry)
    hass.data.setdefault(LEFT, {})[entry.entry_id] = entry.runtime_data.guard.now
    if entry.disabled_by is not None:
        ir.async_delete_issue(hass, DOMAIN, ISSUE_CLIPS)
        forget_issues(hass)
        forget_recipients(hass)
        forget_warning(hass)
        await async_forget_warnings(hass)
    return True


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Remove a microphone together with its device; the guard's device stays as long as there is a guard."""
    if device.config_subentry_id is None:
        return False
    if device.config_subentry_id in entry.subentries:
        hass.config_entries.async_remove_subentry(entry, device.config_subentry_id)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> None:
    """Take back what outlives an unload."""
    # What was recorded in the house does not stay behind, nor does what is not stored yet.
    with suppress(OSError):
        await hass.async_add_executor_job(clip_store(hass).delete_all)
    ir.async_delete_issue(hass, DOMAIN, ISSUE_MODEL)
    ir.async_delete_issue(hass, DOMAIN, ISSUE_CLIPS)
    forget_issues(hass)
    forget_recipients(hass)
    await async_forget_alerts(hass)
    forget_warning(hass)
    await async_forget_warnings(hass)
    await keypad_store(hass).async_remove()
    await record_store(hass).async_remove()


async def _async_walk_tests(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, calm: Calm, microphones: dict[str, Microphone]
) -> dict[str, WalkTest]:
    """Return the walk test of every microphone, remembered and reminded of until an unload."""
    record = WalkTestRecord(hass)
    await record.async_load(keep=microphones)
    months = entry.options.get(CONF_WALK_TEST_REMINDER, OFF)
    tests = {}
    for subentry_id, microphone in microphones.items():
        test = WalkTest(hass, subentry_id, microphone, partial(calm.divert, subentry_id), record.last(subentry_id))
        entry.async_on_unload(record.follow(subentry_id, test))
        entry.async_on_unload(Reminder(hass, entry.entry_id, subentry_id, test, months).start())
        tests[subentry_id] = test
    return tests


async def _async_load_card(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> ModelCard:
    try:
        card = await hass.async_add_executor_job(_load_card, get_engine(hass))
    except CardError as error:
        problem = {"problem": str(error)}
        ir.async_create_issue(
            hass,
            DOMAIN,
            ISSUE_MODEL,
            data={ATTR_ENTRY: entry.entry_id},
            is_fixable=True,
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
    # First: that microphones are closed now is no fault of theirs, neither while the guard is armed nor in a test.
    entry.runtime_data.lookout.stop()
    entry.runtime_data.calm.stop()
    for test in entry.runtime_data.walk_tests.values():
        test.stop()
    await asyncio.gather(*(microphone.async_stop() for microphone in entry.runtime_data.microphones.values()))
    # Last: until it is closed, a microphone may still wait for an answer.
    await entry.runtime_data.verification.async_close()


async def _async_reload(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> None:
    """Follow a change of the options, or of the microphones."""
    hass.config_entries.async_schedule_reload(entry.entry_id)
