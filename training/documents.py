"""Where the figures go: the page and its pictures, the figures as JSON, the table in the README, the model card."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hearing import ModelCard

from . import plots
from .config import ConfigError
from .markdown import NAMES, clips, groups, rate, table
from .report import page
from .second_look_page import BOTH

BEGIN, END = "<!-- evaluation:begin -->", "<!-- evaluation:end -->"


class MarkersMissingError(ConfigError):
    """A document has no place for the table."""


def write(results: Mapping[str, Any], folder: Path, readme: Path | None = None) -> None:
    """Write evaluation.md, evaluation.json and the pictures into a folder, and the table into the README.

    Studies that lie in the folder's studies.json, and what is in second-look.json, become sections of the page.

    Raises:
        MarkersMissingError: the README has no place for the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    studies, second = (_figures(folder / f"{name}.json") for name in ("studies", "second-look"))
    (folder / "evaluation.md").write_text(page(results, studies or [], second or {}), encoding="utf-8")
    (folder / "evaluation.json").write_text(_compact(results), encoding="utf-8")
    _draw(results, folder / "evaluation")
    if readme is not None:
        text = readme.read_text(encoding="utf-8")
        readme.write_text(between_markers(text, headline(results, second), str(readme)), encoding="utf-8")


def _figures(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def redraw(folder: Path, readme: Path | None = None) -> None:
    """Write the documents again from the figures in a folder's evaluation.json, where studies were added, say.

    Raises:
        ConfigError: nothing has been measured yet.
        MarkersMissingError: the README has no place for the table.
    """
    measured = folder / "evaluation.json"
    if not measured.is_file():
        raise ConfigError(f"{measured}: no such file; measure first: python -m training evaluate")
    write(json.loads(measured.read_text(encoding="utf-8")), folder, readme)


def between_markers(text: str, new: str, name: str) -> str:
    """Return a document with what stands between the markers replaced.

    Raises:
        MarkersMissingError: the markers are not there, each once and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise MarkersMissingError(f"{name}: needs the lines {BEGIN} and {END}, once each, for the table")
    return f"{before}{BEGIN}\n{new.strip()}\n{END}{after}"


def headline(results: Mapping[str, Any], second: Mapping[str, Any] | None = None) -> str:
    """Return the README's table: what was heard and mistaken, on what, in plain words.

    Of the attention model with its second look where that was measured, else of the attention model alone.
    """
    recall, quiet, calm = _shipped(results, second)
    hours = quiet["hours"]
    conditions = {"clean": "clean", "0 dB": "as loud as the background", "room": "in a room", "door": "behind a door"}
    rows = [
        [
            NAMES[label] + (" (built)" if label == "co_alarm" else ""),
            *(f"{groups(heard[c])}" if i == 0 else clips(heard[c]) for i, c in enumerate(conditions)),
            rate(quiet[label]) if hours else None,
        ]
        for label, heard in recall.items()
    ]
    head = ("sound", *conditions.values(), f"false alarms in {hours:.1f} hours of difficult sounds")
    everyday = ""
    if calm["hours"]:
        count = sum(calm[label]["count"] for label in NAMES)
        everyday = f"In the {calm['hours']:.1f} hours of speech, music, television, weather and quiet: {count}.\n"
    return f"""{table(head, rows)}

Measured on {results["date"]} on recordings that were never trained on, at balanced sensitivity. First column:
devices, sessions or videos of which at least half of the clips were heard, with the 95 % interval; then shares
of clips. Carbon-monoxide alarms are built from the beeps of real smoke alarms. Last column: how many there were,
and how many that is in 24 hours. Difficult sounds are chosen to be mistaken.
{everyday}All figures, and the sounds behind the false alarms: [how well it hears](docs/evaluation.md)."""


def _shipped(
    results: Mapping[str, Any], second: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]:
    """Return recall per sound, false alarms, and those in everyday sounds, at balanced sensitivity."""
    if second and "systems" in second:
        both = second["systems"][BOTH]
        return both["recall"], _counted(both["false_alarms"]), _counted(both["everyday"])
    quiet = results["false_alarms"]
    recall = {label: kinds["all"] for label, kinds in results["recall"].items() if "all" in kinds}
    test, everyday = ({"hours": quiet[n]["hours"], **quiet[n].get("balanced", {})} for n in ("test", "everyday"))
    return recall, test, everyday


def _counted(found: Mapping[str, Any]) -> dict[str, Any]:
    rows = found.get("balanced", {})
    return {"hours": found["hours"]} | {
        label: {"count": count, "per_day": per_day} for label, (count, *per_day) in rows.items()
    }


def into_card(results: Mapping[str, Any], card: ModelCard) -> None:
    """Write the figures that travel with the model into its card."""
    replace(card, metrics=metrics(results)).save()


def metrics(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures that travel with the model, each with what it was measured on."""
    quiet = results["false_alarms"]
    return {
        "measured_on": "test split, groups never trained on, shipped listener, balanced sensitivity",
        "date": results["date"],
        "recall_of_groups": {
            label: {condition: groups(figure) for condition, figure in kinds["all"].items()}
            for label, kinds in results["recall"].items()
            if "all" in kinds
        },
        "recall_of_groups_clean_by_kind": {
            label: {kind: groups(row["clean"]) for kind, row in kinds.items() if kind != "all"}
            for label, kinds in results["recall"].items()
        },
        "false_alarms": {
            name: {"hours": quiet[name]["hours"]}
            | {label: row | {"per_day": row["per_day"][0]} for label, row in quiet[name].get("balanced", {}).items()}
            for name in ("test", "everyday")
        },
        "confusion_clean": results["confusion"]["clean"],
        "latency": results["latency"],
        "dcase2017": {
            backdrop: {
                label: {name: row[name] for name in ("error_rate", "f_measure")}
                for label, row in results["dcase2017"].get(backdrop, {}).items()
            }
            for backdrop in ("scene", "foreground")
        },
        "notes": ["co_alarm is built from the beeps of smoke alarms", "all figures: docs/evaluation.md"],
    }


def summary(results: Mapping[str, Any]) -> str:
    """Return what the command prints at its end."""
    missed = [f"  missed {NAMES[r['label']]}: {r['file']} ({r['score']:.2f}, {r['kind']})" for r in results["missed"]]
    false = [f"  false {NAMES[r['label']]}: {r['file']} ({r['kind']})" for r in results["false_alarms"]["worst"]]
    return "\n".join((*missed, *false, "", headline(results), "", f"{results['minutes']} minutes"))


def _draw(results: Mapping[str, Any], folder: Path) -> None:
    for label, sound in results["curve"]["sounds"].items():
        quiet = results["false_alarms"]["test"]
        clean = results["recall_by_sensitivity"][label]
        points = {
            level: (quiet[level][label]["per_day"][0], clean[level]["clips"][0] / clean[level]["clips"][1])
            for level in clean
        }
        path = folder / f"curve_{label}.svg"
        plots.curve(path, label, sound["false_alarms_per_day"], sound["recall"], points, 24 / quiet["hours"])
    plots.reliability(folder / "reliability.svg", results["reliability"]["test"])


def _compact(results: Mapping[str, Any]) -> str:
    """Return JSON with a line for each section, so that a change shows where it is."""
    sections = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in results.items())
    return "{\n" + ",\n".join(sections) + "\n}\n"
