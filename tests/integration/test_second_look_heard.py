"""What a second look makes of real sound: the shipped attention model hears files, and somebody looks again."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web

from custom_components.sound_guard.engine import ENGINE, Engine
from custom_components.sound_guard.src.hearing.card import ATTENTION_CARD, CardError, ModelCard
from custom_components.sound_guard.src.hearing.detection import Detection, Phase
from custom_components.sound_guard.src.hearing.features import Block
from custom_components.sound_guard.src.hearing.listener import Listener
from custom_components.sound_guard.src.hearing.rcrnn_card import RcrnnCard
from custom_components.sound_guard.src.hearing.second_look import SecondLook
from custom_components.sound_guard.src.hearing.source import Reason, SourceError
from custom_components.sound_guard.src.hearing.verifier import Region, VerifierError

from ..certainty import never_certain
from .conftest import KITCHEN, House, until
from .fakes import LABELS, VERIFIER_CARD, FakeVerifier
from .other_machine import TOKEN, Stranger
from .second_look_house import SENSOR
from .test_real_model import AUDIO, Recording, no_model_is_open_yet
from .test_services import act

__all__ = ["no_model_is_open_yet"]

ALARM = "smoke_alarm_t3.wav"
ALARM_S = 12.0
SMOKE = "binary_sensor.kitchen_smoke"
EVENT = "event.kitchen_sound_heard"

PROMISED_S = 3.0
"""An alarm must be there so soon after somebody was asked who never answers."""

HEARD_S = 30.0
"""How long hearing a file may take on a busy machine."""

REHEARSAL_BYTES = 40_000
"""More sound than this is no silence that only tries another machine."""

YES = tuple(Region(label, 0.5, 2.0, 0.9) for label in LABELS)


class Ear:
    """Stands between the engine and the house: makes real listeners, and notes what they tell."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.found: list[Detection] = []
        self.position_s = 0.0
        self.first_s: float | None = None
        """When the first sound was told."""

    def open_listener(self, card: ModelCard, *, second_look: SecondLook | None = None, wait: bool = False) -> Listener:
        """Stand in for the engine's class."""
        ear = self

        class Noted(Listener):
            def feed(self, block: Block) -> list[Detection]:
                found = super().feed(block)
                ear.found += found
                ear.position_s = self.position_s
                if found and ear.first_s is None:
                    ear.first_s = time.monotonic()
                return found

            def flush(self) -> list[Detection]:
                before = list(ear.found)
                found = super().flush()
                ear.found = before + found
                return found

        return Noted(card, second_look=second_look, wait=wait)

    def events(self) -> list[dict[str, Any]]:
        """Return what was told, as `sound-guard scan --json` and the action do."""
        return [
            {
                "label": found.label,
                "onset_s": round(found.onset_s, 2),
                "offset_s": round(found.offset_s, 2),
                "confidence": round(found.confidence, 4),
                "verified": found.verified,
                "verifier_confidence": found.verifier_confidence and round(found.verifier_confidence, 4),
            }
            for found in self.found
            if found.phase is Phase.ENDED
        ]


class Once(Recording):
    """A recording after which the microphone is lost."""

    def __init__(self, spec: str, *, ffmpeg: str) -> None:
        """Open it, unless it was played already."""
        super().__init__(spec, ffmpeg=ffmpeg)
        if spec in played:
            raise SourceError(Reason.NO_DEVICE, "it is over")
        played.add(spec)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __iter__(self) -> Iterator[Block]:
        """Yield the file, and no silence behind it."""
        with self._file as blocks:
            yield from blocks


played: set[str] = set()


@pytest.fixture(autouse=True)
def nothing_was_played_yet() -> None:
    """Let every test play a recording."""
    played.clear()


@pytest.fixture(scope="module")
def card() -> RcrnnCard:
    """Return a card that was made for the shipped attention model, and is asked about all but silence."""
    attention = ModelCard.load(ATTENTION_CARD)
    return replace(VERIFIER_CARD, attention_sha256=attention.sha256, suspicion=dict.fromkeys(LABELS, 0.05))


async def listen(house: House, engine: Engine, recording: str = ALARM, **options: Any) -> Ear:
    """Let the kitchen hear a recording with the real attention model."""
    ear = Ear()
    house.hass.data[ENGINE] = replace(engine, open_listener=ear.open_listener)
    kitchen = house.entry.subentries[KITCHEN]
    house.hass.config_entries.async_update_subentry(house.entry, kitchen, data={"source": recording})
    house.hass.config_entries.async_update_entry(house.entry, options=options)
    await house.set_up()
    return ear


def engine_with(card: RcrnnCard, verifier: FakeVerifier, source: type[Recording] = Recording) -> Engine:
    """Return the real engine with another verifier, and a recording as its microphone."""
    return Engine(open_source=source, load_verifier_card=lambda _: card, open_verifier=lambda _: verifier)


