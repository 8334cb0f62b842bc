"""Minds the microphones: what only the owner can put right becomes an issue in Home Assistant's repairs.

It is taken back by itself as soon as the microphone is well.
"""

import asyncio
from collections import deque
from collections.abc import Container
from datetime import datetime
from enum import StrEnum

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .deafness import DEAF, SILENT
from .microphone import Microphone
from .news import STUCK, News, Status
from .src.hearing.source import Reason
from .texts import problem_text, with_detail
from .vitals import Vitals

LOST_AFTER_S = 600.0
"""A microphone that cannot be heard is tried again by itself; after this long it needs somebody."""

CLIPPED_SHARE = 0.001
"""More samples than this at full scale make a stretch of sound overdriven."""

CLIPPING_REPORTS = 30
"""How many reports of a microphone are looked back upon: five minutes."""

OVERDRIVEN_REPORTS = 10
"""Overdriven ones among them that make an issue: not one door that slams, nor a short alarm close by."""

LISTEN_S = 20.0
"""How long a microphone that is opened again may take until its first report."""

ATTR_ENTRY = "entry_id"
ATTR_MICROPHONE = "subentry_id"


class Complaint(StrEnum):
    """What can be wrong with a microphone; the value is the issue's translation key."""

    SILENT = "microphone_silent"
    DEAF = "microphone_deaf"
    GATED = "microphone_gated"
    CLIPPING = "microphone_clipping"
    LOST = "microphone_lost"
    STUCK = "microphone_stuck"
    UNSTEADY = "microphone_unsteady"
    FFMPEG = "ffmpeg_missing"


MILD = (Complaint.CLIPPING, Complaint.GATED)
"""With these, an alarm is heard most of the time."""


class Carer:
    """Minds one microphone. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, entry_id: str, subentry_id: str, microphone: Microphone) -> None:
        """Know the microphone; it is minded from start() on."""
        self._hass = hass
        self._data: dict[str, str | int | float | None] = {ATTR_ENTRY: entry_id, ATTR_MICROPHONE: subentry_id}
        self._subentry_id = subentry_id
        self._microphone = microphone
        self._overdriven: deque[bool] = deque(maxlen=CLIPPING_REPORTS)
        self._cancel_lost: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Follow the microphone; return what ends that. An issue stays: a reload makes nothing well."""
        end = self._microphone.subscribe(self._take)

        @callback
        def stop() -> None:
            end()
            self._found()

        return stop

    @callback
    def _take(self, news: News) -> None:
        if not self._microphone.listening:
            # Closed by its owner, it is nobody's worry.
            self._found()
            self._clear(*Complaint)
        elif isinstance(news, Vitals):
            self._examine(news)
        elif isinstance(news, Status):
            self._follow(news)

    @callback
    def _follow(self, status: Status) -> None:
        if status.connected and not status.unsteady:
            self._clear(Complaint.UNSTEADY)
        elif status.unsteady and not status.connected:
            self._raise(Complaint.UNSTEADY)
        if status.connected:
            self._found()
            self._overdriven.clear()
            self._clear(Complaint.LOST, Complaint.FFMPEG, Complaint.STUCK)
        elif status.problem == STUCK:
            self._found()
            self._raise(Complaint.STUCK)
        elif status.problem in (Reason.NO_FFMPEG, Reason.NO_BACKEND):
            self._found()
            self._clear(Complaint.LOST)
            self._raise(Complaint.FFMPEG)
        elif status.problem is not None:
            self._clear(Complaint.FFMPEG)
            if self._cancel_lost is None:
                self._cancel_lost = async_call_later(self._hass, LOST_AFTER_S, self._lost)

    @callback
    def _examine(self, vitals: Vitals) -> None:
        deafness = self._microphone.deafness
        self._tell(Complaint.SILENT, deafness.problem == SILENT)
        self._tell(Complaint.DEAF, deafness.problem == DEAF)
        self._tell(Complaint.GATED, deafness.is_gated)
        self._overdriven.append(vitals.clipped_share > CLIPPED_SHARE and not vitals.silent)
        if sum(self._overdriven) >= OVERDRIVEN_REPORTS:
            self._raise(Complaint.CLIPPING)
        elif len(self._overdriven) == CLIPPING_REPORTS and not any(self._overdriven):
            self._clear(Complaint.CLIPPING)

    @callback
    def _lost(self, _: datetime) -> None:
        # Stays set: one issue is enough, however often the microphone is tried again.
        self._raise(Complaint.LOST)

    @callback
    def _found(self) -> None:
        if self._cancel_lost is not None:
            self._cancel_lost()
            self._cancel_lost = None

    @callback
    def _tell(self, complaint: Complaint, is_so: bool) -> None:
        if is_so:
            self._raise(complaint)
        else:
            self._clear(complaint)

    @callback
    def _raise(self, complaint: Complaint) -> None:
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id(complaint, self._subentry_id),
            data=self._data,
            # What a microphone is like, no listening again will change.
            is_fixable=complaint is not Complaint.GATED,
            severity=ir.IssueSeverity.WARNING if complaint in MILD else ir.IssueSeverity.ERROR,
            translation_key=complaint,
            translation_placeholders={"microphone": self._microphone.name, **reason(self._microphone)},
        )

    @callback
    def _clear(self, *complaints: Complaint) -> None:
        for complaint in complaints:
            ir.async_delete_issue(self._hass, DOMAIN, issue_id(complaint, self._subentry_id))


def issue_id(complaint: Complaint, subentry_id: str) -> str:
    """Return the id of a microphone's issue."""
    return f"{complaint}_{subentry_id}"


def reason(microphone: Microphone) -> dict[str, str]:
    """Return why nothing is heard, in words, as a placeholder for texts."""
    status = microphone.status
    if status.problem is None:
        return {"problem": "–"}
    return {"problem": with_detail(problem_text(microphone.hass, status.problem), status.detail)}


@callback
def forget_issues(hass: HomeAssistant, keep: Container[str] = ()) -> None:
    """Take back the issues of microphones that are gone: of all but those with the ids to keep."""
    for issue in tuple(ir.async_get(hass).issues.values()):
        microphone = (issue.data or {}).get(ATTR_MICROPHONE)
        if issue.domain == DOMAIN and microphone is not None and microphone not in keep:
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


async def async_listen_again(hass: HomeAssistant, microphone: Microphone) -> Vitals | None:
    """Close a microphone, open it again, and return what its sound is like; None if there is none."""
    first: asyncio.Future[Vitals | None] = hass.loop.create_future()

    @callback
    def take(news: News) -> None:
        failed = isinstance(news, Status) and news.problem is not None and not news.connected
        if not first.done() and (failed or isinstance(news, Vitals)):
            first.set_result(news if isinstance(news, Vitals) else None)

    await microphone.async_restart()
    end = microphone.subscribe(take)
    try:
        async with asyncio.timeout(LISTEN_S):
            return await first
    except TimeoutError:
        return None
    finally:
        end()
