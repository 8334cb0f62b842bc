"""The proof that Sound Guard works here: a real Home Assistant hears a smoke alarm and a breaking pane, and reacts."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .client import NotSeenError
from .dashboard import write_dashboard
from .home import CHECKOUT, Home, free_port
from .installation import Installation
from .player import Player

if TYPE_CHECKING:
    from .client import Client

AUDIO = CHECKOUT / "tests" / "audio"
SMOKE_ALARM = "smoke_alarm_t3.wav"
GLASS_BREAK = "glass_break.wav"
LIMIT_S = 210.0
HOLD_S = 5
EXIT_DELAY_S = 3
HEARD_WITHIN_S = 15.0
"""After the end of a recording."""


class SelfTest:
    """One run in a folder of its own, which is gone afterwards; Home Assistant's log is kept in `log_path`."""

    def __init__(self, integration: Path, log_path: Path) -> None:
        """Test the integration in this folder."""
        self._integration = integration
        self._log_path = log_path
        self._client: Client | None = None
        self._started = time.time()
        self._shown: tuple[str, ...] = ()
        self._set_up_changes = 0

    async def run(self) -> None:
        """Pass, or raise HomeError, SetUpError, RefusedError or NotSeenError with the reason."""
        with tempfile.TemporaryDirectory(prefix="sound-guard-") as folder:
            home = Home(Path(folder), port=free_port(), integration=self._integration)
            _say("starting Home Assistant")
            try:
                async with asyncio.timeout(LIMIT_S), Player() as player, home:
                    self._client = home.client
                    await self._prove(home.client, player)
            except TimeoutError as error:
                raise NotSeenError(f"the self-test to end: not within {LIMIT_S:.0f} s") from error
            finally:
                self._log_path.parent.mkdir(exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # Home Assistant did not get as far as that
                    shutil.copyfile(home.log_path, self._log_path)

    def timeline(self) -> list[dict[str, object]]:
        """What became of the guard and the sensors once they were set up; times in seconds since the start."""
        return [
            {
                "t_s": round(change.at - self._started, 2),
                "entity": change.entity,
                "from": change.before,
                "to": change.after,
            }
            for change in (self._client.changes[self._set_up_changes :] if self._client else ())
            if change.entity in self._shown
        ]

    async def _prove(self, client: Client, player: Player) -> None:
        installation = await Installation.add(client)
        await installation.set_options(hold=HOLD_S, exit_delay=EXIT_DELAY_S)
        microphone = await installation.add_microphone("stream", player.url, name="Recordings")
        await write_dashboard(installation)
        panel = installation.panel
        self._shown, self._set_up_changes = (panel, *microphone.entities), len(client.changes)

        _say("playing a smoke alarm")
        await client.until_state(microphone.smoke, "on", player.play(AUDIO / SMOKE_ALARM) + HEARD_WITHIN_S)
        await _until_triggered_by("smoke_alarm", panel, client)

        _say("disarming, waiting for silence, arming")
        await client.call("alarm_control_panel.alarm_disarm", panel)
        await client.until_state(microphone.smoke, "off", 2 * HEARD_WITHIN_S + HOLD_S)
        await client.call("alarm_control_panel.alarm_arm_away", panel)
        await client.until_state(panel, "armed_away", EXIT_DELAY_S + HEARD_WITHIN_S)

        _say("playing a breaking pane")
        await client.until_state(microphone.glass_break, "on", player.play(AUDIO / GLASS_BREAK) + HEARD_WITHIN_S)
        await _until_triggered_by("glass_break", panel, client)
        _say("passed")


async def _until_triggered_by(label: str, panel: str, client: Client) -> None:
    await client.until_state(panel, "triggered", HEARD_WITHIN_S)
    if (cause := client.states[panel].attributes["triggered_by"]) != label:
        raise NotSeenError(f"{panel} to be triggered by {label}: it was by {cause}")


def _say(what: str) -> None:
    print(f"self-test: {what}", file=sys.stderr, flush=True)
