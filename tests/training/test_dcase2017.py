"""The DCASE 2017 protocol: mixtures made again from recipes, levels as told, sed_eval's counts, the official folder."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hearing import Listener, ModelCard, Phase
from hearing.card import ATTENTION_CARD
from training import dcase2017, recordings, tut
from training.__main__ import main
from training.config import LABELS, Config
from training.dataset import library_of
from training.metrics import EventCounts
from training.rare_sounds import ANTI_CLIPPING, BACKDROPS, RareSounds
from training.recordings import ManifestError, rms
from training.synthesis import RATE_HZ, Pattern, cadence, glass, sound

HEADER = "class,subtype,file,onset_s,offset_s,group,doubt,licence\n"


def alarm(pattern: Pattern, length_s: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    return sound(cadence(pattern, length_s, rng), rng)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A few synthesised recordings, all of them for testing."""
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "cache" / "recordings.py"))
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(RATE_HZ * 8).astype(np.float32)
    files: dict[str, tuple[str, str, NDArray[np.float32], str]] = {
        "pane.wav": ("glass_break", "pane", glass(rng), "0.0,0.4"),
        "smoke.wav": ("smoke_alarm", "T3", alarm("t3", 8.0), "0.0,8.0"),
        "rain.wav": ("negative", "rain", noise, ","),
        "talk.wav": ("negative", "speech", noise * np.sin(np.arange(noise.size) / 900).astype(np.float32), ","),
    }
    rows = []
    for file, (kind, subtype, samples, span) in files.items():
        soundfile.write(tmp_path / file, 0.2 * samples / np.abs(samples).max(), RATE_HZ, subtype="PCM_16")
        rows.append(f"{kind},{subtype},{file},{span},{file},,CC0")
    (tmp_path / "recordings.csv").write_text(HEADER + "\n".join(rows) + "\n")
    (tmp_path / "alarm_beeps.json").write_text(json.dumps({"smoke.wav": {"beeps": [[0.0, 0.5]]}}))
    toml = tmp_path / "small.toml"
    toml.write_text(f'seed = 1\n[recordings]\nfolder = "{tmp_path}"\nvalidation_share = 0.0\ntest_share = 1.0\n')
    return Config.load(str(toml))


@pytest.fixture
def sounds(config: Config) -> RareSounds:
    return RareSounds(library_of(config))


def test_half_of_500_mixtures_hold_one_event_that_lies_within_them(sounds: RareSounds) -> None:
    for label in LABELS:
        recipes = sounds.draw("scene", label)
        events = [recipe.event for recipe in recipes if recipe.event]
        assert (len(recipes), len(events)) == (500, 250)
        assert all(event.label == label and 0 <= event.at_s <= 30 - event.length_s for event in events)
        assert {event.ebr_db for event in events} == {-6, 0, 6}


def test_backgrounds_are_as_long_as_the_mixture_and_of_their_kind(sounds: RareSounds) -> None:
    for backdrop, file in zip(BACKDROPS, ("rain.wav", "talk.wav"), strict=True):
        for recipe in sounds.draw(backdrop, "glass_break")[:20]:
            assert {piece.file for piece in recipe.background} == {file}
            assert recipe.background[-1].at_s + recipe.background[-1].length_s == pytest.approx(30)


@pytest.mark.parametrize("label", LABELS)
def test_an_event_stands_over_the_background_under_it_by_the_drawn_ratio(sounds: RareSounds, label: str) -> None:
    for recipe in [recipe for recipe in sounds.draw("foreground", label) if recipe.event][:4]:
        assert recipe.event is not None
        with_event = sounds.render(recipe)
        without = sounds.render(replace(recipe, event=None))
        start, end = (round(s * RATE_HZ) for s in with_event.spans_s[0][1:])
        under = without.samples[start:end].astype(np.float32)
        event = with_event.samples[start:end].astype(np.float32) - under
        assert 20 * np.log10(rms(event) / rms(under)) == pytest.approx(recipe.event.ebr_db, abs=0.1)
        assert np.array_equal(with_event.samples[:start], without.samples[:start])
        assert np.array_equal(with_event.samples[end + 1 :], without.samples[end + 1 :])


