"""The evaluation as a whole, on a few synthesised recordings and the shipped model."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hearing import ModelCard, Sensitivity
from hearing.card import ATTENTION_CARD
from training import cases, documents, recordings
from training.__main__ import main
from training.config import Config
from training.dataset import library_of
from training.ears import Ears, sweep
from training.evaluate import DOCUMENTS, bundled, evaluate
from training.heard import Task
from training.report import page
from training.synthesis import LOOK_ALIKES, RATE_HZ, Pattern, cadence, glass, sound

HEADER = "class,subtype,file,onset_s,offset_s,group,doubt,licence,split\n"


def alarm(pattern: Pattern, length_s: float, seed: int = 1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return sound(cadence(pattern, length_s, rng), rng)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A few synthesised recordings for validation and test."""
    folder = tmp_path_factory.mktemp("recordings")
    rows, beeps = [], {}
    for seed, split in enumerate(("validation", "test")):
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal(RATE_HZ * 6).astype(np.float32)
        talk = rng.standard_normal(noise.size) * np.sin(np.arange(noise.size) / 900)
        files: dict[str, tuple[str, str, NDArray[np.float32], str]] = {
            "pane": ("glass_break", "pane", glass(rng), "0.0,0.4"),
            "smoke": ("smoke_alarm", "T3", alarm("t3", 8.0, seed), "0.0,5.0"),
            "rain": ("negative", "rain", noise, ","),
            "talk": ("negative", "speech", talk.astype(np.float32), ","),
            "toy": ("negative", "ui_beep", alarm("t4", 12.0, seed), ","),
        }
        for name, (kind, subtype, samples, span) in files.items():
            file = f"{split}_{name}.wav"
            soundfile.write(folder / file, 0.2 * samples / np.abs(samples).max(), RATE_HZ, subtype="PCM_16")
            rows.append(f"{kind},{subtype},{file},{span},{file},,CC0,{split}")
            beeps[file] = {"beeps": [[0.0, 0.5]]}
    (folder / "recordings.csv").write_text(HEADER + "\n".join(rows) + "\n")
    alarms = {file: found for file, found in beeps.items() if "smoke" in file}
    (folder / "alarm_beeps.json").write_text(json.dumps(alarms))
    toml = folder / "small.toml"
    toml.write_text(f'seed = 1\n[recordings]\nfolder = "{folder}"\n[mixtures]\nworkers = 0\n')
    return Config.load(str(toml))


