"""Alerts: tells the owner of what is heard, once for every incident, until somebody says that all is clear."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from homeassistant.components import persistent_notification
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .alert_config import AlertConfig
from .alert_message import ALL_CLEAR, FALSE_ALARM, Occasion, compose, tag
from .clip_actions import ATTR_CLIP
from .const import DOMAIN
from .delivery import Delivery
from .guard import HouseGuard
from .incident import FORGOTTEN_AFTER, INCIDENTS, Incident, mode_now
from .incident_record import incident_store, open_incidents, recent_incidents
from .microphone import Microphone
from .news import Heard, News, Status
from .proof import Proof, Witness
from .services import REPORT_FALSE_ALARM
from .src.hearing.detection import Phase
from .src.hearing.guard import LIFE_SAFETY, Guard, Mode, State
from .stored import async_read

_LOGGER = logging.getLogger(__name__)

EVENT_BUTTON = "mobile_app_notification_action"
"""Fired by Home Assistant when somebody presses a button of a message on a phone."""

REMEMBERED = 50
"""The buttons of so many of the latest incidents work."""


class Alerts:
    """Tells whom the owner wants to be told. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, entry_id: str, config: AlertConfig, guard: HouseGuard) -> None:
        """Get ready; nobody is told before microphones are watched."""
        self._hass = hass
        self._entry_id = entry_id
        self._config = config
        self._guard = guard
        self._delivery = Delivery(hass, config.recipients, arrived=self._save)
        self._store = incident_store(hass)
        self._incidents: dict[str, Incident] = {}
        self._repeats: dict[str, CALLBACK_TYPE] = {}
        self._going_on: dict[tuple[str, str], tuple[Microphone, Heard]] = {}
        """By microphone and label: what has begun and not ended, as it was told last."""

    async def async_load(self) -> None:
        """Remember the incidents: all of them after a change of the options, the open ones after a restart."""
        if INCIDENTS not in self._hass.data:
            stored = await async_read(self._store)
            self._hass.data[INCIDENTS] = recent_incidents(stored, dt_util.utcnow())
            for incident in self._hass.data[INCIDENTS].values():
                self._show(incident, Occasion.NEW)
        self._incidents = self._hass.data[INCIDENTS]

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Listen from now on to what the owner says about alerts; return what ends that, and all repeating."""
        for incident in self._incidents.values():
            self._pursue(incident)
        endings = (
            self._hass.bus.async_listen(EVENT_BUTTON, self._press),
            persistent_notification.async_register_callback(self._hass, self._dismissed),
            self._guard.subscribe(self._follow),
        )

        @callback
        def end() -> None:
            for ending in (*endings, *self._repeats.values()):
                ending()
            self._repeats.clear()
            self._delivery.stop()

        return end

    @callback
    def forget_clip(self, clip_id: str | None) -> None:
        """Link a clip no more that the owner has deleted; None: all of them."""
        for incident in self._incidents.values():
            for each in incident.witnessed.values():
                if clip_id in (None, each.sound.id):
                    each.has_picture = each.has_clip = False
        self._save()

    @callback
    def watch(self, microphone_id: str, microphone: Microphone, witness: Witness) -> CALLBACK_TYPE:
        """Alert from now on of what a microphone hears, and show its proof; return what ends that."""

        @callback
        def take(news: News) -> None:
            if isinstance(news, Heard):
                self._hear(microphone_id, microphone, news)
            elif isinstance(news, Status) and not news.connected:
                for sound in [sound for sound in self._going_on if sound[0] == microphone_id]:
                    del self._going_on[sound]
                for incident in self._incidents.values():
                    incident.end_at(microphone_id)

        endings = microphone.subscribe(take), witness.subscribe(self._prove)

        @callback
        def end() -> None:
            for ending in endings:
                ending()

        return end

    @callback
    def _hear(self, microphone_id: str, microphone: Microphone, heard: Heard) -> None:
        if heard.phase is Phase.ENDED:
            self._going_on.pop((microphone_id, heard.label), None)
        else:
            self._going_on[microphone_id, heard.label] = microphone, heard
        now = dt_util.utcnow()
        same_label = [each for each in reversed(self._incidents.values()) if each.label == heard.label]
        if heard.phase is not Phase.STARTED:
            incident = next((each for each in same_label if heard.event_id in each.sounds), None)
            if incident is not None:
                named = incident.loudest
                incident.hear(microphone_id, microphone, heard, now)
                if incident.loudest is not named:
                    self._tell_more(incident)
            return
        self._alert(microphone_id, microphone, heard)

    @callback
    def _alert(self, microphone_id: str, microphone: Microphone, heard: Heard) -> None:
        """Tell of a sound that is new, or new to the way the guard is armed."""
        now = dt_util.utcnow()
        same_label = [each for each in reversed(self._incidents.values()) if each.label == heard.label]
        incident = next((each for each in same_label if each.takes(microphone_id, now)), None)
        if incident is not None:
            incident.hear(microphone_id, microphone, heard, now)
            self._tell_more(incident)
        elif (mode := mode_now(self._guard.now)) in self._config.modes.get(heard.label, ()):
            incident = Incident(heard.event_id, heard.label, heard.onset, mode, owed=set(self._config.recipients))
            incident.hear(microphone_id, microphone, heard, now)
            self._begin(incident)

    @callback
    def _begin(self, incident: Incident) -> None:
        for earlier in self._incidents.values():
            # The new one is pursued in its place.
            if earlier.label == incident.label:
                earlier.pursued = False
                self._let_go(earlier)
        self._incidents[incident.id] = incident
        while len(self._incidents) > REMEMBERED:
            oldest = self._incidents.pop(next(iter(self._incidents)))
            self._let_go(oldest)
        self._tell(incident, Occasion.NEW)
        self._pursue(incident)
        self._save()

    @callback
    def _pursue(self, incident: Incident) -> None:
        """See to it that everybody learns of an incident, and hears of it again as long as nobody cares."""
        is_old = dt_util.utcnow() - incident.began > FORGOTTEN_AFTER
        if incident.acknowledged or not incident.pursued or is_old:
            return
        self._delivery.insist(incident, partial(compose, self._hass, self._entry_id, incident))
        if self._config.repeat_min:
            self._repeats[incident.id] = async_track_time_interval(
                self._hass,
                partial(self._repeat, incident),
                timedelta(minutes=self._config.repeat_min),
                cancel_on_shutdown=True,
            )

    @callback
    def _repeat(self, incident: Incident, _: datetime) -> None:
        self._tell(incident, Occasion.AGAIN)

    @callback
    def _tell_more(self, incident: Incident) -> None:
        if not incident.acknowledged:
            self._tell(incident, Occasion.MORE)
            self._save()

    @callback
    def _tell(self, incident: Incident, occasion: Occasion) -> None:
        self._show(incident, occasion)
        self._delivery.tell(incident, occasion, partial(compose, self._hass, self._entry_id, incident))

    @callback
    def _show(self, incident: Incident, occasion: Occasion) -> None:
        if self._config.persistent:
            shown = compose(self._hass, self._entry_id, incident, occasion)
            picture = f"\n\n![]({shown.picture})" if shown.picture else ""
            persistent_notification.async_create(self._hass, shown.text + picture, shown.title, tag(incident))

    @callback
    def _save(self) -> None:
        if self._hass.data.get(INCIDENTS) is not self._incidents:
            # Sound Guard was removed while a message was on its way.
            return
        # At once: what burns may take the power next.
        stored = open_incidents(self._incidents.values())
        self._hass.async_create_task(self._store.async_save(stored), f"{DOMAIN} alerts that are open")

    @callback
    def _prove(self, proof: Proof) -> None:
        for incident in self._incidents.values():
            if incident.prove(proof):
                self._tell_more(incident)

    @callback
    def _press(self, event: Event) -> None:
        """Follow a button, if it belongs to one of our incidents."""
        button = str(event.data.get("action", ""))
        for kind in (ALL_CLEAR, FALSE_ALARM):
            incident = self._incidents.get(button.removeprefix(kind)) if button.startswith(kind) else None
            if incident is not None:
                self._acknowledge(incident)
                if kind == FALSE_ALARM:
                    self._hass.async_create_task(self._async_report(incident, event), "sound_guard false alarm")

    async def _async_report(self, incident: Incident, event: Event) -> None:
        """Store the owner's verdict with every microphone's clip, and in the history."""
        for event_id in tuple(incident.sounds):
            report = {ATTR_CLIP: event_id}
            try:
                await self._hass.services.async_call(
                    DOMAIN, REPORT_FALSE_ALARM, report, blocking=True, context=event.context
                )
            except HomeAssistantError as error:
                _LOGGER.warning("A false alarm could not be noted: %s", error)

    @callback
    def _dismissed(
        self,
        update: persistent_notification.UpdateType,
        notifications: Mapping[str, persistent_notification.Notification],
    ) -> None:
        """Whoever dismisses the message in Home Assistant says that all is clear, too."""
        if update is persistent_notification.UpdateType.REMOVED:
            for incident in tuple(self._incidents.values()):
                if tag(incident) in notifications:
                    self._acknowledge(incident)

    @callback
    def _follow(self, before: Guard, after: Guard) -> None:
        """Whoever disarms an alarm says that all is clear; whoever arms wants to know of smoke that goes on."""
        if mode_now(after) not in (mode_now(before), Mode.DISARMED):
            self._alert_what_goes_on()
        if before.is_raising and after.state is State.DISARMED and not self._guard.ran_out(before, after):
            for incident in tuple(self._incidents.values()):
                self._acknowledge(incident)

    @callback
    def _alert_what_goes_on(self) -> None:
        """Tell of smoke and carbon monoxide that nobody was told of when they began; see the guard."""
        known = {sound for incident in self._incidents.values() for sound in incident.sounds}
        for (microphone_id, label), (microphone, heard) in tuple(self._going_on.items()):
            is_news = heard.event_id not in known and not self._guard.was_disarmed(microphone, label)
            if label in LIFE_SAFETY and is_news:
                self._alert(microphone_id, microphone, heard)

    @callback
    def _acknowledge(self, incident: Incident) -> None:
        self._let_go(incident)
        if incident.acknowledged:
            return
        incident.acknowledged = True
        self._save()
        persistent_notification.async_dismiss(self._hass, tag(incident))
        self._delivery.take_back(incident)

    @callback
    def _let_go(self, incident: Incident) -> None:
        self._delivery.desist(incident.id)
        if (stop := self._repeats.pop(incident.id, None)) is not None:
            stop()


async def async_forget_alerts(hass: HomeAssistant) -> None:
    """Take back what there is of alerts."""
    for incident in hass.data.pop(INCIDENTS, {}).values():
        persistent_notification.async_dismiss(hass, tag(incident))
    await incident_store(hass).async_remove()
