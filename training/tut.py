"""The folder layout of TUT Rare Sound Events 2017, the data of DCASE 2017 task 2: official lists read, ours written."""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hearing.features import Block
from hearing.sources import open_file

from .rare_sounds import EBRS_DB, FILES, LENGTH_S, PRESENCE, SEED, RareRecipe
from .recordings import Library, ManifestError

GLASS = "glassbreak"
"""The one of the three official classes (babycry, glassbreak, gunshot) that is a sound of ours."""


@dataclass(frozen=True, slots=True)
class EventList:
    """The official mixtures of one subset, and where their events begin."""

    subset: str
    audio: Path
    onsets_s: dict[str, tuple[float, ...]]
    """Per file name; none for a mixture without an event."""

    def read(self, file: str) -> Block:
        """Return a mixture as the engine hears it, int16 at 16 kHz.

        Raises:
            SourceError: the file cannot be read, or ffmpeg is missing.
        """
        with open_file(self.audio / file) as source:
            return np.concatenate(list(source))


def event_lists(folder: Path) -> Iterator[EventList]:
    """Yield the lists of glass breaks in a folder, wherever in it `mixture_data` lies.

    Raises:
        ManifestError: there is none, or a list or a mixture is not as it should be.
    """
    paths = sorted(folder.rglob(f"event_list_*_{GLASS}.csv"))
    if not paths:
        raise ManifestError(
            f"{folder}: holds no mixture_data/<subset>/<md5>/meta/event_list_<subset>_{GLASS}.csv; "
            "download TUT Rare Sound Events 2017 (development or evaluation) and unpack it there"
        )
    for path in paths:
        subset = path.stem.removeprefix("event_list_").removesuffix(f"_{GLASS}")
        yield EventList(subset, path.parents[1] / "audio", _onsets_s(path))


def _onsets_s(path: Path) -> dict[str, tuple[float, ...]]:
    onsets_s: dict[str, tuple[float, ...]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines, delimiter="\t") if row]
    for number, row in enumerate(rows, start=1):
        name = Path(row[0]).name
        if not (path.parents[1] / "audio" / name).is_file():
            raise ManifestError(f"{path}, row {number}: the file audio/{name} does not exist")
        try:
            found = (float(row[1]),) if len(row) > 1 and row[1] else ()
        except ValueError as error:
            raise ManifestError(f"{path}, row {number}: the onset must be a number ({error})") from error
        onsets_s[name] = onsets_s.get(name, ()) + found
    return onsets_s


def write(folder: Path, recipes: Sequence[RareRecipe], heard_s: Sequence[Sequence[float]], library: Library) -> None:
    """Write recipes of one sound and background, and the lists of true and of heard events, without the audio.

    The .yaml files hold JSON, which every YAML reader takes. The lists can be scored by `sed_eval` itself: `dcase_util`
    reads them with file_format="TXT".
    """
    parameters = {"event_presence_prob": PRESENCE, "mixtures_per_class": FILES, "ebrs": EBRS_DB, "seed": SEED}
    text = json.dumps(parameters | {"recordings_sha256": library.sha256})
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    name = f"{recipes[0].backdrop}_{recipes[0].label}"
    meta = folder / "mixture_data" / recipes[0].backdrop / digest / "meta"
    meta.mkdir(parents=True, exist_ok=True)
    (meta.parent / "mixing_params.yaml").write_text(text + "\n", encoding="utf-8")
    entries = ",\n".join(json.dumps(_entry(recipe)) for recipe in recipes)
    (meta / f"mixture_recipes_{name}.yaml").write_text(f"[\n{entries}\n]\n", encoding="utf-8")
    _write_list(meta / f"event_list_{name}.csv", (_row(recipe) for recipe in recipes))
    found = [(recipe, onset_s) for recipe, onsets_s in zip(recipes, heard_s, strict=True) for onset_s in onsets_s]
    # Offsets are not scored; a reader wants one all the same.
    _write_list(meta / f"heard_list_{name}.csv", ([r.file, s, min(s + 1, LENGTH_S), r.label] for r, s in found))


def read_recipes(path: Path) -> list[RareRecipe]:
    """Read the recipes that `write` wrote."""
    return [RareRecipe.from_dict(entry["recipe"]) for entry in json.loads(path.read_text(encoding="utf-8"))]


def _write_list(path: Path, rows: Iterable[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(rows)


def _row(recipe: RareRecipe) -> list[Any]:
    event = recipe.event
    return [recipe.file, event.at_s, event.at_s + event.length_s, event.label] if event else [recipe.file]


def _entry(recipe: RareRecipe) -> dict[str, Any]:
    """Return the original's fields, then the recipe itself, from which the mixture can be rebuilt."""
    entry: dict[str, Any] = {
        "bg_path": " ".join(piece.file for piece in recipe.background),
        "bg_classname": recipe.backdrop,
        "event_present": recipe.event is not None,
        "mixture_audio_filename": recipe.file,
        "annotation_string": "\t".join(str(value) for value in _row(recipe)),
    }
    if event := recipe.event:
        entry |= {"event_path": event.file, "event_class": event.label, "ebr": event.ebr_db}
        entry |= {"event_start_in_mixture_seconds": event.at_s, "event_length_seconds": event.length_s}
        entry |= {"segment_start_seconds": event.from_s, "segment_end_seconds": event.to_s}
    return entry | {"recipe": asdict(recipe)}