class TestOnThisMachine:
    async def test_what_is_confirmed_is_reported_as_such(self, empty_house: House, card: RcrnnCard) -> None:
        await listen(empty_house, engine_with(card, FakeVerifier(*YES)))
        await until(lambda: empty_house.state(SMOKE) == "on", timeout_s=HEARD_S)
        heard = empty_house.attributes(EVENT)
        assert (heard["event_type"], heard["verified"], heard["verifier_confidence"]) == ("smoke_alarm", True, 0.9)

    async def test_what_is_refused_is_not_reported_however_often_it_is_asked_about(
        self, empty_house: House, card: RcrnnCard
    ) -> None:
        no = FakeVerifier(Region("smoke_alarm", 0.5, 2.0, 0.2), Region("co_alarm", 0.5, 2.0, 0.9))
        engine = replace(engine_with(card, no), load_card=lambda path: never_certain(ModelCard.load(path)))
        ear = await listen(empty_house, engine, second_look_limit=10)
        await until(lambda: ear.position_s > ALARM_S + 8, timeout_s=HEARD_S)
        assert len(no.looks_s) >= 3, "one that tries the model, and two about an alarm of 12 s"
        assert ear.found == []
        assert empty_house.state(SMOKE) == "off"
        assert empty_house.state(SENSOR) == "local"

    async def test_when_it_fails_the_attention_decides_alone(self, empty_house: House, card: RcrnnCard) -> None:
        class Overheats(FakeVerifier):
            def verify(self, samples: Block) -> tuple[Region, ...]:
                if samples.size * 2 > REHEARSAL_BYTES:
                    self.fault = VerifierError("it is too hot")
                return super().verify(samples)

        await listen(empty_house, engine_with(card, Overheats()), "glass_break.wav")
        await until(lambda: empty_house.state("binary_sensor.kitchen_glass_break") == "on", timeout_s=HEARD_S)
        heard = empty_house.attributes(EVENT)
        assert (heard["verified"], heard["verifier_confidence"]) == (None, None)
        await empty_house.until(SENSOR, "unavailable")

    async def test_when_it_does_not_answer_the_alarm_is_there_in_time(
        self, empty_house: House, card: RcrnnCard
    ) -> None:
        asked_s: list[float] = []

        class Hangs(FakeVerifier):
            def verify(self, samples: Block) -> tuple[Region, ...]:
                if samples.size * 2 > REHEARSAL_BYTES and not asked_s:
                    asked_s.append(time.monotonic())
                    self.stuck.set()
                return super().verify(samples)

        verifier = Hangs()
        ear = await listen(empty_house, engine_with(card, verifier))
        await until(lambda: empty_house.state(SMOKE) == "on", timeout_s=HEARD_S)
        verifier.stuck.clear()
        assert ear.first_s is not None
        assert ear.first_s - asked_s[0] < PROMISED_S
        assert empty_house.attributes(EVENT)["verified"] is None

    async def test_without_its_model_all_is_heard_as_without_a_second_look(self, empty_house: House) -> None:
        def damaged(_: Path) -> RcrnnCard:
            raise CardError("rcrnn.tflite: is damaged")

        await listen(empty_house, Engine(open_source=Recording, load_verifier_card=damaged))
        await until(lambda: empty_house.state(SMOKE) == "on", timeout_s=HEARD_S)
        assert empty_house.state(SENSOR) == "unavailable"


class TestOnAnotherMachine:
    @pytest.fixture
    async def machine(self, socket_enabled: None) -> AsyncIterator[Stranger]:
        """Return another machine."""
        machine = Stranger()
        await machine.start()
        yield machine
        await machine.die()

    def options(self, machine: Stranger) -> dict[str, Any]:
        """Return the options that name it."""
        return {"second_look": "remote", "second_look_server": machine.url, "second_look_token": TOKEN}

    @pytest.mark.parametrize("dies", [True, False], ids=["dies", "hangs"])
    async def test_one_that_ends_in_the_middle_of_a_look_costs_no_alarm(
        self, empty_house: House, card: RcrnnCard, machine: Stranger, dies: bool
    ) -> None:
        asked_s: list[float] = []

        async def end(request: web.Request) -> web.StreamResponse:
            if (request.content_length or 0) < REHEARSAL_BYTES:
                machine.handle = end
                return web.Response(body=b"later")
            await request.read()
            asked_s.append(time.monotonic())
            if dies:
                asyncio.get_running_loop().create_task(machine.die())
            await asyncio.sleep(60)
            raise AssertionError

        machine.handle = end
        ear = await listen(empty_house, engine_with(card, FakeVerifier()), **self.options(machine))
        await until(lambda: empty_house.state(SMOKE) == "on", timeout_s=HEARD_S)
        assert ear.first_s is not None
        assert ear.first_s - asked_s[0] < PROMISED_S
        heard = empty_house.attributes(EVENT)
        assert (heard["event_type"], heard["verified"]) == ("smoke_alarm", None)
        await empty_house.until(SENSOR, "unavailable")

    async def test_sound_is_sent_only_while_something_is_suspected(
        self, empty_house: House, card: RcrnnCard, machine: Stranger
    ) -> None:
        ear = await listen(empty_house, engine_with(card, FakeVerifier()), **self.options(machine))
        # For as long as the model looks back, it may still suspect the alarm.
        await until(lambda: ear.position_s > ALARM_S + 16, timeout_s=HEARD_S)
        await empty_house.hass.async_block_till_done()
        looks, position_s = len(machine.asked), ear.position_s
        assert looks >= 2
        await until(lambda: ear.position_s > position_s + 10, timeout_s=HEARD_S)
        assert len(machine.asked) == looks


