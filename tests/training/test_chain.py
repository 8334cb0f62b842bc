"""The whole chain in small: configuration, mixtures, training, .tflite and card, on synthesised sound alone."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hearing import Listener, ModelCard
from hearing.card import ATTENTION_CARD, WindowConfig
from hearing.tflite import open_interpreter
from training import attention, dataset, recordings, train
from training.config import LABELS, Config, ConfigError
from training.ears import mine
from training.examples import WINDOW_FRAMES, StepExamples, frames_of, length_s
from training.export import export
from training.metrics import average_precision, per_day, share
from training.mixtures import Mixer, Mixture
from training.recipes import EVIDENCE_S, Recipes
from training.recordings import Library
from training.splits import Split

WINDOW_S = length_s(StepExamples())

# Keras 3.15 converts its variables the old way; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, ModelCard, Path]:
    """Train and export the tiny configuration once."""
    runs = tmp_path_factory.mktemp("runs")
    config = Config.load("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "RUNS", runs)
        run = train.train(config)
        card = export(config, runs / "models" / "attention.json")
    return config, card, run


@pytest.fixture
def folder_of_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Two negatives to train on, and one for testing."""
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "cache" / "recordings.py"))
    names: dict[str, Split] = {"a": "train", "b": "train", "test": "test"}
    rows = [
        recordings.Recording(f"{name}.wav", "negative", "noise", name, "CC0", False, (), split)
        for name, split in names.items()
    ]
    for name in names:
        noise = np.random.default_rng(len(name)).integers(-900, 900, 32_000).astype(np.int16)
        soundfile.write(tmp_path / f"{name}.wav", noise, 16_000)
    return Library(tmp_path, tuple(rows), "made here")


def mixture(seed: int) -> Mixture:
    """Mix what the tiny configuration draws for a seed, from nothing kept."""
    config = Config.load("tiny")
    library = dataset.library_of(config)
    return Mixer(library).render(Recipes(config, library, "train", WINDOW_S).draw(seed))


def test_a_seed_gives_the_same_mixture_and_another_seed_another() -> None:
    first, again = mixture(7), mixture(7)
    assert np.array_equal(first.samples, again.samples)
    assert first.spans_s == again.spans_s
    assert not np.array_equal(first.samples, mixture(8).samples)


def test_targets_mark_the_steps_in_which_the_sound_is() -> None:
    seen = set()
    for seed in range(40):
        mixed = mixture(seed)
        frames, targets = frames_of(StepExamples(), mixed), StepExamples().targets(mixed)
        assert frames.shape == (WINDOW_FRAMES, 64)
        assert {label for label, _, _ in mixed.spans_s} == {LABELS[i] for i in np.flatnonzero(targets.any(axis=0))}
        seen |= {label for label, _, _ in mixed.spans_s}
    assert seen == set(LABELS)


def test_the_chain_makes_a_model_the_engine_accepts(tiny: tuple[Config, ModelCard, Path]) -> None:
    _, card, run = tiny
    loaded = ModelCard.load(card.path)
    assert loaded.training["config_sha256"] == Config.load("tiny").sha256
    assert loaded.training["begins_with"] is None
    assert loaded.training["split_sha256"] == hashlib.sha256((run / "split.csv").read_bytes()).hexdigest()
    assert loaded.training["teacher"] is None
    listener = Listener(loaded, runtime="numpy")
    listener.feed(np.zeros(32_000, np.int16))
    assert set(listener.max_scores) == set(LABELS)


@pytest.mark.parametrize("runtime", ["litert", "numpy"])
def test_keras_on_a_whole_window_equals_tflite_in_chunks(tiny: tuple[Config, ModelCard, Path], runtime: str) -> None:
    config, card, run = tiny
    model = attention.build(config.attention, taught=0).model
    model.load_weights(run / "attention.weights.h5")
    window = WindowConfig()
    interpreter = open_interpreter(card.content, runtime)
    for seed in range(5):
        frames = frames_of(StepExamples(), mixture(seed))
        chunk = window.chunk_frames + window.context_frames
        starts = range(0, len(frames) - chunk + 1, window.chunk_frames)
        parts = [interpreter.run("encode", frames=frames[None, s : s + chunk])["embedding"][0] for s in starts]
        logits = interpreter.run("attend", embeddings=np.concatenate(parts)[None])["logits"]
        assert np.abs(model(frames[None], training=False).numpy() - logits).max() < 1e-4


