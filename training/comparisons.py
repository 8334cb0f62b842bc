"""The sections of the page that set the model beside others: the peer, published systems, other trainings."""

from collections.abc import Mapping, Sequence
from typing import Any

from .markdown import NAMES, clips, percent, table


def rivals(results: Mapping[str, Any]) -> str:
    """Return the section on the peer."""
    if not results["rivals"]:
        return "## The peer\n\nNot measured: the peer's model (YAMNet) was not there."
    rows = []
    for level, of_level in results["rivals"]["at_equal_false_alarms"].items():
        for label, conditions in of_level.items():
            for condition, cell in conditions.items():
                shares = [f"{percent(cell[who][0])} / {percent(cell[who][1])}" for who in ("ours", "peer")]
                per_hour = f"{cell['false_alarms_per_hour']:.2f}"
                verdict = (percent(cell["peer_at_equal"]), cell["ours_is"])
                rows.append([NAMES[label], level, per_hour, condition, *shares, *verdict])
    frigate = [
        [NAMES[label], f"{row['mistaken']}: {row['per_hour']:.2f}/h"]
        + [clips(row[condition]) for condition in ("clean", "+6 dB", "0 dB", "-6 dB")]
        for label, row in results["rivals"]["as_frigate_runs_it"].items()
    ]
    head = [
        "sound",
        "sensitivity",
        "false alarms per hour",
        "condition",
        "ours: clips / groups",
        "peer: clips / groups",
    ]
    head += ["peer: clips at exactly that rate", "ours is"]
    return f"""## The peer

YAMNet, which has heard two million clips, on the same clips at its best: half-overlapping windows, no gate, and for
every row the threshold at which it mistakes no more test negatives than ours does (a file counts once). Its scores
come in 32 steps, so the last column but one says what it would hear at exactly our rate. It has no class for
carbon-monoxide alarms. Alarms from public videos may be among what it was trained on.

{table(head, rows)}

The peer as Frigate runs it (windows of 0.975 s, nothing below an RMS of 500, score 0.8), clips heard:

{table(("sound", "negatives mistaken", "clean", "+6 dB", "0 dB", "-6 dB"), frigate)}"""


def dcase(results: Mapping[str, Any]) -> str:
    """Return the section on the protocol of DCASE 2017."""
    figures = results["dcase2017"]
    if "missing" in figures:
        return f"## The protocol of DCASE 2017, task 2\n\nNot measured: {figures['missing']}"
    rows = []
    for backdrop in ("scene", "foreground"):
        peer = figures.get("peer", {}).get(backdrop, {})
        for label, row in figures[backdrop].items():
            theirs = peer.get(label)
            counts = [row.get(name) for name in ("missed", "false", "misplaced")]
            beside = f"{theirs['error_rate']} / {theirs['f_measure']}" if theirs else None
            rows.append([backdrop, NAMES.get(label, label), row["error_rate"], row["f_measure"], *counts, beside])
    published = [[name, row["error_rate"], row["f_measure"]] for name, row in figures["published"].items()]
    head = ("background", "sound", "ER", "F1", "missed", "false", "missed by the onset alone", "peer, ER / F1")
    return f"""## The protocol of DCASE 2017, task 2

{figures["scene"]["co_alarm"]["files"]} mixtures of 30 s per sound and background, half of them with one sound at -6, 0
or +6 dB, scored by onset within 500 ms, made of the test split. *Scene* backgrounds sound like a place; *foreground*
ones are speech, music, impacts, beepers.

{table(head, rows)}

{table(("as published, on the official recordings", "ER", "F1"), published)}

{figures["note"]} {figures["built"]}"""


def cost(results: Mapping[str, Any]) -> str:
    """Return the section on processor time."""
    costs = results["cost_ms_per_s"]
    rows = [
        [{"listener": "ours, the whole listener", "peer": "YAMNet at Frigate's hop"}[n], c] for n, c in costs.items()
    ]
    return f"""## What it costs

Milliseconds of one processor core per second of sound, LiteRT with one thread, measured in the same run.

{table(("who", "ms per s"), rows)}"""


def studies(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the section on small trainings that differ in their seed or in one thing, nothing without any."""
    if not found:
        return ""
    seeds = [study for study in found if study["what"].startswith("base")]
    others = [study for study in found if study not in seeds]
    first = found[0]["figures"]
    text = f"""## What the parts of the method are worth

Small trainings of {found[0]["mixtures"]:,} mixtures each, one thing changed at a time. Shares of the test's clips that
are heard where each model mistakes {first["false_alarms_per_hour"]:g} of the test's negatives an hour
({first["negative_hours"]:.2f} hours), through the shipped listener. First row: the mean of {len(seeds)} seeds with
the lowest and the highest in brackets: a difference within that is none."""
    for label in (label for label in NAMES if label in first):
        conditions = list(first[label])
        rows = (
            [["base", *(_spread([study["figures"][label][c] for study in seeds]) for c in conditions)]] if seeds else []
        )
        rows += [[study["what"], *(percent(study["figures"][label][c]) for c in conditions)] for study in others]
        text += f"\n\n### {NAMES[label][0].upper()}{NAMES[label][1:]}\n\n{table(('training', *conditions), rows)}"
    return text


def _spread(shares: Sequence[float]) -> str:
    """Return "84 % (80–88)": mean, lowest and highest."""
    return f"{percent(sum(shares) / len(shares))} ({100 * min(shares):.0f}–{100 * max(shares):.0f})"
