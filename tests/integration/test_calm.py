"""Calm in daily life: what passes from a microphone to all the rest, and what waits."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util

from custom_components.sound_guard.calm import Calm
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.microphone import Microphone
from custom_components.sound_guard.news import Heard, News, Status
from custom_components.sound_guard.src.hearing.detection import Phase
from custom_components.sound_guard.src.hearing.evidence import Evidence
from custom_components.sound_guard.src.hearing.level import Level
from custom_components.sound_guard.vitals import Vitals

from .conftest import KITCHEN, House, until
from .fakes import gone
from .test_options_flow import fill_in, shown, turn_to
from .two_rooms import HALL, add_hall, hall_microphone

PANEL = "alarm_control_panel.sound_guard"
TV = "media_player.tv"
GLASS = "binary_sensor.kitchen_glass_break"
SMOKE = "binary_sensor.kitchen_smoke"
HALL_GLASS = "binary_sensor.hall_glass_break"


class Sound:
    """A sound that a microphone hears, step by step."""

    def __init__(self, microphone: Microphone, label: str = "glass_break", confidence: float = 0.99) -> None:
        self.id = uuid4().hex
        self._microphone = microphone
        self._label = label
        self._confidence = confidence
        self._onset = dt_util.utcnow() - timedelta(seconds=1)

    def hear(self, phase: Phase, confidence: float | None = None) -> None:
        """Be heard."""
        self._confidence = confidence or self._confidence
        duration_s = (dt_util.utcnow() - self._onset).total_seconds()
        self._microphone.screen(Heard(self._label, phase, self._onset, duration_s, self._confidence, self.id))

    def show(self, *, complete: bool = False) -> Evidence:
        """Be cut out."""
        samples = np.zeros(16_000, np.int16)
        evidence = Evidence(self.id, self._label, self._onset, 0.2, 0.8, self._confidence, samples, complete)
        self._microphone.screen(evidence)
        return evidence


class Ear:
    """Hears what everybody is told of a microphone."""

    def __init__(self, microphone: Microphone) -> None:
        self.news: list[News] = []
        microphone.subscribe(lambda news: None if isinstance(news, Vitals) else self.news.append(news))

    @property
    def phases(self) -> list[Phase]:
        """Return the phases of the sounds."""
        return [news.phase for news in self.news if isinstance(news, Heard)]

    @property
    def evidence(self) -> list[Evidence]:
        """Return what was cut out."""
        return [news for news in self.news if isinstance(news, Evidence)]


def calm(house: House) -> Calm:
    """Return what decides."""
    decides: Calm = house.entry.runtime_data.calm
    return decides


def put_into_kitchen(hass: HomeAssistant, house: House, *, tv: bool = True) -> None:
    """Give the kitchen's microphone an area, and put a television into it."""
    kitchen = ar.async_get(hass).async_get_or_create("Kitchen")
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier((DOMAIN, KITCHEN), house.entry.entry_id)
    assert device is not None
    devices.async_update_device(device.id, area_id=kitchen.id)
    if tv:
        registry = er.async_get(hass)
        registry.async_get_or_create("media_player", "test", "tv", suggested_object_id="tv")
        registry.async_update_entity(TV, area_id=kitchen.id)


async def configure(house: House, **options: Any) -> None:
    """Change the options and wait until they are in force."""
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, **options})
    await house.hass.async_block_till_done()
    await house.until("binary_sensor.kitchen_connectivity", "on")


@pytest.mark.parametrize(
    ("state", "attributes", "expected"),
    [
        ("playing", {}, "off"),
        ("buffering", {}, "off"),
        ("on", {}, "off"),
        ("playing", {"is_volume_muted": False}, "off"),
        ("playing", {"is_volume_muted": True}, "on"),
        ("paused", {}, "on"),
        ("idle", {}, "on"),
        ("off", {}, "on"),
        ("unavailable", {}, "on"),
    ],
)
async def test_glass_needs_more_confidence_while_a_television_can_be_heard(
    hass: HomeAssistant, house: House, state: str, attributes: dict[str, Any], expected: str
) -> None:
    put_into_kitchen(hass, house)
    hass.states.async_set(TV, state, attributes)
    house.room.play("glass_break")
    await house.until_quiet()
    assert house.state(GLASS) == expected
    assert (house.state("event.kitchen_sound_heard") == "unknown") == (expected == "off")
    assert (house.state("image.kitchen_last_detection") == "unknown") == (expected == "off")


