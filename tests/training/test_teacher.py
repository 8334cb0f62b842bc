"""The teacher: optional, its opinion is taken window by window, and nothing of it ships."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from training import attention, recordings
from training.config import LABELS, AttentionConfig, Config, TeacherConfig, TrainConfig
from training.dataset import ShardMaker, teacher_of
from training.examples import Shard, StepExamples
from training.mixtures import Ingredient, Mixture
from training.recipes import Placed
from training.recordings import Library, ManifestError, Recording
from training.teacher import CLASSES, HOP_SAMPLES, WINDOW_SAMPLES, Lessons, Teacher

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher that says how loud a window is, for the class "Glass" alone."""
    folder = tmp_path_factory.mktemp("teacher")
    names = ["Something else", *CLASSES]
    listed = "index,mid,display_name\n" + "".join(f'{i},/m/{i},"{name}"\n' for i, name in enumerate(names))
    (folder / "yamnet_class_map.csv").write_text(listed)
    glass = tf.one_hot(names.index("Glass"), len(names))

    @tf.function(input_signature=[tf.TensorSpec((WINDOW_SAMPLES,), tf.float32)])  # type: ignore[untyped-decorator,unused-ignore]
    def loudest(sound: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.reduce_max(tf.abs(sound)) * glass, (1, -1))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([loudest.get_concrete_function()])
    path = folder / "yamnet.tflite"
    path.write_bytes(converter.convert())
    return path


def test_each_half_overlapping_window_is_judged_at_full_scale(model: Path) -> None:
    samples = np.zeros(5 * HOP_SAMPLES, np.int16)
    samples[-10:] = 100
    scores = Teacher(model).listen(samples)
    assert scores.shape == (3, len(CLASSES))
    assert scores[:, CLASSES.index("Glass")].tolist() == [0.0, 0.0, 0.0]  # the last samples are in no whole window
    samples[3 * HOP_SAMPLES] = -50
    assert Teacher(model).listen(samples)[:, CLASSES.index("Glass")].tolist() == [0.0, 0.5, 0.5]
    assert scores.sum() == 0


def test_a_missing_teacher_is_named_before_any_training(model: Path) -> None:
    config = replace(Config.load("tiny"), teacher=TeacherConfig(model="nowhere/yamnet.tflite"))
    with pytest.raises(ManifestError, match=r"yamnet\.tflite: the teacher is missing"):
        teacher_of(config)
    assert teacher_of(Config.load("tiny")) is None


def test_a_shard_holds_the_teachers_opinion_of_the_same_sound(model: Path) -> None:
    config = replace(Config.load("tiny"), teacher=TeacherConfig(model=str(model)))
    shard = ShardMaker(config, "train").make(range(2))
    without = ShardMaker(Config.load("tiny"), "train").make(range(2))
    assert np.array_equal(shard.frames, without.frames)
    assert shard.taught.shape == (2, 21, len(CLASSES))
    assert without.taught.shape == (2, 1, 0)


def test_the_teacher_hears_each_sound_alone_where_it_is_not_drowned(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "cache" / "recordings.py"))
    soundfile.write(tmp_path / "a.wav", np.full(10 * 16_000, 9_000, np.int16), 16_000)
    recording = Recording("a.wav", "negative", "tone", "a", "CC0", False, (), "train")
    lessons = Lessons(Teacher(model), Library(tmp_path, (recording,), "made here"))
    glass = CLASSES.index("Glass")

    def taught(recorded_db: float) -> list[float]:
        recorded = Ingredient(Placed("a.wav", 0.0, 3.0, 2.0), None, 2.0, 1.0, recorded_db)
        silent = Ingredient(None, np.zeros(16_000 * 10, np.float32), 0.0, 1.0, -20.0)
        mixture = Mixture(np.zeros(16_000 * 10, np.int16), (), (recorded, silent))
        return [round(float(score), 1) for score in lessons.on(mixture)[:, glass]]

    heard = taught(recorded_db=-40.0)
    assert heard[0] == 0
    assert heard[6] == 1  # three seconds from second two on
    assert heard[-1] == 0
    assert max(taught(recorded_db=-60.0)) == 0
    assert len(list((tmp_path / "cache").rglob("taught-*.npy"))) == 1


def test_what_is_taught_stands_behind_our_own_targets() -> None:
    taught = np.zeros((1, 4, 2), np.uint8)
    taught[0, 2, 1] = 255
    shard = Shard(np.zeros((1, 2, 64), np.float16), np.ones((1, 8, 3), np.uint8), taught)
    _, targets = StepExamples().varied(shard, 0, np.random.default_rng(0))
    assert targets.shape == (8, 5)
    assert targets[:, :3].min() == 1
    assert targets[:, 4].tolist() == [0, 0, 0, 0, 1, 1, 0, 0]


def test_the_exported_head_has_our_labels_only() -> None:
    parts = attention.build(AttentionConfig(channels=(16, 16, 16, 16), depth=32), taught=7)
    assert parts.model.output_shape[-1] == len(LABELS) + 7
    assert parts.head.output_shape[-1] == len(LABELS)


def test_a_wrong_guess_about_the_teachers_classes_costs_by_its_weight() -> None:
    targets = np.zeros((1, 4, 5), np.float32)
    logits = np.full((1, 4, 5), -20, np.float32)
    logits[..., 4] = 20
    light, heavy = (float(attention.loss(TrainConfig(), weight)(targets, logits)) for weight in (1.0, 3.0))
    assert heavy == pytest.approx(3 * light, rel=1e-3)
    assert float(attention.loss(TrainConfig(), 3.0)(targets[..., :3], logits[..., :3])) == pytest.approx(0, abs=1e-3)
