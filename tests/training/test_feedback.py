"""What an owner reports as a false alarm is what training learns from."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hearing import Listener, ModelCard
from hearing.feedback import MANIFEST, export_false_alarms
from tests.sounds import write_wav
from training import train
from training.config import Config
from training.dataset import ShardMaker, libraries_of, library_of
from training.examples import StepExamples, length_s
from training.export import export
from training.inspection import inspect
from training.mixtures import Mixer, Mixture
from training.recipes import Recipe, Recipes
from training.recordings import Library

SHARES = (0.2, 0.2)


@pytest.fixture
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return clips as they are stored: one of a second, one of half a second."""
    folder = tmp_path_factory.mktemp("clips")
    samples = np.arange(16_000, dtype=np.int16)
    return {
        letter * 32: write_wav(folder / f"{letter}.wav", samples[:length])
        for letter, length in (("a", 16_000), ("b", 8_000))
    }


def test_an_export_is_a_library_of_negatives(
    tmp_path: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Library, "cache", lambda _: tmp_path / "decoded")
    folder = tmp_path / "feedback"
    assert export_false_alarms(folder, clips) == 2
    library = Library.load(folder, 1, SHARES)
    assert [recording.kind for recording in library.recordings] == ["negative"] * 2
    first, second = library.recordings
    assert (first.subtype, first.licence, first.doubtful) == ("reported_false_alarm", "own recording", False)
    assert first.group != second.group, "each may go into another split"
    assert first.spans_s == ()
    assert library.seconds(second) == 0.5
    np.testing.assert_array_equal(library.read(first), np.arange(16_000, dtype=np.int16))


def test_training_hears_what_an_owner_reported(tmp_path: Path, clips: dict[str, Path]) -> None:
    folder = tmp_path / "feedback"
    export_false_alarms(folder, clips)
    tiny = Config.load("tiny")
    config = replace(tiny, recordings=replace(tiny.recordings, extra=(str(folder),)))
    library = library_of(config)
    assert [recording.split for recording in library.recordings] == ["train"] * 2
    recipes = Recipes(config, library, "train", length_s(StepExamples()))
    heard = {placed.file for seed in range(40) for placed in recipes.draw(seed).background}
    assert {Path(file).parent for file in heard} == {folder.resolve()}
    assert len(heard) == 2
    assert ShardMaker(config, "train").make(range(3)).frames.shape[0] == 3


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15's, nothing of ours
def test_a_model_is_trained_with_what_was_exported_as_negatives(
    tmp_path: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(Library, "cache", lambda _: tmp_path / "decoded")
    folder = tmp_path / "feedback"
    export_false_alarms(folder, clips)
    tiny = Config.load("tiny")
    config = replace(
        tiny,
        recordings=replace(tiny.recordings, extra=(str(folder),)),
        mixtures=replace(tiny.mixtures, shards=1),
        train=replace(tiny.train, epochs=1),
    )
    negatives: set[str] = set()
    render = Mixer.render

    def note(mixer: Mixer, recipe: Recipe) -> Mixture:
        negatives.update(placed.file for placed in recipe.background)
        return render(mixer, recipe)

    monkeypatch.setattr(Mixer, "render", note)
    run = train.train(config)
    assert negatives == {str(path) for path in folder.resolve().glob("*.wav")}
    assert len(negatives) == 2
    card = export(config, tmp_path / "attention.json")
    Listener(ModelCard.load(card.path)).feed(np.zeros(32_000, np.int16))
    assert {row["split"] for row in csv.DictReader((run / "split.csv").read_text().splitlines())} == {"train"}


def test_training_goes_on_without_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Library, "cache", lambda _: tmp_path / "decoded")
    folder = tmp_path / "feedback"
    assert export_false_alarms(folder, {}) == 0
    tiny = Config.load("tiny")
    config = replace(tiny, recordings=replace(tiny.recordings, extra=(str(folder),)))
    assert library_of(config).recordings == ()
    for part in libraries_of(config):
        inspect(part)


def test_a_later_export_adds_to_the_library(tmp_path: Path, clips: dict[str, Path]) -> None:
    first, second = ({each: path} for each, path in clips.items())
    assert export_false_alarms(tmp_path, first) == 1
    assert export_false_alarms(tmp_path, second) == 2
    assert export_false_alarms(tmp_path, second) == 2, "the same one again"
    (tmp_path / f"{'a' * 32}.wav").unlink()
    assert export_false_alarms(tmp_path, {}) == 1, "what its owner took away stays away"
    assert [recording.file for recording in Library.load(tmp_path, 1, SHARES).recordings] == [f"{'b' * 32}.wav"]


def test_a_report_that_was_taken_back_is_no_negative_any_more(tmp_path: Path, clips: dict[str, Path]) -> None:
    export_false_alarms(tmp_path, clips)
    kept, taken_back = clips
    assert export_false_alarms(tmp_path, {kept: clips[kept]}, taken_back=[taken_back, "c" * 32]) == 1
    assert [recording.group for recording in Library.load(tmp_path, 1, SHARES).recordings] == [kept]
    assert not (tmp_path / f"{taken_back}.wav").exists()


@pytest.mark.parametrize("header", ["class,subtype,file,onset_s,offset_s,group,doubt,licence", "file,label"])
def test_other_recordings_are_not_mixed_with_false_alarms(tmp_path: Path, clips: dict[str, Path], header: str) -> None:
    line = ",".join("x" for _ in next(csv.reader([header])))
    (tmp_path / MANIFEST).write_text(f"{header}\n{line}\n")
    with pytest.raises(FileExistsError):
        export_false_alarms(tmp_path, clips)
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


def test_an_export_is_readable_by_nobody_else_also_if_an_earlier_one_was(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    folder = tmp_path / "feedback"
    export_false_alarms(folder, clips)
    for path in folder.iterdir():
        path.chmod(0o644)
    export_false_alarms(folder, {})
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", [f"{MANIFEST}.new", ".DS_Store", "@eaDir"])
def test_what_a_power_cut_or_a_share_leaves_in_a_folder_does_not_make_it_a_strangers(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert export_false_alarms(tmp_path, {}) == 0


def test_a_clip_that_is_deleted_meanwhile_keeps_no_other_from_the_export(
    tmp_path: Path, clips: dict[str, Path]
) -> None:
    assert export_false_alarms(tmp_path / "feedback", {"c" * 32: tmp_path / "gone.wav"} | clips) == 2


def test_a_sound_that_is_in_no_list_goes_when_its_report_is_taken_back(tmp_path: Path, clips: dict[str, Path]) -> None:
    export_false_alarms(tmp_path, {})
    forgotten = tmp_path / f"{'a' * 32}.wav"
    forgotten.write_bytes(b"")
    export_false_alarms(tmp_path, {}, taken_back=clips)
    assert not forgotten.exists()
