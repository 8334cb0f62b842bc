"""From a sound at a microphone to a raised alarm, in a real Home Assistant."""

from datetime import datetime

import pytest

from live.installation import Microphone
from tests.e2e.house import EXIT_DELAY_S, HOLD_S, House
from tests.e2e.recordings import Recording

HEARD_WITHIN_S = 10.0
"""After the end of a recording."""

CLEAR_WITHIN_S = HOLD_S + 15.0
ONSET_TOLERANCE_S = 1.0


@pytest.mark.parametrize("name", ["PyAudio", "ffmpeg", "stream"])
async def test_an_alarm_and_a_breaking_pane_are_heard_and_everything_clears_afterwards(
    name: str, house: House, smoke_alarm: Recording, glass_break: Recording
) -> None:
    microphone, client = house.microphones[name], house.client
    # Two of them hear the same sound server: alone, each has to raise the alarm itself.
    await house.listen_with(name)
    changes = len(client.changes)

    await _hear(house, microphone, smoke_alarm, microphone.smoke)
    await client.until_state(house.panel, "triggered", HEARD_WITHIN_S)
    assert client.states[house.panel].attributes["triggered_by"] == "smoke_alarm"
    await client.call("alarm_control_panel.alarm_disarm", house.panel)
    await client.until_state(house.panel, "disarmed", HEARD_WITHIN_S)

    # All is clear: a pane that breaks a second after a smoke alarm is hard to hear, and no matter of wires.
    await client.until_state(microphone.smoke, "off", smoke_alarm.seconds + CLEAR_WITHIN_S)
    await client.call("alarm_control_panel.alarm_arm_away", house.panel)
    await client.until_state(house.panel, "armed_away", EXIT_DELAY_S + HEARD_WITHIN_S)
    await _hear(house, microphone, glass_break, microphone.glass_break)
    await client.until_state(house.panel, "triggered", HEARD_WITHIN_S)
    assert client.states[house.panel].attributes["triggered_by"] == "glass_break"
    assert client.states[house.panel].attributes["changed_by"] == name
    await client.call("alarm_control_panel.alarm_disarm", house.panel)
    await client.until_state(house.panel, "disarmed", HEARD_WITHIN_S)
    for sound in microphone.sounds:
        await client.until_state(sound, "off", glass_break.seconds + CLEAR_WITHIN_S)

    every_sound = [sound for one in house.microphones.values() for sound in one.sounds]
    turned_on = [one.entity for one in client.changes[changes:] if one.after == "on" and one.entity in every_sound]
    assert turned_on == [microphone.smoke, microphone.glass_break]


async def _hear(house: House, microphone: Microphone, recording: Recording, sensor: str) -> None:
    """Play a recording and wait for the sensor; the event must say what it was and when it began."""
    client, last = house.client, house.client.state(microphone.sound)
    began_s = await house.play(recording, microphone)
    await client.until_state(sensor, "on", recording.seconds + HEARD_WITHIN_S)
    await client.until(lambda: client.state(microphone.sound) != last, f"{microphone.sound} to tell", HEARD_WITHIN_S)
    event = client.states[microphone.sound].attributes
    assert event["event_type"] == recording.label
    assert 0.5 < event["confidence"] <= 1
    assert abs(datetime.fromisoformat(event["onset"]).timestamp() - began_s) < ONSET_TOLERANCE_S
    assert 0 <= event["duration"] < recording.seconds + ONSET_TOLERANCE_S