def test_a_mixture_never_clips_and_leaves_the_originals_headroom(sounds: RareSounds) -> None:
    recipes = sounds.draw("scene", "smoke_alarm")
    for recipe in recipes[:4]:
        assert np.abs(sounds.render(recipe).samples.astype(np.int32)).max() < 32_767
    quiet = next(recipe for recipe in recipes if recipe.event is None)
    level_db = 20 * np.log10(rms(sounds.render(quiet).samples.astype(np.float32)) / 32_768)
    assert level_db == pytest.approx(-26 + 20 * np.log10(ANTI_CLIPPING), abs=0.5)


def test_carbon_monoxide_alarms_are_four_real_beeps_and_a_pause(sounds: RareSounds) -> None:
    events = [recipe.event for recipe in sounds.draw("scene", "co_alarm") if recipe.event]
    assert all(event.built_seed is not None and event.file == "smoke.wav" for event in events)
    lengths_s = [event.length_s for event in events]
    assert min(lengths_s) < 1  # one group
    assert max(lengths_s) > 15  # three or four


def test_written_recipes_make_the_same_mixtures_again(config: Config, sounds: RareSounds, tmp_path: Path) -> None:
    results = dcase2017.dcase2017(config, ATTENTION_CARD, write_folder=tmp_path / "out", files=6)
    (path,) = (tmp_path / "out").rglob("mixture_recipes_scene_co_alarm.yaml")
    recipes = sounds.draw("scene", "co_alarm")[:6]
    assert tut.read_recipes(path) == recipes
    again = RareSounds(library_of(config)).render(tut.read_recipes(path)[3])
    assert np.array_equal(again.samples, sounds.render(recipes[3]).samples)
    with path.with_name("event_list_scene_co_alarm.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t"))
    events = [recipe.event for recipe in recipes]
    assert [row[0] for row in rows] == [recipe.file for recipe in recipes]
    assert [len(row) == 4 for row in rows] == [event is not None for event in events]
    for row, event in zip(rows, events, strict=True):
        assert event is None or row[1:] == [str(event.at_s), str(event.at_s + event.length_s), "co_alarm"]
    rates = [results["scene"][label]["error_rate"] for label in LABELS]
    assert results["scene"]["mean"]["error_rate"] == pytest.approx(np.mean(rates), abs=1e-3)


def test_a_missing_sound_is_named_before_anything_is_mixed(config: Config, tmp_path: Path) -> None:
    manifest = tmp_path / "recordings.csv"
    kept = [line for line in manifest.read_text().splitlines() if "rain" not in line and "pane" not in line]
    manifest.write_text("\n".join(kept) + "\n")
    with pytest.raises(ManifestError, match="glass_break, scene"):
        RareSounds(library_of(config))


def test_counts_are_those_of_sed_eval() -> None:
    files: list[tuple[list[float], list[float]]] = [
        ([1.0, 1.4, 3.0], [1.45, 0.6, 9.0]),  # each onset has one partner only if the pairs cross
        ([], [2.0]),
        ([5.0], []),
        ([7.0], [7.5, 7.2]),  # at the collar's edge, and a second report of the same event
        ([2.0], [2.51]),
    ]
    counts = sum((EventCounts.of(true_s, heard_s) for true_s, heard_s in files), EventCounts())
    assert counts == EventCounts(events=6, reported=7, hits=3)
    # What sed_eval 0.2.1 gives for these files: onset only, t_collar 0.5.
    assert counts.error_rate == pytest.approx(1.1666666666666665)
    assert counts.f_measure == pytest.approx(0.4615384615384615)


def test_nothing_heard_is_all_missed_and_nothing_to_hear_is_no_figure() -> None:
    assert (EventCounts.of([1.0], []).error_rate, EventCounts.of([1.0], []).f_measure) == (1.0, 0.0)
    assert np.isnan(EventCounts.of([], [1.0]).error_rate)
    assert np.isnan(EventCounts().f_measure)


