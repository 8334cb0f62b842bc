"""Pieces of a Markdown page: tables, figures and the names of things in plain words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .cases import KINDS

NAMES = {"glass_break": "breaking glass", "smoke_alarm": "smoke alarm", "co_alarm": "carbon-monoxide alarm"}
KIND_NAMES = {
    "recorded": "recorded",
    "T3": "three-beep (T3), recorded",
    "T3 horn": "horns with the three-beep rhythm, recorded",
    "other pattern": "other rhythms, recorded",
    "T3 built": "three-beep, built",
    "520 Hz built": "three-beep at 520 Hz, built",
    "real": "recorded: single four-beep groups",
    "built": "four-beep (T4), built",
}
HEADLINE_NAMES = {
    "glass_break": "**breaking glass**",
    "smoke_alarm": "**smoke alarm** (all recorded)",
    "co_alarm": "**carbon-monoxide alarm** (built)",
}


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; None is shown as a dash."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join("–" if cell is None else str(cell) for cell in line) + " |" for line in lines)


def groups(figure: Mapping[str, Any]) -> str:
    """Return "9 of 10 (55–100 %)": groups and their exact 95 % interval."""
    low, high = (round(100 * value) for value in figure["interval"])
    found, of = figure["groups"]
    return f"{found} of {of} ({low}–{high} %)"


def percent(value: float | None) -> str:
    """Return a share in per cent, a dash if there is none."""
    return "–" if value is None else f"{100 * value:.0f} %"


def rate(figure: Mapping[str, Any]) -> str:
    """Return "3: 41 (8–120)": how many false alarms there were, and how many that is in 24 hours."""
    value, low, high = figure["per_day"]
    return f"{figure['count']}: {value:.0f} ({low:.0f}–{high:.0f})"


def clips(figure: Mapping[str, Any]) -> str:
    """Return the share of clips that were heard."""
    hit, of = figure["clips"]
    return percent(hit / of) if of else "–"


def kind_name(name: str) -> str:
    """Return a sound and its kind, "co_alarm, built", in plain words."""
    label, kind = name.split(", ")
    return f"{NAMES[label]}: {KIND_NAMES[kind]}" if kind in KINDS[label] else name