@pytest.fixture(autouse=True)
def few_and_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep decoded sound out of the repository, and take only some of what is synthesised."""
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "cache" / "recordings.py"))
    monkeypatch.setattr(cases, "SYNTHESISED", 1)
    monkeypatch.setattr(cases, "LOOK_ALIKES_EACH", 1)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    for name in (ATTENTION_CARD.name, ATTENTION_CARD.with_suffix(".tflite").name):
        shutil.copy(ATTENTION_CARD.with_name(name), tmp_path / name)
    return tmp_path / ATTENTION_CARD.name


def test_one_command_measures_everything_and_writes_it_down(
    config: Config, card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = card.read_bytes()
    untouched = {path: path.read_bytes() for path in DOCUMENTS.glob("evaluation.*")}
    results = evaluate(config, card, quick=True, write_folder=tmp_path / "out")
    assert card.read_bytes() == before  # a quick look is no evaluation
    assert {path: path.read_bytes() for path in DOCUMENTS.glob("evaluation.*")} == untouched

    assert results["recall"]["smoke_alarm"]["T3"]["clean"]["clips"] == [1, 1]
    assert results["recall"]["co_alarm"]["built"]["-6 dB"]["clips"][1] == cases.VARIANTS["t4"]
    assert results["false_alarms"]["test"]["files"] == results["false_alarms"]["validation"]["files"] == 3
    assert results["false_alarms"]["everyday"]["files"] == 2
    # The toy is a carbon-monoxide alarm in all but name.
    assert ("test_toy.wav", "co_alarm") in [(row["file"], row["label"]) for row in results["false_alarms"]["worst"]]
    assert set(results["false_alarms"]["look_alikes"]) == set(LOOK_ALIKES)
    assert results["curve"]["sounds"]["co_alarm"]["false_alarms_per_day"][0] > 0
    assert results["dcase2017"]["scene"]["co_alarm"]["files"] == 8
    assert results["rivals"] is None

    text = (tmp_path / "out" / "evaluation.md").read_text(encoding="utf-8")
    assert "A quick look at a few recordings only" in text
    assert "the peer's model (YAMNet) was not there" in text
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8")) == results
    for picture in ("curve_glass_break", "curve_smoke_alarm", "curve_co_alarm", "reliability"):
        assert (tmp_path / "out" / "evaluation" / f"{picture}.svg").is_file()
    assert documents.headline(results) in capsys.readouterr().out

    (tmp_path / "out" / "evaluation.md").unlink()
    main(["evaluate", "--config", "tiny", "--redraw", "--write", str(tmp_path / "out")])
    assert (tmp_path / "out" / "evaluation.md").read_text(encoding="utf-8") == text
    with pytest.raises(SystemExit, match="measure first"):
        main(["evaluate", "--config", "tiny", "--redraw", "--write", str(tmp_path)])

    documents.into_card(results, ModelCard.load(card))
    assert ModelCard.load(card).metrics["recall_of_groups"]["smoke_alarm"]["clean"].startswith("1 of 1 (")
    assert card.stat().st_size < 15_000

    figures = {"false_alarms_per_hour": 1.0, "negative_hours": 1.5}
    studies = [
        {"name": what, "what": what, "mixtures": 9_000, "figures": figures | {"glass_break": {"clean": share}}}
        for what, share in (("base, seed 1", 0.8), ("base, seed 2", 0.9), ("without rooms", 0.7))
    ]
    with_studies = page(results, studies)
    assert "| base | 85 % (80–90) |" in with_studies
    assert "| without rooms | 70 % |" in with_studies


def test_without_any_recording_only_what_is_built_is_measured(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["evaluate", "--config", "tiny", "--card", str(card), "--quick"])
    assert "| carbon-monoxide alarm (built) |" in capsys.readouterr().out


def test_processes_hear_what_one_process_hears(config: Config, card: Path) -> None:
    library = library_of(config)
    tasks = [Task(case) for case in cases.look_alikes()] * 6
    model = ModelCard.load(card)
    with Ears(model, library, 0) as one, Ears(model, library, 2) as two:
        assert one.hear("test", tasks[:7], "one") == two.hear("test", tasks, "two")[:7]


def test_a_score_that_reaches_a_threshold_is_a_report_and_no_other_is(config: Config, card: Path) -> None:
    model, library = ModelCard.load(card), library_of(config)
    built = [case for case in cases.built(library, "test") if case.label == "co_alarm"]
    with Ears(model, library, 0) as ears:
        for clip in ears.hear("test", [Task(case, sweep=True) for case in built], "built"):
            for label, levels in model.thresholds.items():
                assert (clip.scores[label] >= levels[Sensitivity.BALANCED]) == (label in clip.labels())
            assert clip.swept["co_alarm"][0] >= 1
            assert clip.swept["co_alarm"][-1] <= clip.swept["co_alarm"][0]
            published = [event.published_s for event in clip.raised[Sensitivity.BALANCED]]
            assert all(abs(round(10 * time_s) - 10 * time_s) < 1e-6 for time_s in published)


def test_the_bundled_recordings_are_heard_as_what_they_are() -> None:
    found = {(row["file"], row["label"]) for row in bundled(ModelCard.load(ATTENTION_CARD))}
    assert ("smoke_alarm_t3.wav", "smoke_alarm") in found
    assert ("co_alarm_t4.wav", "co_alarm") in found


def test_a_sweep_reports_less_the_higher_the_threshold(card: Path) -> None:
    beeps = (3_000 * alarm("t3", 10.0)).astype(np.int16)
    counts = [len(found) for found in sweep(ModelCard.load(card), beeps, (0.1, 1.01))]
    assert counts[0] > counts[1] == 0
