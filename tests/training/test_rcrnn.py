"""The second look: what the R-CRNN is shown, what its loss wants, and the whole chain in small."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hearing import Listener, ModelCard, Sensitivity
from hearing.card import ATTENTION_CARD
from hearing.rcrnn import Rcrnn, refined
from hearing.rcrnn_card import RcrnnCard
from hearing.second_look import OFFLINE_LIMIT_S, SecondLook
from tests.certainty import never_certain
from training import rcrnn, train
from training.cases import Case, dry, look_alikes
from training.conditions import CLEAN, Stage
from training.config import LABELS, Config, RcrnnConfig
from training.dataset import library_of, shards
from training.examples import REGION_FEATURES, REGIONS, SCENE_FRAMES, SPANS, STEP_S, RegionExamples, Shard
from training.export_rcrnn import difference, export_rcrnn
from training.heard import Task, Witness, by_itself, hear_clip
from training.mixtures import Mixture

# Keras 3.15 converts its variables the old way; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SMALL = RcrnnConfig(channels=(16, 16, 16, 16), depth=32, units=16, hidden=32)
GLASS, SMOKE = LABELS.index("glass_break"), LABELS.index("smoke_alarm")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Config, RcrnnCard]]:
    """Train and export the tiny R-CRNN once."""
    runs = tmp_path_factory.mktemp("runs")
    config = Config.load("tiny-rcrnn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "RUNS", runs)
        train.train(config)
        yield config, export_rcrnn(config, runs / "models" / "rcrnn.json")


def shard(*spans: tuple[float, float, float]) -> Shard:
    """Return one mixture with these spans (label, onset, offset)."""
    targets = np.full((1, SPANS, 3), -1, np.float32)
    targets[0, : len(spans)] = spans
    frames = np.zeros((1, SCENE_FRAMES, REGION_FEATURES.mel_bands), np.float16)
    return Shard(frames, targets, np.zeros((1, 1, 0), np.uint8))


def test_stretches_of_one_sound_close_together_are_one_region() -> None:
    spans = (("smoke_alarm", 8.0, 9.0), ("smoke_alarm", 2.0, 5.0), ("smoke_alarm", 4.5, 7.5), ("glass_break", 3.0, 4.0))
    targets = RegionExamples().targets(Mixture(np.zeros(1, np.int16), spans))
    assert targets.tolist()[:3] == [[GLASS, 3.0, 4.0], [SMOKE, 2.0, 9.0], [-1, -1, -1]]


def test_a_clip_shows_what_of_a_sound_is_in_it_and_does_not_blame_for_too_little() -> None:
    clip_s = REGIONS.clip_frames * REGION_FEATURES.hop_s
    kept = shard((GLASS, 4.0, 5.0), (SMOKE, 6.0, 16.0))
    weights = set()
    for seed in range(60):
        _, flat = RegionExamples().varied(kept, 0, np.random.default_rng(seed))
        shown = flat[: SPANS * 4].reshape(SPANS, 4)
        assert (shown[2:] == -1).all()
        for label, onset_s, offset_s, weight in shown[:2]:
            if label < 0:
                continue
            assert 0 <= onset_s < offset_s <= clip_s + 1e-3
            enough_s = 0.3 if label == GLASS else 2.2
            assert weight == (offset_s - onset_s >= enough_s - 1e-3)
            weights.add((int(label), float(weight)))
    assert {(GLASS, 1.0), (SMOKE, 1.0)} <= weights


def test_pooling_a_region_takes_the_mean_of_its_pieces() -> None:
    features = np.random.default_rng(0).normal(size=(1, REGIONS.steps, 5)).astype(np.float32)
    regions = np.array([[[4, 12], [-4, 4]]], np.float32)
    pooled = rcrnn.Pooled(4)([features, regions]).numpy().reshape(2, 4, 5)
    assert np.allclose(pooled[0], features[0, 4:12].reshape(4, 2, 5).mean(axis=1), atol=1e-6)
    # What lies before the clip counts as nothing.
    assert np.allclose(pooled[1, :2], 0)
    assert np.allclose(pooled[1, 2:], features[0, :4].reshape(2, 2, 5).mean(axis=1), atol=1e-6)


def test_training_refines_regions_as_the_engine_does() -> None:
    deltas = np.random.default_rng(1).normal(0, 1.5, (2, REGIONS.anchors, 2)).astype(np.float32)
    ours = rcrnn._refined(rcrnn.ANCHORS_S, deltas).numpy()
    assert np.allclose(ours[1], refined(rcrnn.ANCHORS_S, deltas[1]), atol=1e-4)


@pytest.mark.parametrize("classifier", [True, False])
def test_the_loss_prefers_what_is_there(classifier: bool) -> None:
    config = replace(SMALL, classifier=classifier, proposals=4)
    loss = rcrnn.loss(config, 0, 0.0)
    targets = np.full((1, SPANS * 4 + REGIONS.steps * len(LABELS)), -1, np.float32)
    targets[0, :4] = SMOKE, 2.0, 6.0, 1.0

    def outputs(label: int, place_s: tuple[float, float]) -> NDArray[np.float32]:
        """Be sure that this sound is there and nothing else."""
        count = 1 if classifier else len(LABELS)
        scores = np.full((REGIONS.anchors, count), -8, np.float32)
        anchors = rcrnn.ANCHORS_S
        shared = np.minimum(anchors[:, 1], place_s[1]) - np.maximum(anchors[:, 0], place_s[0])
        union = np.maximum(anchors[:, 1], place_s[1]) - np.minimum(anchors[:, 0], place_s[0])
        scores[shared / union > 0.45, 0 if classifier else label] = 8
        centre = (place_s[0] + place_s[1] - anchors.sum(axis=1)) / 2 / (anchors[:, 1] - anchors[:, 0])
        scale = np.log((place_s[1] - place_s[0]) / (anchors[:, 1] - anchors[:, 0]))
        parts = [scores.ravel(), np.stack((centre, scale), axis=1).ravel()]
        if classifier:
            regions = np.tile(np.array(place_s, np.float32) / STEP_S, (4, 1))
            logits = np.full((4, len(LABELS) + 1), -8, np.float32)
            logits[:, label] = 8
            parts += [regions.ravel(), logits.ravel(), np.zeros(8, np.float32)]
        return np.asarray(np.concatenate(parts)[None], np.float32)

    right = float(loss(targets, outputs(SMOKE, (2.0, 6.0))))
    misplaced = float(loss(targets, outputs(SMOKE, (7.0, 9.0))))
    nothing = outputs(SMOKE, (2.0, 6.0))
    nothing[:, : REGIONS.anchors * (1 if classifier else 3)] = -8
    assert right < 1
    assert right < misplaced
    assert right < float(loss(targets, nothing))
    if not classifier:
        assert right < float(loss(targets, outputs(GLASS, (2.0, 6.0))))
    # What is there but too short to be told is no mistake either way.
    targets[0, 3] = 0.0
    assert float(loss(targets, outputs(SMOKE, (2.0, 6.0)))) < 1e-2
    assert float(loss(targets, nothing)) < 1e-2 + (0 if not classifier else 20)


@pytest.mark.parametrize("runtime", ["litert", "numpy"])
def test_keras_equals_tflite_on_both_runtimes(chain: tuple[Config, RcrnnCard], runtime: str) -> None:
    config, card = chain
    parts = rcrnn.build(config.rcrnn, 0, unroll=True)
    parts.model.load_weights(train.weights_of(config))
    assert difference(parts, card.content, card.regions, runtime) < 1e-3


def test_the_chain_makes_a_verifier_that_the_engine_accepts(chain: tuple[Config, RcrnnCard]) -> None:
    config, made = chain
    card = RcrnnCard.load(made.path)
    assert card.training["config_sha256"] == config.sha256
    assert card.attention_sha256 == ModelCard.load(ATTENTION_CARD).sha256
    attention = ModelCard.load(ATTENTION_CARD)
    with SecondLook(card, Rcrnn(card, runtime="numpy"), limit_s=OFFLINE_LIMIT_S) as second_look:
        listener = Listener(attention, second_look=second_look, wait=True)
        assert listener.feed(np.zeros(48_000, np.int16)) + listener.flush() == []


def test_the_same_seed_gives_the_same_spans_and_frames() -> None:
    config = Config.load("tiny-rcrnn")
    first, again = (next(shards(config, "train", 1, 4, 5)) for _ in range(2))
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.targets, again.targets)
    assert first.targets.shape == (4, SPANS, 3)


def test_a_witness_notes_what_was_asked_and_changes_nothing(chain: tuple[Config, RcrnnCard]) -> None:
    _, made = chain
    library = library_of(Config.load("tiny-rcrnn"))
    attention = never_certain(ModelCard.load(ATTENTION_CARD))
    alarm = Case("synthetic t3", "smoke_alarm", "T3 built", "synthetic t3", None, "t3")
    clip = Stage(library, "test").put(dry(library, alarm), alarm.name, CLEAN, 0)
    eager = replace(made, suspicion=dict.fromkeys(LABELS, 0.01), thresholds=_at(made, 1e-6))
    stern = replace(eager, thresholds=_at(made, 1.0))
    plain = hear_clip(attention, clip, Task(alarm))
    assert "smoke_alarm" in plain.labels()
    confirmed = hear_clip(attention, clip, Task(alarm), Witness(eager))
    assert "smoke_alarm" in confirmed.labels()
    refused = hear_clip(attention, clip, Task(alarm), Witness(stern))
    assert refused.labels() == ()
    assert refused.taken >= 1
    assert refused.scores == plain.scores
    assert refused.joint("smoke_alarm", stern) > 0
    assert {look.label for look in refused.looks} >= {"smoke_alarm"}


def test_the_verifier_alone_hears_by_its_own_thresholds(chain: tuple[Config, RcrnnCard]) -> None:
    _, made = chain
    library = library_of(Config.load("tiny-rcrnn"))
    case = look_alikes()[0]
    clip = Stage(library, "test").put(dry(library, case), case.name, CLEAN, 0)
    heard = by_itself(Witness(replace(made, thresholds=_at(made, 1e-6))), clip, Task(case))
    assert set(heard.labels()) == {label for label in LABELS if heard.scores[label] > 0.01}
    silent = by_itself(Witness(replace(made, thresholds=_at(made, 1.0))), clip, Task(case))
    assert silent.labels() == ()
    assert all(found.published_s >= found.onset_s for found in next(iter(heard.raised.values())))


def _at(card: RcrnnCard, threshold: float) -> dict[str, dict[Sensitivity, float]]:
    """Return the same threshold for everything."""
    return {label: dict.fromkeys(levels, threshold) for label, levels in card.thresholds.items()}
