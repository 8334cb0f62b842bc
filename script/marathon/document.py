"""The figures of a soak, or of many microphones at once, as a document."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

COUNTED = ("threads", "descriptors", "tasks")
SOUNDS = {"glass_break": "Breaking glass", "smoke_alarm": "Smoke alarm", "co_alarm": "Carbon-monoxide alarm"}


def write(path: Path, found: Mapping[str, Any], arguments: Sequence[str]) -> None:
    """Write the figures, with the command that gave them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_lines(found, _command(arguments))) + "\n", encoding="utf-8")


def write_crowd(path: Path, found: Mapping[str, Any], arguments: Sequence[str]) -> None:
    """Write what many microphones took in real time, with the command that measured it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_crowd_lines(found, _command(arguments))) + "\n", encoding="utf-8")


def _command(arguments: Sequence[str]) -> str:
    """Return the command without the option that names a file."""
    kept, words = [], iter(arguments)
    for word in words:
        if word == "--write":
            next(words, None)
        elif not word.startswith("--write="):
            kept.append(word)
    return " ".join(["script/soak", *kept])


def _lines(found: Mapping[str, Any], command: str) -> Iterator[str]:
    alarms, lost, footprint = found["alarms"], found["sound_lost"], found["footprint"]
    yield "# Hours of sound, faster than real time"
    yield ""
    yield f"Written by `{command} --write`; the seed decides on everything that happens, so that it can be repeated."
    yield ""
    yield (
        f"{found['microphones']} microphones heard {found['hours']:g} hours each: made-up rooms through the real "
        "listener, the shipped model, and the integration in a real Home Assistant, whose clock went with the sound. "
        f"Alarms, troubles and people's doings came at random. That took {found['wall_s'] / 60:.0f} minutes, "
        f"{found['times_real_time']} times as fast as real time. Second looks: {found['second_look']}"
        + (f", {found['looks']} taken." if found["looks"] else ".")
    )
    yield ""
    yield from _table("promise", "shown", _promises(found))
    yield f"Broken promises: {len(found['broken'])}{': ' + '; '.join(found['broken']) if found['broken'] else ''}."
    yield ""
    yield "## What was to be found"
    yield ""
    yield from _table(
        "sound",
        "found",
        {
            SOUNDS[label]: f"{counts['undisturbed'] - counts['missed']} of {counts['undisturbed']}"
            for label, counts in alarms["by_label"].items()
        }
        | {"cut off or spoilt by a trouble": f"{alarms['disturbed_found']} of {alarms['disturbed']}"},
    )
    yield (
        f"Reported again while they went on: {found['reported_again']}. "
        f"Reported as another sound: {_counts(found['mistaken'])}."
    )
    yield ""
    yield f"Reported although nothing was planted, by what there was instead: {_counts(found['false_alarms'])}."
    yield ""
    yield "## What went wrong on purpose"
    yield ""
    yield from _table("trouble", "times", found["troubles"])
    yield from _table("done by people", "times", found["deeds"])
    yield (
        f"All of this kept {lost['seconds'] / 60:.0f} minutes of sound ({lost['percent']} %) from being heard, in "
        f"{lost['outages']} outages. Sources said that they dropped {lost['said_to_be_dropped_s']} s."
    )
    yield ""
    yield "Heard again after a source was there again:"
    yield ""
    yield from _table(
        "trouble", "seconds", {name: _spread(spread, "s") for name, spread in found["heard_again_after_s"].items()}
    )
    yield "## Every hour"
    yield ""
    yield "| hour | resident memory, MB | threads | descriptors | tasks |"
    yield "|---:|---:|---:|---:|---:|"
    for each in footprint["hourly"]:
        counts = " | ".join(str(each[what]) for what in ("rss_mb", *COUNTED))
        yield f"| {each['hours']:g} | {counts} |"


def _crowd_lines(found: Mapping[str, Any], command: str) -> Iterator[str]:
    yield "# Many microphones at once, in real time"
    yield ""
    yield f"Written by `{command} --write`."
    yield ""
    yield (
        f"{found['microphones']} network streams, each through an ffmpeg of its own, into one Home Assistant on a "
        f"machine with {found['cores']} cores, for {found['seconds']:.0f} s. In the middle of it a smoke alarm sounded "
        "in all rooms at once."
    )
    yield ""
    rows = {
        "all of it, of all cores": f"{found['percent_of_all_cores']} %",
        "Home Assistant with Sound Guard, of one core": f"{found['home_assistant_percent_of_one_core']} %",
        "all ffmpeg processes, of one core": f"{found['ffmpeg_percent_of_one_core']} %",
        "microphones that hear": f"{found['hearing']} of {found['microphones']}",
        "of them, heard the alarm": str(found["heard_the_alarm"]),
        "sound that was dropped": f"{found['dropped_s']} s",
    }
    yield from _table("what", "share", rows)
    yield f"Second looks: {found['second_look']}."


def _promises(found: Mapping[str, Any]) -> dict[str, str]:
    alarms, footprint, looks = found["alarms"], found["footprint"], found["connectivity"]
    counted = (f"{what} {footprint['first'][what]} → {footprint['last'][what]}" for what in COUNTED)
    right = looks["looked"] - looks["wrong"]
    return {
        "every alarm whose sound arrived whole is found": f"{alarms['undisturbed_found']} of {alarms['undisturbed']}",
        "its onset is right, to a second": _spread(found["onset_error_s"], "s"),
        "resident memory grows by 10 MB at most after the first hour": (
            f"{footprint['growth_mb']} MB, hour by hour (medians); {footprint['warm']['rss_mb']} MB after the first "
            f"hour, {footprint['last']['rss_mb']} MB in the end, {footprint['most']['rss_mb']} MB at its highest moment"
        ),
        "threads (but for that of second looks), descriptors and tasks are back at their start": ", ".join(counted),
        "the house says when a microphone cannot be heard, and when it can": f"{right} of {looks['looked']} looks",
        "the log has no errors, and no password": f"{found['log'].get('error', 0)} errors",
    }


def _table(what: str, shown: str, rows: Mapping[str, Any]) -> Iterator[str]:
    yield f"| {what} | {shown} |"
    yield "|---|---|"
    for name, value in rows.items():
        yield f"| {name} | {value} |"
    yield ""


def _spread(spread: Mapping[str, float] | None, unit: str) -> str:
    if spread is None:
        return "–"
    return f"median {spread['median']:g} {unit}, 95 % within {spread['p95']:g} {unit}, largest {spread['max']:g} {unit}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
