"""Home Assistant is killed in every state of the guard, and in a walk test: it goes on where it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from live.home import Home, free_port
from live.installation import Installation
from tests.e2e.house import HOLD_S, OPENED_WITHIN_S
from tests.e2e.recordings import Recording
from tests.virtual_microphone import VirtualMicrophone

EXIT_DELAY_S, ENTRY_DELAY_S = 120, 15
"""Long enough to be killed in; the second is waited for."""

HEARD_WITHIN_S = 20.0
WALK_TEST, WALK_TEST_BUTTON = "sensor.kitchen_walk_test", "button.kitchen_walk_test"
WRITTEN_AFTER_S = 1.0
"""A change is written down at once, which takes a busy machine a moment."""

PASSWORD = "over-and-over"


@dataclass(frozen=True)
class Life:
    """Home Assistant from one start to its end."""

    home: Home
    installation: Installation

    async def guard_is(self, state: str, within_s: float = OPENED_WITHIN_S) -> None:
        """Wait until the guard is in a state."""
        await self.home.client.until_state(self.installation.panel, state, within_s)

    async def call(self, action: str, entity: str = "") -> None:
        """Call an action of the guard, or of another entity."""
        await self.home.client.call(action, entity or self.installation.panel)

    def raised_by(self) -> tuple[str, str]:
        """Return what the guard says: which sound, and which microphone."""
        shown = self.home.client.states[self.installation.panel].attributes
        return shown["triggered_by"], shown["microphone"]


async def test_the_guard_goes_on_where_it_was_when_it_was_killed(
    tmp_path: Path, virtual_microphone: VirtualMicrophone, glass_break: Recording, smoke_alarm: Recording
) -> None:
    port = free_port()

    @asynccontextmanager
    async def life() -> AsyncIterator[Life]:
        home = Home(tmp_path, port=port, password=PASSWORD, environment=virtual_microphone.env)
        async with home:
            installation = await Installation.find(home.client)
            assert installation is not None
            (kitchen,) = await installation.microphones()
            await home.client.until_state(kitchen.connectivity, "on", OPENED_WITHIN_S)
            yield Life(home, installation)
            await asyncio.sleep(WRITTEN_AFTER_S)
            await home.kill()

    # The first one ends in order: Home Assistant itself takes its time to write down what has been added to it.
    async with Home(tmp_path, port=port, password=PASSWORD, environment=virtual_microphone.env) as home:
        installation = await Installation.add(home.client)
        await installation.add_microphone("local", "pulse:default", name="Kitchen")
        await installation.set_options(exit_delay=EXIT_DELAY_S, entry_delay=ENTRY_DELAY_S, hold=HOLD_S)

    async with life() as one:
        await one.call("alarm_control_panel.alarm_arm_night")
        await one.guard_is("arming")
    async with life() as one:
        # Whoever was leaving has left.
        await one.guard_is("armed_night")
    async with life() as one:
        await one.guard_is("armed_night")
        virtual_microphone.play(glass_break.path, background=True)
        await one.guard_is("pending", HEARD_WITHIN_S)
    async with life() as one:
        await one.guard_is("triggered", ENTRY_DELAY_S + 5)
        assert one.raised_by() == ("glass_break", "Kitchen")
    async with life() as one:
        await one.guard_is("triggered")
        assert one.raised_by() == ("glass_break", "Kitchen")
        await one.call("alarm_control_panel.alarm_disarm")
        await one.call("button.press", WALK_TEST_BUTTON)
        await one.home.client.until_state(WALK_TEST, "waiting", OPENED_WITHIN_S)
    async with life() as one:
        await one.guard_is("disarmed")
        await one.home.client.until_state(WALK_TEST, "off", OPENED_WITHIN_S)
        virtual_microphone.play(smoke_alarm.path, background=True)
        await one.guard_is("triggered", HEARD_WITHIN_S)