@pytest.mark.parametrize("label", ["smoke_alarm", "co_alarm"])
async def test_smoke_and_carbon_monoxide_never_wait(hass: HomeAssistant, house: House, label: str) -> None:
    await configure(house, agree=60, playing_percent=99.9)
    await add_hall(house)
    put_into_kitchen(hass, house)
    hass.states.async_set(TV, "playing")
    ear = Ear(house.microphone)
    Sound(house.microphone, label, 0.5).hear(Phase.STARTED)
    assert ear.phases == [Phase.STARTED], "at once, in the same step"


async def test_what_the_owner_sets_is_what_glass_needs(hass: HomeAssistant, house: House) -> None:
    put_into_kitchen(hass, house)
    hass.states.async_set(TV, "playing")
    ear = Ear(house.microphone)
    Sound(house.microphone, confidence=0.985).hear(Phase.STARTED)
    assert ear.phases == []
    Sound(house.microphone, confidence=0.991).hear(Phase.STARTED)
    assert ear.phases == [Phase.STARTED]
    await configure(house, playing_percent=0)
    ear = Ear(house.microphone)
    Sound(house.microphone, confidence=0.6).hear(Phase.STARTED)
    assert ear.phases == [Phase.STARTED]


async def test_a_television_elsewhere_does_not_matter(hass: HomeAssistant, house: House) -> None:
    put_into_kitchen(hass, house)
    er.async_get(hass).async_update_entity(TV, area_id=ar.async_get(hass).async_get_or_create("Attic").id)
    hass.states.async_set(TV, "playing")
    hass.states.async_set("media_player.nowhere", "playing")
    ear = Ear(house.microphone)
    Sound(house.microphone, confidence=0.6).hear(Phase.STARTED)
    assert ear.phases == [Phase.STARTED]


async def test_without_an_area_nothing_waits(hass: HomeAssistant, house: House) -> None:
    hass.states.async_set(TV, "playing")
    ear = Ear(house.microphone)
    Sound(house.microphone, confidence=0.6).hear(Phase.STARTED)
    assert ear.phases == [Phase.STARTED]


async def test_glass_that_waits_is_reported_from_its_beginning_when_it_is_sure_enough(
    hass: HomeAssistant, house: House
) -> None:
    put_into_kitchen(hass, house)
    hass.states.async_set(TV, "playing")
    ear = Ear(house.microphone)
    sound = Sound(house.microphone, confidence=0.9)
    sound.hear(Phase.STARTED)
    cut = sound.show()
    sound.hear(Phase.CONTINUED, 0.95)
    assert ear.news == []
    sound.hear(Phase.CONTINUED, 0.999)
    assert ear.phases == [Phase.STARTED]
    assert ear.evidence == [cut], "what was cut out meanwhile comes with it"
    sound.hear(Phase.ENDED)
    whole = sound.show(complete=True)
    assert ear.phases == [Phase.STARTED, Phase.ENDED]
    assert ear.evidence == [cut, whole]


async def test_glass_that_goes_on_when_the_music_stops_is_reported(hass: HomeAssistant, house: House) -> None:
    put_into_kitchen(hass, house)
    hass.states.async_set(TV, "playing")
    ear = Ear(house.microphone)
    sound = Sound(house.microphone, confidence=0.9)
    sound.hear(Phase.STARTED)
    hass.states.async_set(TV, "idle")
    sound.hear(Phase.CONTINUED)
    assert ear.phases == [Phase.STARTED]


async def test_with_two_microphones_glass_needs_both_if_the_owner_wants_that(house: House) -> None:
    await configure(house, agree=5)
    hall = await add_hall(house)
    house.room.play("glass_break")
    await house.until_quiet()
    assert house.state(GLASS) == "off"
    hall.play("glass_break")
    await house.until(HALL_GLASS, "on")
    assert house.state(GLASS) == "on"


async def test_both_are_told_from_beginning_to_end(house: House) -> None:
    await configure(house, agree=5)
    await add_hall(house)
    kitchen_ear, hall_ear = Ear(house.microphone), Ear(hall_microphone(house))
    one = Sound(house.microphone)
    one.hear(Phase.STARTED)
    one.hear(Phase.ENDED)
    cut = one.show(complete=True)
    assert kitchen_ear.news == []
    other = Sound(hall_microphone(house))
    other.hear(Phase.STARTED)
    assert kitchen_ear.phases == [Phase.STARTED, Phase.ENDED]
    assert kitchen_ear.evidence == [cut]
    assert hall_ear.phases == [Phase.STARTED]
    later = Sound(house.microphone)
    later.hear(Phase.STARTED)
    assert kitchen_ear.phases[2:] == [Phase.STARTED], "the hall has just heard it, too"


