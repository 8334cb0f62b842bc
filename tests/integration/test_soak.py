"""The soak finds what it plants, and notices when something is wrong."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

from marathon.clock import CLOCK, Clock
from marathon.findings import Findings
from marathon.footprint import Footprint
from marathon.plan import Act, Deed, Fault, Planted, RoomPlan, Scene, Trouble, deeds, room_plan
from marathon.room import Room, Stretch
from marathon.soak import Outcome
from marathon.sounds import RATE_HZ, Backdrop, alarms
from marathon.verdict import broken, figures
from marathon.vigil import looks

ROOT = Path(__file__).parents[2]
SECONDS = 600.0


def soak(*options: str) -> tuple[int, dict[str, Any]]:
    """Run the command and return its exit code and its figures."""
    command = [sys.executable, "-m", "marathon", "--json", *options]
    path = os.pathsep.join((str(ROOT / "script"), str(ROOT)))
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)


def test_minutes_of_sound_with_troubles_keep_every_promise(tmp_path: Path) -> None:
    document = tmp_path / "soak.md"
    code, found = soak("--hours", "0.12", "--microphones", "2", "--seed", "161", "--write", str(document))
    assert found["broken"] == []
    assert code == 0
    assert found["alarms"]["undisturbed"] >= 3
    assert sum(found["troubles"].values()) >= 3
    assert found["footprint"]["growth_mb"] < 60
    assert "| every alarm whose sound arrived whole is found |" in document.read_text()
    assert "script/soak --json --hours 0.12" in document.read_text()


def smoke(onset_s: float, length_s: float = 10.0) -> Planted:
    """Return an alarm that was planted."""
    return Planted("smoke alarm", "smoke_alarm", onset_s - 0.5, onset_s, onset_s + length_s, 1.0)


def quiet_room(*planted: Planted) -> Room:
    """Return a room in which nothing goes wrong; all of its sound was heard."""
    room = Room(1, 0, RoomPlan((Scene(0.0, Backdrop.QUIET, 1.0),), planted, ()))
    room.whole.append(Stretch(0.0, SECONDS))
    return room


def outcome(room: Room, *found_s: float) -> Outcome:
    """Return what there is to judge when smoke alarms were reported with these onsets, and all else went well."""
    outcome = Outcome([room], [], Findings([room]))
    for onset_s in found_s:
        outcome.findings._sort(0, "smoke_alarm", onset_s)
    outcome.footprints = [Footprint(at_s, 300.0, 11, ("main", "pool"), ("soak",)) for at_s in (60.0, 3_600.0, 7_200.0)]
    outcome.wall_s = 1.0
    return outcome


def test_nothing_is_wrong_if_every_alarm_was_found_in_its_place() -> None:
    assert broken(outcome(quiet_room(smoke(100.0), smoke(200.0)), 100.1, 199.9)) == []


def test_an_alarm_that_was_not_reported_is_missed() -> None:
    assert broken(outcome(quiet_room(smoke(100.0), smoke(200.0)), 100.0)) == ["missed: smoke alarm at 200.0 s"]


def test_an_alarm_that_was_reported_far_from_its_onset_is_misplaced() -> None:
    (complaint,) = broken(outcome(quiet_room(smoke(100.0)), 103.0))
    assert complaint.startswith("onset off by +3.00 s")


def test_an_alarm_that_was_cut_off_is_promised_to_nobody() -> None:
    room = quiet_room(smoke(100.0), smoke(200.0))
    room.whole[:] = [Stretch(0.0, 205.0), Stretch(205.0, SECONDS)]
    judged = outcome(room, 100.0)
    assert broken(judged) == []
    assert figures(judged, SECONDS)["alarms"]["disturbed"] == 1


def test_a_report_of_nothing_is_counted_by_what_there_was_instead() -> None:
    judged = outcome(quiet_room(smoke(100.0)), 100.0, 300.0)
    assert figures(judged, SECONDS)["false_alarms"] == {"quiet": 1}


def test_an_alarm_that_is_reported_twice_is_counted_once() -> None:
    counted = figures(outcome(quiet_room(smoke(100.0)), 100.0, 106.0), SECONDS)
    assert (counted["alarms"]["undisturbed_found"], counted["reported_again"]) == (1, 1)


@pytest.mark.parametrize(
    ("last", "complaint"),
    [
        ({"rss_mb": 310.1}, "resident memory grew by 10.1 MB (more than 10.0 MB)"),
        ({"descriptors": 12}, "descriptors: 11 at the start, 12 in the end"),
        ({"task_names": ("soak", "more")}, "tasks that were not there at the start: more"),
        ({"thread_names": ("main", "other")}, "threads that were not there at the start: other"),
    ],
)
def test_whatever_grows_is_told(last: dict[str, Any], complaint: str) -> None:
    judged = outcome(quiet_room(smoke(100.0)), 100.0)
    judged.footprints[-1] = replace(judged.footprints[-1], **last)
    assert broken(judged) == [complaint]


def test_sound_that_comes_back_late_is_told_unless_somebody_had_closed_the_microphone() -> None:
    room = quiet_room(smoke(100.0))
    room.plan = replace(room.plan, faults=(Fault(Trouble.STALLED, 300.0, 330.0),))
    room.outages.append(Stretch(300.0, 370.0))
    judged = outcome(room, 100.0)
    assert broken(judged) == ["heard again only 40.0 s after a source was stalled (more than 26.0 s)"]
    judged.deeds = [Deed(Act.PAUSE, 320.0, 370.0, 0, 0.5)]
    assert broken(judged) == []


def test_what_the_log_and_the_threads_show_is_told() -> None:
    judged = outcome(quiet_room(smoke(100.0)), 100.0)
    judged.errors["Something broke"] += 2
    judged.secrets = 1
    judged.threads_left.append("sound_guard Room 0")
    assert broken(judged) == [
        "the thread 'sound_guard Room 0' was left behind",
        "1 records of the log give a password away",
        "logged 2 times: Something broke",
    ]


def test_a_seed_decides_on_everything() -> None:
    assert room_plan(5, 1, 7_200) == room_plan(5, 1, 7_200) != room_plan(6, 1, 7_200)
    assert deeds(5, 4, 7_200) == deeds(5, 4, 7_200) != deeds(6, 4, 7_200)
    troubles = {fault.trouble for number in range(4) for fault in room_plan(5, number, 36_000).faults}
    assert troubles == set(Trouble)


def test_a_room_sounds_the_same_however_its_sound_is_cut() -> None:
    plan = room_plan(5, 1, 600)
    whole = Room(5, 1, plan).sound(0, 120 * RATE_HZ)
    pieces = Room(5, 1, plan)
    edges = [0, 1, 700, RATE_HZ, 5 * RATE_HZ + 13, 119 * RATE_HZ, 120 * RATE_HZ]
    cut = np.concatenate([pieces.sound(start, end) for start, end in pairwise(edges)])
    assert np.array_equal(whole, cut)
    (first, *_) = plan.alarms
    loudest = np.abs(whole[: 61 * RATE_HZ].astype(int)).max()
    begin = round(first.onset_s * RATE_HZ)
    assert np.abs(Room(5, 1, plan).sound(begin, begin + 2 * RATE_HZ).astype(int)).max() > 4 * loudest
    assert alarms()[first.name].label == first.label


def test_every_lasting_trouble_is_looked_at_from_outside() -> None:
    rooms = [Room(5, number, room_plan(5, number, 36_000)) for number in range(2)]
    found = looks(rooms, ())
    assert [look.at_s for look in found] == sorted(look.at_s for look in found)
    lost = [fault for room in rooms for fault in room.plan.faults if fault.trouble is Trouble.LOST]
    lasting = [fault for fault in lost if fault.end_s - fault.start_s >= 10]
    assert lasting
    assert all(any(look.fault is fault and look.expected == "off" for look in found) for fault in lasting)


def test_a_wait_ends_when_the_clock_has_come_so_far() -> None:
    clock, event, began = Clock(), Event(), Event()
    clock.on_wait = began.set
    came: list[bool] = []
    thread = Thread(target=lambda: came.append(clock.wait(10.0, event)))
    thread.start()
    assert began.wait(5)
    assert clock.advance(9.0) == 9.0
    assert clock.all_wait([thread])
    assert clock.advance(14.0) == 10.0, "the clock passed somebody by who waits for it"
    thread.join(5)
    assert came == [False]
    assert clock.monotonic() - Clock().monotonic() == 10.0
    assert CLOCK.now_s() == 0.0, "the process that runs the tests lives in real time"
