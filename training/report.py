"""The evaluation as a page to read: plain words, and beside every figure what it was measured on."""

from collections.abc import Mapping, Sequence
from typing import Any

from . import comparisons, second_look_page
from .cases import HEADLINE
from .markdown import HEADLINE_NAMES, KIND_NAMES, NAMES, clips, groups, kind_name, percent, rate, table


def page(
    results: Mapping[str, Any], studies: Sequence[Mapping[str, Any]] = (), second: Mapping[str, Any] | None = None
) -> str:
    """Return the whole page in Markdown."""
    sections = (
        _head(results),
        _recall(results),
        _smaller_recall(results),
        _confusion(results),
        _false_alarms(results),
        _latency(results),
        _thresholds(results),
        _calibration(results),
        comparisons.rivals(results),
        comparisons.dcase(results),
        second_look_page.section(second or {}),
        comparisons.cost(results),
        comparisons.studies(studies),
        _bundled(second if second and "bundled" in second else results),
    )
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _head(results: Mapping[str, Any]) -> str:
    model, quiet = results["model"], results["false_alarms"]
    rooms = "simulated"
    if results["rooms"]:
        rooms = f"recorded: impulse responses of the test split, measured in {results['rooms']} place(s)"
    conditions = table(("condition", "what is done"), results["conditions"].items())
    hours = f"{quiet['test']['hours']:.2f} hours of other sounds in {quiet['test']['files']} files"
    looked = "\n\n**A quick look at a few recordings only; not the evaluation.**" if results.get("quick") else ""
    return f"""# How well it hears

Made by `python -m training evaluate` on {results["date"]}; do not edit. Model {model["name"]}
{model["version"]}, SHA-256 `{model["sha256"][:16]}…`, decided by {model["pooling"]} pooling; recordings
`{results["recordings_sha256"][:16]}…`.{looked}

Everything here is what the shipped model file reported through the shipped listener, fed in blocks of 0.1 s, on
recordings of the **test** split: no recording of the same device, session or video was trained on, and no
threshold was chosen on them. There are {hours}, none of which may raise an alarm. All other figures in the
tables are at *balanced* sensitivity unless something else is said.

"Built" means a synthesised rhythm that is sounded with the real beeps of the test split's recordings (synthetic
tones where there are none). Whole recordings of carbon-monoxide alarms do not exist in our collection: **every
figure about carbon-monoxide alarms is built**, but for single four-beep groups, which are listed apart.

A *group* is one device, session or video. It counts as heard when at least half of its clips are. In brackets:
the exact 95 % interval for groups (Clopper-Pearson). With so few groups the intervals are wide, and they mean
what they say.

{conditions}

Rooms are {rooms}. Recordings go through each condition that is drawn by lot three times, built alarms once per
variant."""


def _recall(results: Mapping[str, Any]) -> str:
    conditions = list(results["conditions"])
    head = ("sound", *conditions)
    group_rows, clip_rows = [], []
    for label, kinds in results["recall"].items():
        for kind, row in kinds.items():
            if kind in HEADLINE[label] and len(HEADLINE[label]) == 1:
                continue  # the headline again
            name = HEADLINE_NAMES[label] if kind == "all" else f"{NAMES[label]}: {KIND_NAMES[kind]}"
            group_rows.append([name, *(groups(row[c]) for c in conditions)])
            clip_rows.append([f"{name}, {row['clean']['clips'][1]}", *(clips(row[c]) for c in conditions)])
    return f"""## What is heard

Groups that were heard, by condition:

{table(head, group_rows)}

The same as the share of clips, with the number of clean clips beside the sound:

{table(head, clip_rows)}

Breaking glass lives above 4 kHz; its column *8 kHz* is there to show what such a camera cannot do."""


def _smaller_recall(results: Mapping[str, Any]) -> str:
    levels = [
        [NAMES[label], *(f"{groups(figure)}; clips {clips(figure)}" for figure in of_label.values())]
        for label, of_label in results["recall_by_sensitivity"].items()
    ]
    lengths = [
        [NAMES[label], length, groups(figure), f"{figure['clips'][0]} of {figure['clips'][1]}"]
        for label, of_label in results["recall_by_length"].items()
        for length, figure in of_label.items()
    ]
    missed = [[row["file"], NAMES[row["label"]], row["kind"], row["score"]] for row in results["missed"]]
    text = f"""### By sensitivity, clean

{table(("sound", "low", "balanced", "high"), levels)}

### By length of the sound, clean

{table(("sound", "length", "groups", "clips"), lengths)}"""
    if missed:
        text += f"\n\n### Recordings that were missed, clean\n\n{table(('file', 'sound', 'kind', 'score'), missed)}"
    return text


def _confusion(results: Mapping[str, Any]) -> str:
    text = "## What is taken for another sound\n\nClips in which another sound was reported, too or instead."
    for name, rows in results["confusion"].items():
        cells = [
            [kind_name(kind), row["clips"], *(row.get(label, "") for label in NAMES)] for kind, row in rows.items()
        ]
        text += f"\n\n{name[0].upper()}{name[1:]}:\n\n{table(('sound', 'clips', *NAMES.values()), cells)}"
    return text