async def test_microphones_do_not_agree_about_different_moments(house: House) -> None:
    await configure(house, agree=5)
    await add_hall(house)
    kitchen_ear, hall_ear = Ear(house.microphone), Ear(hall_microphone(house))
    with freeze_time(dt_util.utcnow()) as clock:
        Sound(house.microphone).hear(Phase.STARTED)
        clock.tick(7)
        Sound(hall_microphone(house)).hear(Phase.STARTED)
        assert kitchen_ear.phases == hall_ear.phases == []
        clock.tick(1)
        Sound(house.microphone).hear(Phase.STARTED)
        assert kitchen_ear.phases == hall_ear.phases == [Phase.STARTED]


async def test_a_microphone_that_is_not_sure_enough_does_not_agree(hass: HomeAssistant, house: House) -> None:
    await configure(house, agree=5)
    await add_hall(house)
    put_into_kitchen(hass, house)
    hass.states.async_set(TV, "playing")
    hall_ear = Ear(hall_microphone(house))
    Sound(house.microphone, confidence=0.9).hear(Phase.STARTED)
    Sound(hall_microphone(house), confidence=0.9).hear(Phase.STARTED)
    assert hall_ear.phases == []


@pytest.mark.parametrize("deaf", ["hall switched off", "hall diverted", "no hall"])
async def test_a_microphone_that_is_alone_needs_nobody(house: House, deaf: str) -> None:
    await configure(house, agree=5)
    if deaf != "no hall":
        await add_hall(house)
    if deaf == "hall switched off":
        await house.call("turn_off", "switch.hall_listening")
    elif deaf == "hall diverted":
        calm(house).divert(HALL, lambda _: None)
    ear = Ear(house.microphone)
    Sound(house.microphone).hear(Phase.STARTED)
    assert ear.phases == [Phase.STARTED]


async def test_what_a_microphone_has_heard_counts_although_it_is_gone_now(house: House) -> None:
    await configure(house, agree=5)
    await add_hall(house)
    hall_ear = Ear(hall_microphone(house))
    Sound(hall_microphone(house)).hear(Phase.STARTED)
    hall_microphone(house).screen(Status(connected=False, problem="lost"))
    Sound(house.microphone).hear(Phase.STARTED)
    assert hall_ear.phases == [Phase.STARTED, Phase.ENDED], "it is not heard any more"


@pytest.mark.parametrize("lost", ["unplugged", "muted", "diverted"])
async def test_glass_that_waits_for_the_other_microphone_is_told_when_that_one_is_lost(house: House, lost: str) -> None:
    await configure(house, agree=60)
    hall = await add_hall(house)
    ear = Ear(house.microphone)
    sound = Sound(house.microphone)
    sound.hear(Phase.STARTED)
    sound.hear(Phase.ENDED)
    cut = sound.show(complete=True)
    assert ear.news == []
    if lost == "unplugged":
        hall.fault = gone()
    elif lost == "muted":
        hall.hum = 0
    else:
        calm(house).divert(HALL, lambda _: None)
    await until(lambda: ear.phases == [Phase.STARTED, Phase.ENDED])
    assert ear.evidence == [cut]


@pytest.mark.parametrize("change", ["reload", "stop", "flap", "switch", "walk test"])
async def test_glass_that_the_other_microphone_did_not_hear_stays_held_back_whatever_becomes_of_that_one(
    house: House, change: str
) -> None:
    await configure(house, agree=60, exit_delay=0)
    hall = await add_hall(house)
    await house.call("alarm_arm_night", PANEL)
    with freeze_time(dt_util.utcnow() - timedelta(seconds=0 if change in ("reload", "stop", "flap") else 6)):
        sound = Sound(house.microphone)
        sound.hear(Phase.STARTED)
        sound.hear(Phase.ENDED)
    if change == "flap":
        hall.fault = gone()
        await house.until("binary_sensor.hall_connectivity", "off")
        hall.fault = None
        await house.until("binary_sensor.hall_connectivity", "on")
    elif change == "reload":
        await house.reload()
    elif change == "stop":
        house.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    elif change == "switch":
        await house.call("turn_off", "switch.hall_listening")
    else:
        calm(house).divert(HALL, lambda _: None)
    if change not in ("reload", "stop"):
        house.microphone.screen(Vitals((Level(-50, -50),), 0, 0.1, 0, 1))
    await house.hass.async_block_till_done()
    assert house.state(PANEL) == "armed_night"


