"""A person's connection to a running Home Assistant: REST calls, websocket commands, and each state as it changes."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ABSENT = "absent"
ANSWER_TIMEOUT_S = 60


class RefusedError(Exception):
    """Home Assistant refused a request; the message is its answer."""


class NotSeenError(Exception):
    """Something that was waited for did not happen; the message says what, for how long, and how things stand."""


@dataclass(frozen=True)
class State:
    """An entity's state and attributes, as Home Assistant gives them."""

    value: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One change of one entity's state."""

    at: float
    """Seconds since 1970, by Home Assistant's clock."""
    entity: str
    before: str
    after: str
    attributes: Mapping[str, Any]


class Client:
    """Not threadsafe; belongs to the event loop it was made in. `states` and `changes` keep themselves up to date."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Use `log_in`."""
        self.states: dict[str, State] = {}
        self.changes: list[Change] = []
        self._session = session
        self._url = url
        self._token = ""
        self._socket: aiohttp.ClientWebSocketResponse
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Event()
        self._next_id = 1

    @classmethod
    async def log_in(cls, url: str, user: str, password: str, *, create: bool = False) -> Self:
        """Log in as `user`, whom Home Assistant does not know yet when `create` is set; raises RefusedError."""
        client = cls(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)), url)
        try:
            await client._authenticate(user, password, create=create)
            await client._connect()
        except BaseException:
            await client.close()
            raise
        return client

    async def close(self) -> None:
        """Hang up."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            await self._socket.close()
        await self._session.close()

    async def get(self, path: str) -> Any:
        """Answer of GET /api/`path`; raises RefusedError."""
        return await self._request("GET", f"/api/{path}")

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Answer of POST /api/`path`; raises RefusedError."""
        return await self._request("POST", f"/api/{path}", json=body)

    async def delete(self, path: str) -> Any:
        """Answer of DELETE /api/`path`; raises RefusedError."""
        return await self._request("DELETE", f"/api/{path}")

    async def command(self, kind: str, **fields: Any) -> Any:
        """Result of one websocket command; raises RefusedError."""
        number, self._next_id = self._next_id, self._next_id + 1
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "type": kind, **fields})
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await answer
        except TimeoutError as error:
            raise RefusedError(f"{kind}: no answer within {ANSWER_TIMEOUT_S} s") from error
        finally:
            del self._answers[number]

    async def call(self, action: str, entity: str, **data: Any) -> None:
        """Do `action` ("domain.name") on `entity`, as a press in the pages would; raises RefusedError."""
        domain, name = action.split(".")
        target = {"entity_id": entity}
        await self.command("call_service", domain=domain, service=name, service_data=data, target=target)

    def state(self, entity: str) -> str:
        """`entity`'s state now, or "absent"."""
        known = self.states.get(entity)
        return known.value if known else ABSENT

    async def until(self, happened: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until `happened`, looked at after each change of a state; raises NotSeenError naming `what`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not happened():
                    if self._reader is not None and self._reader.done():
                        raise NotSeenError(f"{what}: Home Assistant hung up")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            raise NotSeenError(f"{what}: not within {timeout_s:.0f} s") from error

    async def until_state(self, entity: str, value: str, timeout_s: float) -> None:
        """Wait until `entity`'s state is `value`; raises NotSeenError."""
        try:
            await self.until(lambda: self.state(entity) == value, f"{entity} to be {value}", timeout_s)
        except NotSeenError as error:
            raise NotSeenError(f"{error} (it is {self.state(entity)})") from error.__cause__

    async def _authenticate(self, user: str, password: str, *, create: bool) -> None:
        identity = {"client_id": f"{self._url}/"}
        person = {"username": user, "password": password}
        if create:
            words = {"name": user.capitalize(), "language": "en"}
            code = (await self.post("onboarding/users", identity | person | words))["auth_code"]
        else:
            start = identity | {"handler": ["homeassistant", None], "redirect_uri": f"{self._url}/"}
            flow = await self._request("POST", "/auth/login_flow", json=start)
            done = await self._request("POST", f"/auth/login_flow/{flow['flow_id']}", json=identity | person)
            if done["type"] != "create_entry":
                raise RefusedError(f"{user} could not log in: {done.get('errors')}")
            code = done["result"]
        grant = identity | {"grant_type": "authorization_code", "code": code}
        self._token = (await self._request("POST", "/auth/token", data=grant))["access_token"]

    async def _connect(self) -> None:
        self._socket = await self._session.ws_connect(f"{self._url}/api/websocket", max_msg_size=0)
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self._token})
        if (answer := await self._socket.receive_json())["type"] != "auth_ok":
            raise RefusedError(answer.get("message", "not logged in"))
        self._reader = asyncio.create_task(self._read())
        await self.command("subscribe_events", event_type="state_changed")
        for state in await self.command("get_states"):
            self.states.setdefault(state["entity_id"], State(state["state"], state["attributes"]))

    async def _read(self) -> None:
        """Give each answer to who waits for it, keep the states; ends when Home Assistant hangs up."""
        async for message in self._socket:
            content = message.json()
            if content["type"] == "event":
                self._note(content["event"])
                continue
            answer = self._answers.get(content["id"])
            if answer is None or answer.done():
                continue
            if content.get("success"):
                answer.set_result(content["result"])
            else:
                answer.set_exception(RefusedError(content["error"]["message"]))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(RefusedError("Home Assistant hung up"))
        self._changed.set()

    def _note(self, event: Mapping[str, Any]) -> None:
        entity, new = event["data"]["entity_id"], event["data"]["new_state"]
        before = self.state(entity)
        if new is None:
            self.states.pop(entity, None)
        else:
            self.states[entity] = State(new["state"], new["attributes"])
        if (after := self.state(entity)) != before:
            at = datetime.fromisoformat(event["time_fired"]).timestamp()
            self.changes.append(Change(at, entity, before, after, new["attributes"] if new else {}))
        self._changed.set()

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with self._session.request(method, self._url + path, headers=headers, **options) as response:
                if response.status >= 400:
                    raise RefusedError(f"{method} {path}: {response.status} {(await response.text()).strip()}")
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RefusedError(f"{method} {path}: no answer ({type(error).__name__})") from error