class TestNothingLeaves:
    @pytest.fixture
    def connections(self, monkeypatch: pytest.MonkeyPatch, socket_enabled: None) -> list[Any]:
        """Return where this process connects to, or sends to, from now on; the file system is nowhere."""
        tried: list[Any] = []
        original = socket.socket.__mro__[1]
        for name in ("connect", "connect_ex", "sendto"):

            def watch(self: socket.socket, *arguments: Any, name: str = name) -> Any:
                if self.family in (socket.AF_INET, socket.AF_INET6):
                    tried.append(arguments[-1])
                return getattr(original, name)(self, *arguments)

            monkeypatch.setattr(socket.socket, name, watch)
        return tried

    @pytest.mark.parametrize("options", [{}, {"second_look": "local"}, {"second_look": "off"}], ids=str)
    async def test_without_another_machine_no_connection_is_even_tried(
        self, empty_house: House, card: RcrnnCard, connections: list[Any], options: dict[str, Any]
    ) -> None:
        # Whatever was entered before, it is the choice that counts.
        left = {"second_look_server": "http://127.0.0.1:9", "second_look_token": TOKEN}
        await listen(empty_house, engine_with(card, FakeVerifier(*YES)), **options, **left)
        await until(lambda: empty_house.state(SMOKE) == "on", timeout_s=HEARD_S)
        await empty_house.reload()
        assert connections == []

    async def test_with_another_machine_one_is_seen(
        self, empty_house: House, card: RcrnnCard, connections: list[Any]
    ) -> None:
        options = {"second_look_server": "http://127.0.0.1:9", "second_look_token": TOKEN}
        await listen(empty_house, engine_with(card, FakeVerifier()), **options, second_look="remote")
        await until(lambda: ("127.0.0.1", 9) in connections)


class TestTheSameAsAScan:
    """Files are heard in one go here, so an answer may come while the microphone is seconds ahead."""

    @pytest.mark.parametrize("recording", [ALARM, "co_alarm_t4.wav", "glass_break.wav", "glass_break_bottle.wav"])
    async def test_the_action_says_what_a_microphone_decides(
        self, empty_house: House, card: RcrnnCard, recording: str
    ) -> None:
        empty_house.hass.config.allowlist_external_dirs = {str(AUDIO)}
        ear = await listen(empty_house, engine_with(card, FakeVerifier(*YES), Once), recording, second_look_limit=10)
        await until(lambda: empty_house.microphone.status.problem, timeout_s=HEARD_S)
        decided = ear.events()
        assert any(event["verified"] for event in decided)
        response = await act(empty_house.hass, "analyze_file", path=str(AUDIO / recording))
        assert response["detections"] == decided

    @pytest.mark.parametrize("recording", [ALARM, "co_alarm_t4.wav", "glass_break.wav", "glass_break_bottle.wav"])
    async def test_with_the_shipped_models_the_command_says_what_a_microphone_decides(
        self, empty_house: House, recording: str
    ) -> None:
        ear = await listen(empty_house, Engine(open_source=Once), recording, second_look_limit=10)
        assert empty_house.state(SENSOR) == "local"
        await until(lambda: empty_house.microphone.status.problem, timeout_s=HEARD_S)
        assert ear.events()
        assert ear.events() == await empty_house.hass.async_add_executor_job(scan, AUDIO / recording)


def scan(file: Path) -> list[dict[str, Any]]:
    """Return what `sound-guard scan --cascade --json` says of a file, without the file's name."""
    command = [sys.executable, "-m", "hearing", "scan", "--cascade", "--json", str(file)]
    out = subprocess.run(command, check=True, capture_output=True, timeout=HEARD_S).stdout
    lines = [json.loads(line) for line in out.splitlines()]
    return [{key: value for key, value in line.items() if key != "file"} for line in lines if "label" in line]