async def test_glass_is_not_told_because_the_microphones_are_closed_one_by_one(house: House) -> None:
    await configure(house, agree=60)
    hall = await add_hall(house)
    ear = Ear(house.microphone)
    sound = Sound(house.microphone)
    sound.hear(Phase.STARTED)
    sound.hear(Phase.ENDED)
    calm(house).stop()
    hall.fault = gone()
    await house.until("binary_sensor.hall_connectivity", "off")
    house.microphone.screen(Vitals((Level(-50, -50),), 0, 0.1, 0, 1))
    assert ear.phases == []


async def test_glass_of_long_ago_is_not_told_when_the_other_microphone_is_lost(house: House) -> None:
    await configure(house, agree=5)
    await add_hall(house)
    ear = Ear(house.microphone)
    with freeze_time(dt_util.utcnow() - timedelta(seconds=6)):
        sound = Sound(house.microphone)
        sound.hear(Phase.STARTED)
        sound.hear(Phase.ENDED)
    await house.call("turn_off", "switch.hall_listening")
    assert ear.phases == []


async def test_glass_on_television_is_not_told_because_the_other_microphone_is_lost(
    hass: HomeAssistant, house: House
) -> None:
    await configure(house, agree=60)
    await add_hall(house)
    put_into_kitchen(hass, house)
    hass.states.async_set(TV, "playing")
    ear = Ear(house.microphone)
    sound = Sound(house.microphone, confidence=0.9)
    sound.hear(Phase.STARTED)
    sound.hear(Phase.ENDED)
    hass.states.async_set(TV, "idle")
    await house.call("turn_off", "switch.hall_listening")
    assert ear.phases == []


async def test_a_microphone_in_whose_sound_there_is_nothing_at_all_cannot_agree(house: House) -> None:
    await configure(house, agree=5)
    hall = await add_hall(house)
    hall.hum = 0
    await until(lambda: (vitals := hall_microphone(house).vitals) and vitals.silent)
    assert house.state("binary_sensor.hall_connectivity") == "on", "nobody has noticed yet"
    ear = Ear(house.microphone)
    Sound(house.microphone).hear(Phase.STARTED)
    assert ear.phases == [Phase.STARTED]


async def test_during_a_walk_test_only_the_test_knows(house: House) -> None:
    heard: list[Heard] = []
    ear = Ear(house.microphone)
    end = calm(house).divert(KITCHEN, heard.append)
    house.room.play("smoke_alarm")
    await house.until_quiet()
    assert [news.phase for news in heard][:1] == [Phase.STARTED]
    assert ear.news == []
    assert house.state(SMOKE) == "off"
    assert house.state(PANEL) == "disarmed"
    end()
    # The fake source plays faster than time, and its sounds seem to have begun a little earlier.
    await asyncio.sleep(0.2)
    house.room.play("smoke_alarm")
    await house.until(SMOKE, "on")


async def test_what_began_before_a_walk_test_is_followed_to_its_end(house: House) -> None:
    heard: list[Heard] = []
    ear = Ear(house.microphone)
    sound = Sound(house.microphone, "smoke_alarm")
    sound.hear(Phase.STARTED)
    calm(house).divert(KITCHEN, heard.append)
    sound.hear(Phase.CONTINUED)
    sound.hear(Phase.ENDED)
    sound.show(complete=True)
    assert ear.phases == [Phase.STARTED, Phase.CONTINUED, Phase.ENDED]
    assert len(ear.evidence) == 1
    assert heard == []