def test_a_finished_run_is_not_trained_again(
    tiny: tuple[Config, ModelCard, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _, run = tiny
    monkeypatch.setattr(train, "RUNS", run.parent)
    monkeypatch.setattr(train, "_learn", lambda *_: pytest.fail("trained again"))
    before = (run / "checkpoint.keras").read_bytes()
    train.train(config)
    assert (run / "checkpoint.keras").read_bytes() == before
    assert set(json.loads((run / "training.json").read_text())["average_precision"]) == set(LABELS)


def test_hard_negatives_come_up_more_often_and_only_in_their_own_split(folder_of_noise: Library) -> None:
    tiny = Config.load("tiny")
    config = replace(tiny, mining=replace(tiny.mining, share=1.0))

    def files(*hard: str) -> set[str]:
        recipes = Recipes(config, folder_of_noise, "train", WINDOW_S, hard)
        return {placed.file for seed in range(60) for placed in recipes.draw(seed).background}

    assert files() == {"a.wav", "b.wav"}
    assert files("test.wav") == {"a.wav", "b.wav"}
    assert files("b.wav") == {"b.wav"}


def test_what_is_left_out_of_the_mixtures_is_not_in_them() -> None:
    config = Config.load("tiny")
    library = dataset.library_of(config)
    dry = replace(config, mixtures=replace(config.mixtures, rooms=False))
    for seed in range(30):
        for event in Recipes(dry, library, "train", WINDOW_S).draw(seed).events:
            assert (event.room, event.reverberation_s, event.door_hz) == (None, None, None)


def test_an_alarm_is_long_enough_to_be_one_in_every_mixture() -> None:
    recipes = Recipes(Config.load("tiny"), Library(None, (), "none"), "train", WINDOW_S)
    for seed in range(200):
        for event in recipes.draw(seed).events:
            inside_s = min(WINDOW_S, event.at_s + event.length_s) - max(0.0, event.at_s)
            assert event.label is None or inside_s > min(event.length_s, EVIDENCE_S[event.label]) - 1e-6


def test_mining_finds_the_negatives_that_a_model_takes_for_an_alarm(
    tiny: tuple[Config, ModelCard, Path], folder_of_noise: Library
) -> None:
    _, card, _ = tiny
    assert mine(card, folder_of_noise, 0.0) == ["a.wav", "b.wav"]
    assert mine(card, folder_of_noise, 1.0) == []


def test_a_run_begins_with_the_weights_of_another(
    tiny: tuple[Config, ModelCard, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _, run = tiny
    monkeypatch.setattr(train, "RUNS", run.parent)
    follower = train._model(replace(config, train=replace(config.train, begin_with="tiny")), None)
    first = attention.build(config.attention, taught=0).model
    first.load_weights(run / "attention.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), follower.get_weights(), strict=True))


def test_the_shipped_card_names_its_first_round_and_its_teacher() -> None:
    shipped, first = ModelCard.load(ATTENTION_CARD), Config.load("first")
    assert shipped.training["config_sha256"] == Config.load("attention").sha256
    assert shipped.training["begins_with"] == {"name": "first", "config_sha256": first.sha256}
    assert shipped.training["teacher"] == "yamnet"


def test_wrong_configurations_are_refused_with_the_key(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("seed = 1\n[train]\nepoch = 3\n")
    with pytest.raises(ConfigError, match=r"\[train\]: unknown epoch"):
        Config.load(str(wrong))
    wrong.write_text("seed = ")
    with pytest.raises(ConfigError, match=r"wrong\.toml"):
        Config.load(str(wrong))
    wrong.write_text("[train]\nepochs = 3\n")
    with pytest.raises(ConfigError, match="seed"):
        Config.load(str(wrong))
    with pytest.raises(
        ConfigError,
        match="there are attention, first, rcrnn, rcrnn-first, rcrnn-proposals, rcrnn-proposals-first, study",
    ):
        Config.load("nothing")


def test_a_run_that_goes_on_from_another_wants_that_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "RUNS", tmp_path)
    config = Config.load("tiny")
    follower = replace(config, name="follower", train=replace(config.train, begin_with="tiny"))
    with pytest.raises(ConfigError, match="train first: python -m training train --config tiny"):
        train.train(follower)
    assert list(tmp_path.iterdir()) == []


def test_intervals_are_the_exact_ones() -> None:
    assert share(20, 20).low == pytest.approx(0.832, abs=1e-3)
    assert share(0, 0).high == 1.0
    assert per_day(0, 24).high == pytest.approx(3.689, abs=1e-3)
    assert average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7])) == pytest.approx(5 / 6)
    assert np.isnan(average_precision(np.array([False]), np.array([0.1])))