def _false_alarms(results: Mapping[str, Any]) -> str:
    figures = results["false_alarms"]
    rows = []
    for name, what in (
        ("test", "test, all"),
        ("everyday", "test, everyday sounds only"),
        ("validation", "validation (thresholds were chosen on it)"),
    ):
        for level in ("low", "balanced", "high"):
            if of_level := figures[name].get(level):
                rates = [f"{rate(of_level[label])}; {of_level[label]['per_hour']:.2f}/h" for label in NAMES]
                rows.append([what, f"{figures[name]['hours']:.2f}", level, *rates])
    balanced = figures["test"].get("balanced", {})
    dead = ", ".join(f"{NAMES[label]} {row['with_dead_time']}" for label, row in balanced.items())
    kinds = [
        [row["kind"], row["files"], row["minutes"], *(row[label] for label in NAMES)] for row in figures["by_kind"]
    ]
    worst = [[r["file"], r["kind"], NAMES[r["label"]], r["count"], f"{r['score']:.4f}"] for r in figures["worst"]]
    toys = [[kind, row["clips"], *(row[label] for label in NAMES)] for kind, row in figures["look_alikes"].items()]
    return f"""## False alarms

The negatives are chosen to be mistaken: beepers, dishes, percussion, babies, animals, machines, every kind in
short clips. A home has long hours of little. *Everyday* sounds are speech, television, music, the hum of a
kitchen, weather and quiet. Each cell: how many there were; how many that is in 24 hours with its exact 95 %
interval (Garwood); and per hour.

{table(("recordings", "hours", "sensitivity", *NAMES.values()), rows)}

With a dead time of 60 s after each, balanced, test: {dead or "no negatives"}.

### Kinds of sound behind them, balanced

{table(("kind", "files", "minutes", *NAMES.values()), kinds)}

### Files behind them, balanced

{table(("file", "kind", "taken for", "times", "score"), worst)}

### Synthesised look-alikes that raised an alarm, balanced

{table(("look-alike", "clips", *NAMES.values()), toys)}"""


def _latency(results: Mapping[str, Any]) -> str:
    rows = []
    for kind, row in results["latency"].items():
        after = row.get("from_evidence_s", (None, None))
        rows.append([kind_name(kind), row["heard"], *row["from_onset_s"], *after])
    head = ("sound", "heard", "after the onset, median", "95 %", "after the evidence, median", "95 %")
    return f"""## How soon

Seconds of sound that the listener needed, clean clips, from the true onset to the report; and after the end of
the evidence, which is half a second of glass, or the last beep of an alarm's second group. Below zero it was
sure before that.

{table(head, rows)}"""


def _thresholds(results: Mapping[str, Any]) -> str:
    chosen = results["thresholds"]
    budgets, reach = chosen["budgets_per_hour"], chosen["support"]
    rows = [
        [NAMES[label], *(f"{levels[level]:.7g} ({budgets[level][label]:g}/h)" for level in ("low", "balanced", "high"))]
        for label, levels in chosen["card"].items()
    ]
    pooling = [
        [choice["pooling"], percent(choice["mean"]), *(percent(choice["recall"].get(label)) for label in NAMES)]
        for choice in chosen["pooling"]
    ]
    needed = ", ".join(f"one a {name} {hours:,} h" for name, hours in reach["hours_needed"].items())
    shown = reach["least_rate_shown_per_hour"]
    can = f"Without a single false alarm they show fewer than {shown:g} an hour, at 95 % confidence." if shown else ""
    return f"""## Thresholds

Chosen on the validation split, as low as a budget of false alarms there allows; in brackets the budget.

{table(("sound", "low", "balanced", "high"), rows)}

There are {reach["hours"]:.2f} hours of validation negatives. {can} To show a budget of
{needed} would be needed. What is beyond that is a margin, not a measurement.

What decides, the best frame (*max*) or the frames weighed by attention: at equal false alarms on validation,
the mean share of validation clips heard (clean, 0 dB, room; mean of the three sensitivities).

{table(("pooling", "mean", *NAMES.values()), pooling)}"""


def _calibration(results: Mapping[str, Any]) -> str:
    rows = [
        [
            NAMES[label],
            *(
                f"{results['reliability'][split][label]['expected_calibration_error']:.3f}"
                for split in ("validation", "test")
            ),
        ]
        for label in NAMES
    ]
    pictures = "\n\n".join(
        f"![Recall against false alarms: {NAMES[label]}](evaluation/curve_{label}.svg)"
        for label in results["curve"]["sounds"]
    )
    return f"""## The whole curve, and what a score means

{pictures}

![How often a sound was there, against the score](evaluation/reliability.svg)

Expected calibration error: the mean distance between a clip's probability and how often the sound was there, on
clean clips, clips at 0 dB and all negatives. It depends on how many of each there are, which we chose.

{table(("sound", "validation", "test"), rows)}"""


def _bundled(results: Mapping[str, Any]) -> str:
    rows = [
        [
            row["file"],
            NAMES[row["label"]],
            f"{row['onset_s']:.1f}",
            f"{row['offset_s']:.1f}",
            f"{row['confidence']:.2f}",
        ]
        for row in results["bundled"]
    ]
    return f"""## The recordings in the repository

What `sound-guard scan tests/audio` reports. They are for trying out, not part of the test.

{table(("file", "sound", "onset, s", "offset, s", "confidence"), rows)}"""
