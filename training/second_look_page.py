"""The section of the page on the second look: what each of the two models hears, and what both together do."""

from collections.abc import Mapping, Sequence
from typing import Any

from .markdown import NAMES, clips, groups, percent, table

ALONE, BOTH = "attention model alone", "both: the cascade"
"""Names of the two systems that a house can have."""

LEVELS = ("low", "balanced", "high")


def section(results: Mapping[str, Any]) -> str:
    """Return the section, nothing without figures."""
    if "systems" not in results:
        return ""
    systems, model = results["systems"], results["rcrnn"]
    return f"""## The second look

What the attention model suspects, the R-CRNN looks at once more: {model["parameters"]:,} parameters,
{model["kilobytes"]} kB, version {model["version"]}, SHA-256 `{model["sha256"][:16]}…`. A sound is suspected from a clip
probability of {_listed(model["suspicion"])} on. Suspicion and thresholds were chosen on the validation split, at half
the false alarms that the attention model alone may raise there. Measured by
`python -m training evaluate --config rcrnn` on {results["date"]}, all systems on the same test clips in one run,
through the shipped listener; the R-CRNN alone looks at the newest ten seconds every two seconds, at thresholds
chosen at the attention model's own budgets.

{_verdict(systems)}

### False alarms

In {_hours(systems)} hours of test negatives, balanced sensitivity: how many, and how many that is in 24 hours.

{_false_alarms(systems)}

By sensitivity, false alarms and clean clips heard, the cascade (in brackets: the attention model alone):

{_by_sensitivity(systems)}

### What is heard

Groups that were heard, clean; then the share of clips by condition. Balanced sensitivity.

{_recall(systems)}

### The protocol of DCASE 2017, task 2

ER and F1, as above, with {results["files"]} mixtures of each sound and background.

{_dcase(systems)}

{_seeds(results.get("studies", {}))}"""


def _listed(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{value:.2f} ({NAMES[label]})" for label, value in numbers.items())


def _hours(systems: Mapping[str, Any]) -> str:
    return f"{next(iter(systems.values()))['false_alarms']['hours']:.2f}"


def _verdict(systems: Mapping[str, Any]) -> str:
    """Say in plain words what the second look changes."""
    alone, both = systems[ALONE], systems[BOTH]
    false = [sum(count[0] for count in each["false_alarms"]["balanced"].values()) for each in (alone, both)]
    changes = [
        f"{NAMES[label]} {_points(alone['recall'][label]['clean'], both['recall'][label]['clean']):+.0f}"
        for label in both["recall"]
    ]
    return (
        f"In one sentence: false alarms at balanced sensitivity go from {false[0]} to {false[1]}; of the clean clips "
        f"are heard, in percentage points: {', '.join(changes)}. In this collection the second look is asked "
        f"{both['looks_per_hour']:g} times per hour of sounds that were chosen to be mistaken."
    )


def _points(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    shares = [float(figure["clips"][0] / figure["clips"][1]) for figure in (before, after)]
    return 100 * (shares[1] - shares[0])


def _false_alarms(systems: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            *(_count(each["false_alarms"]["balanced"][label]) for label in NAMES),
            sum(row[0] for row in each["everyday"].get("balanced", {}).values()),
        ]
        for name, each in systems.items()
    ]
    return table(("system", *NAMES.values(), "of these in everyday sounds"), rows)


def _count(row: Sequence[float]) -> str:
    count, value, low, high = row
    return f"{count}: {value:.0f} ({low:.0f}–{high:.0f})"


def _by_sensitivity(systems: Mapping[str, Any]) -> str:
    alone, both = systems[ALONE], systems[BOTH]
    rows = []
    for label in NAMES:
        false = [f"{both['false_alarms'][v][label][0]} ({alone['false_alarms'][v][label][0]})" for v in LEVELS]
        heard = [f"{percent(_clean(both, level, label))} ({percent(_clean(alone, level, label))})" for level in LEVELS]
        rows.append([NAMES[label], *false, *heard])
    return table(("sound", *(f"false, {v}" for v in LEVELS), *(f"heard, {v}" for v in LEVELS)), rows)


def _clean(system: Mapping[str, Any], level: str, label: str) -> float | None:
    hit, of = system["recall_by_sensitivity"][level][label]
    return hit / of if of else None


def _recall(systems: Mapping[str, Any]) -> str:
    tables = []
    for label in NAMES:
        conditions = list(systems[ALONE]["recall"][label])
        rows = [
            [name, groups(heard["clean"]), *(clips(heard[c]) if c in heard else None for c in conditions)]
            for name, each in systems.items()
            if (heard := each["recall"].get(label))
        ]
        tables.append(table((NAMES[label], "groups, clean", *(f"clips, {c}" for c in conditions)), rows))
    return "\n\n".join(tables)


def _dcase(systems: Mapping[str, Any]) -> str:
    rows = []
    for name, each in systems.items():
        for backdrop, labels in each["dcase2017"].items():
            cells = (f"{labels[label]['error_rate']:.2f} / {labels[label]['f_measure']:.2f}" for label in NAMES)
            rows.append([name, backdrop, *cells])
    return table(("system", "background", *NAMES.values()), rows)


def _seeds(studies: Mapping[str, Any]) -> str:
    """Return the table of the small trainings with and without the classifier, nothing without any."""
    if not studies:
        return ""
    rows = []
    for variant in dict.fromkeys(study["variant"] for study in studies.values()):
        of_variant = [study for study in studies.values() if study["variant"] == variant]
        for label in NAMES:
            figures = [study["figures"] for study in of_variant]
            false = [each["false_alarms"]["balanced"][label][0] for each in figures]
            heard = [_shares(each["recall"][label]) for each in figures]
            cells = [_spread([share[c] for share in heard]) for c in heard[0]]
            rows.append([f"{of_variant[0]['what']}, {len(of_variant)} seeds", NAMES[label], _counts(false), *cells])
    first = next(iter(studies.values()))
    conditions, mixtures, epochs = list(first["figures"]["recall"]["glass_break"]), first["mixtures"], first["epochs"]
    return f"""### With or without the classifier

The question that the original paper leaves open: can the proposals name the sound by themselves? Small trainings
({mixtures:,} mixtures, {epochs} epochs) of both forms behind the same attention model: mean, and in brackets lowest
and highest of the seeds. Balanced sensitivity, thresholds chosen on validation.

{table(("R-CRNN", "sound", "false alarms", *(f"clips, {c}" for c in conditions)), rows)}"""


def _shares(heard: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {condition: figure["clips"][0] / figure["clips"][1] for condition, figure in heard.items()}


def _spread(shares: Sequence[float]) -> str:
    return f"{percent(sum(shares) / len(shares))} ({100 * min(shares):.0f}–{100 * max(shares):.0f})"


def _counts(counts: Sequence[int]) -> str:
    return f"{sum(counts) / len(counts):.1f} ({min(counts)}–{max(counts)})"