def test_a_late_report_is_a_miss_a_false_event_and_told_apart() -> None:
    score = dcase2017.Score()
    silence = np.zeros(16, np.int16)
    score.add(dcase2017.Clip(silence, (10.0,), -6.0), [10.2])
    score.add(dcase2017.Clip(silence, (10.0,), 6.0), [12.0])
    score.add(dcase2017.Clip(silence, ()), [3.0])
    figures = score.figures()
    assert (figures["error_rate"], figures["missed"], figures["false"], figures["misplaced"]) == (1.5, 1, 2, 1)
    assert figures["recall_by_ebr_db"] == {"-6": 1.0, "+6": 0.0}


def test_a_sweep_at_the_cards_threshold_reports_what_the_listener_does() -> None:
    card = ModelCard.load(ATTENTION_CARD)
    rng = np.random.default_rng(3)
    samples = rng.normal(0, 30, RATE_HZ * 20).astype(np.int16)
    beeps = (3_000 * alarm("t3", 10.0)).astype(np.int16)
    samples[RATE_HZ * 5 : RATE_HZ * 5 + beeps.size] += beeps
    listener = Listener(card)
    found = listener.feed(samples) + listener.flush()
    onsets_s = [d.onset_s for d in found if d.label == "smoke_alarm" and d.phase is Phase.STARTED]
    own = card.thresholds["smoke_alarm"][listener.sensitivity]
    assert onsets_s
    assert dcase2017.swept(card, "smoke_alarm", samples, (own, 1.01)) == {own: onsets_s, 1.01: []}


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """Three mixtures in the official layout, 44.1 kHz and 24 bits, below a folder of their own."""
    mixtures = tmp_path / "TUT-rare-sound-events-2017-development" / "data" / "mixture_data" / "devtest" / "20b2"
    (mixtures / "audio").mkdir(parents=True)
    (mixtures / "meta").mkdir()
    for number in range(3):
        path = mixtures / "audio" / f"mixture_devtest_glassbreak_{number:03d}_abc.wav"
        soundfile.write(path, np.zeros(44_100 * (number + 1)), 44_100, subtype="PCM_24")
    lines = (
        "mixture_devtest_glassbreak_000_abc.wav\n"
        "mixture_devtest_glassbreak_001_abc.wav\t0.5\t0.9\tglassbreak\n"
        "mixture_devtest_glassbreak_002_abc.wav\t1.25\t1.5\tglassbreak\n"
    )
    (mixtures / "meta" / "event_list_devtest_glassbreak.csv").write_text(lines)
    (mixtures / "meta" / "event_list_devtest_gunshot.csv").write_text("mixture_devtest_gunshot_000_abc.wav\n")
    return tmp_path


def test_the_official_folder_is_read_as_the_engine_hears_it(official: Path) -> None:
    (mixtures,) = tut.event_lists(official)
    assert mixtures.subset == "devtest"
    assert list(mixtures.onsets_s.values()) == [(), (0.5,), (1.25,)]
    samples = mixtures.read("mixture_devtest_glassbreak_001_abc.wav")
    assert samples.dtype == np.int16
    assert samples.size == pytest.approx(2 * RATE_HZ, abs=160)


def test_the_command_scores_the_official_folder(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["dcase2017", "--config", "tiny", "--tut", str(official)])
    shown = capsys.readouterr().out
    assert "devtest, TUT Rare Sound Events 2017, glassbreak only" in shown
    assert "glass_break   1.00  0.00      3      2      2     0" in shown
    assert "do not compare like with like" in shown
    results = dcase2017.dcase2017(Config.load("tiny"), ATTENTION_CARD, tut_folder=official, files=2)
    assert (results["devtest"]["glass_break"]["files"], results["devtest"]["glass_break"]["events"]) == (2, 1)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (None, "holds no mixture_data"),
        ("mixture_devtest_glassbreak_009_abc.wav\n", "row 1: the file audio/mixture_devtest_glassbreak_009_abc.wav"),
        ("mixture_devtest_glassbreak_001_abc.wav\tsoon\t2\tglassbreak\n", "row 1: the onset must be a number"),
    ],
)
def test_a_wrong_official_folder_is_refused_with_the_reason(official: Path, lines: str | None, reason: str) -> None:
    (path,) = official.rglob("event_list_devtest_glassbreak.csv")
    path.write_text(lines) if lines else path.unlink()
    with pytest.raises(SystemExit, match=reason):
        main(["dcase2017", "--config", "tiny", "--tut", str(official)])