async def test_the_last_beeps_of_a_test_alarm_nobody_and_a_fire_does(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    ear = Ear(house.microphone)
    end = calm(house).divert(KITCHEN, lambda _: None)
    sound = Sound(house.microphone, "smoke_alarm")
    sound.hear(Phase.STARTED)
    cut = sound.show()
    end()
    freezer.tick(9)
    sound.hear(Phase.CONTINUED)
    assert ear.news == []
    freezer.tick(2)
    sound.hear(Phase.CONTINUED)
    assert ear.phases == [Phase.STARTED]
    assert ear.evidence == [cut], "what was cut out during the test comes with it"
    end = calm(house).divert(KITCHEN, lambda _: None)
    sound.hear(Phase.ENDED)
    assert ear.phases == [Phase.STARTED, Phase.ENDED], "what was told is told to its end"
    end()


async def test_a_clock_that_is_set_back_makes_no_test_button_a_real_alarm(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    calm(house).divert(KITCHEN, lambda _: None)
    freezer.tick(30)
    freezer.tick(-60)
    ear = Ear(house.microphone)
    Sound(house.microphone, "smoke_alarm").hear(Phase.STARTED)
    assert ear.phases == []


async def test_the_button_pressed_just_before_the_end_of_a_test_alarms_nobody_although_it_is_heard_after_it(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    end = calm(house).divert(KITCHEN, lambda _: None)
    pressed = Sound(house.microphone, "smoke_alarm")
    freezer.tick(3)
    end()
    freezer.tick(2)
    pressed.hear(Phase.STARTED)
    freezer.tick(3)
    pressed.hear(Phase.ENDED)
    assert house.state(PANEL) == "disarmed"
    Sound(house.microphone, "smoke_alarm").hear(Phase.STARTED)
    assert house.state(PANEL) == "triggered", "this one began after the end"


async def test_a_sound_of_the_last_moment_of_a_test_is_told_if_it_goes_on(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    end = calm(house).divert(KITCHEN, lambda _: None)
    fire = Sound(house.microphone, "smoke_alarm")
    end()
    freezer.tick(2)
    fire.hear(Phase.STARTED)
    freezer.tick(7)
    fire.hear(Phase.CONTINUED)
    assert house.state(PANEL) == "disarmed"
    freezer.tick(2)
    fire.hear(Phase.CONTINUED)
    assert house.state(PANEL) == "triggered"


async def test_the_last_beeps_of_one_test_alarm_nobody_in_the_next(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    heard: list[Heard] = []
    end = calm(house).divert(KITCHEN, lambda _: None)
    pressed = Sound(house.microphone, "smoke_alarm")
    end()
    freezer.tick(5)
    calm(house).divert(KITCHEN, heard.append)
    pressed.hear(Phase.STARTED)
    assert len(heard) == 1
    assert house.state(PANEL) == "disarmed"


async def test_a_fire_that_began_before_a_walk_test_is_told_although_it_is_heard_in_it(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    fire = Sound(house.microphone, "smoke_alarm")
    freezer.tick(4)
    calm(house).divert(KITCHEN, lambda _: None)
    fire.hear(Phase.STARTED)
    assert house.state(PANEL) == "triggered"


async def test_a_clock_that_is_set_back_hides_no_fire_after_a_test(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    ear = Ear(house.microphone)
    end = calm(house).divert(KITCHEN, lambda _: None)
    sound = Sound(house.microphone, "smoke_alarm")
    sound.hear(Phase.STARTED)
    end()
    freezer.tick(-3_600)
    sound.hear(Phase.CONTINUED)
    assert ear.phases == [Phase.STARTED]


async def test_a_test_sound_that_ends_after_the_test_is_forgotten(house: House, freezer: FrozenDateTimeFactory) -> None:
    ear = Ear(house.microphone)
    end = calm(house).divert(KITCHEN, lambda _: None)
    sound = Sound(house.microphone, "smoke_alarm")
    sound.hear(Phase.STARTED)
    end()
    freezer.tick(11)
    sound.hear(Phase.ENDED)
    sound.show(complete=True)
    assert ear.news == []


async def test_a_second_walk_test_is_not_ended_by_the_first(house: House) -> None:
    heard: list[Heard] = []
    end_first = calm(house).divert(KITCHEN, lambda _: None)
    calm(house).divert(KITCHEN, heard.append)
    end_first()
    Sound(house.microphone, "smoke_alarm").hear(Phase.STARTED)
    assert len(heard) == 1


async def test_a_house_that_is_closed_decides_nothing_more(house: House) -> None:
    microphone = house.microphone
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert microphone.screen == microphone.tell


async def test_the_page_keeps_what_is_wanted_and_shows_it(house: House) -> None:
    assert shown(await turn_to(house, "calm")) == {"playing_percent": None, "agree": None}
    await fill_in(house, "calm", playing_percent=99.9, agree=8)
    assert dict(house.entry.options) == {"playing_percent": 99.9, "agree": 8}
    assert shown(await turn_to(house, "calm")) == {"playing_percent": 99.9, "agree": 8}


@pytest.mark.parametrize("wrong", [{"playing_percent": 100}, {"playing_percent": -1}, {"agree": 61}, {"agree": -1}])
async def test_numbers_that_make_no_sense_are_refused(house: House, wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidData):
        await fill_in(house, "calm", **{"playing_percent": 99, "agree": 0} | wrong)
