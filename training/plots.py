"""The curves as pictures: SVG with text as text, the same file for the same figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

NAMES = {"glass_break": "Breaking glass", "smoke_alarm": "Smoke alarm", "co_alarm": "Carbon-monoxide alarm (built)"}
COLOURS = ("#1f5a99", "#d9822b", "#4f8a4f", "#8a4f7d")


def curve(
    path: Path,
    label: str,
    false_alarms_per_day: Sequence[float],
    recalls: Mapping[str, Sequence[float]],
    points: Mapping[str, tuple[float, float]],
    least_per_day: float,
) -> None:
    """Draw recall against false alarms per day for one sound, one line per condition.

    `points` are the sensitivities on the first line; `least_per_day` is one false alarm in all the hours there are.
    """
    figure = Figure(figsize=(6.4, 4.0))
    axes = figure.add_subplot()
    for (condition, heard), colour in zip(recalls.items(), COLOURS, strict=False):
        axes.plot(false_alarms_per_day, heard, drawstyle="steps-post", color=colour, linewidth=1.5, label=condition)
    for place in dict.fromkeys(points.values()):
        axes.plot(*place, "o", color=COLOURS[0], markersize=5)
        names = ", ".join(name for name, other in points.items() if other == place)
        axes.annotate(names, place, textcoords="offset points", xytext=(6, -11), fontsize=8)
    axes.set_xscale("symlog", linthresh=max(least_per_day, 0.1))
    axes.set_xlim(0, max(10 * least_per_day, *false_alarms_per_day))
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("false alarms per 24 hours of difficult sounds")
    axes.set_ylabel("share of clips heard")
    axes.set_title(NAMES[label], fontsize=10)
    axes.grid(linewidth=0.3)
    axes.legend(fontsize=8, loc="lower right")
    save(figure, path)


def reliability(path: Path, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw, per sound, how often it was there against the clip probability."""
    figure = Figure(figsize=(4.6, 4.0))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    for (label, table), colour in zip(tables.items(), COLOURS, strict=False):
        bins = table["bins"]
        axes.plot([b["probability"] for b in bins], [b["share"] for b in bins], "o-", color=colour, label=NAMES[label])
    axes.set_xlabel("highest clip probability")
    axes.set_ylabel("share of clips that hold the sound")
    axes.grid(linewidth=0.3)
    axes.legend(fontsize=8)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG without a date and with the same names inside each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": "sound-guard", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.set_layout_engine("tight")
        FigureCanvasSVG(figure)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
