"""The peer: heard with the settings of those who run it, compared at equal false alarms."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from training.compare import Scored, compare
from training.config import LABELS
from training.peer import FRIGATE_CLASSES, TUNED_CLASSES, WINDOW_SAMPLES, Peer, Yamnet, threshold_at

HALF = WINDOW_SAMPLES // 2
NAMES = (
    "Speech",
    *dict.fromkeys(name for chosen in (FRIGATE_CLASSES, TUNED_CLASSES) for c in chosen.values() for name in c),
)
LOUD = 20_000


class FakeTagger:
    """Says how loud the loudest sample is, for one class alone, and remembers what it was shown."""

    def __init__(self, name: str) -> None:
        self.names = NAMES
        self.shown: list[NDArray[np.float32]] = []
        self._class = NAMES.index(name)

    def tag(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        self.shown.append(window)
        scores = np.zeros(len(NAMES), np.float32)
        scores[self._class] = np.abs(window).max()
        return scores


def tone(windows: float, level: int = LOUD) -> NDArray[np.int16]:
    """A square wave: its RMS is its level."""
    return np.resize(np.array([level, -level], np.int16), round(windows * WINDOW_SAMPLES))


def test_frigate_listens_window_after_window_at_the_level_there_is() -> None:
    tagger = FakeTagger("Shatter")
    samples = np.concatenate((tone(1, 16_384), tone(1.5, 8_192)))
    heard = Peer.frigate(tagger).hear(samples)
    assert [float(window.max()) for window in tagger.shown] == [0.5, 0.25, 0.25]
    assert tagger.shown[2][HALF:].any() == 0  # silence fills the last window
    assert heard.scores["glass_break"] == 0.5


def test_frigate_is_deaf_below_its_gate_and_the_tuned_peer_is_not() -> None:
    quiet, enough = tone(2, 499), tone(2, 500)
    for samples, shown in ((quiet, 0), (enough, 2)):
        tagger = FakeTagger("Shatter")
        assert (Peer.frigate(tagger).hear(samples).scores["glass_break"] > 0) == bool(shown)
        assert len(tagger.shown) == shown
    assert Peer.tuned(FakeTagger("Shatter"), {}).hear(quiet).scores["glass_break"] == pytest.approx(499 / 32_768)


def test_the_tuned_peers_windows_overlap_by_half_and_cover_everything() -> None:
    for samples, windows in ((0.3, 1), (1.0, 1), (1.1, 2), (1.5, 2), (3.0, 5)):
        tagger = FakeTagger("Shatter")
        sound = tone(samples)
        sound[-1] = 32_000
        heard = Peer.tuned(tagger, {}).hear(sound)
        assert len(tagger.shown) == windows
        assert heard.scores["glass_break"] == pytest.approx(32_000 / 32_768)


@pytest.mark.parametrize(
    ("name", "by_frigate", "by_tuned"),
    [
        ("Glass", "glass_break", None),
        ("Shatter", "glass_break", "glass_break"),
        ("Breaking", "glass_break", "glass_break"),
        ("Smoke detector, smoke alarm", "smoke_alarm", "smoke_alarm"),
        ("Fire alarm", "smoke_alarm", "smoke_alarm"),
        ("Buzzer", None, "smoke_alarm"),
        ("Speech", None, None),
    ],
)
def test_each_class_counts_for_its_sound_and_none_for_a_co_alarm(
    name: str, by_frigate: str | None, by_tuned: str | None
) -> None:
    for peer, meant in ((Peer.frigate(FakeTagger(name)), by_frigate), (Peer.tuned(FakeTagger(name), {}), by_tuned)):
        scores = peer.hear(tone(1)).scores
        assert tuple(scores) == LABELS
        assert [label for label, score in scores.items() if score] == ([meant] if meant else [])


def test_frigate_reports_a_sound_once_until_it_was_unheard_for_30_s() -> None:
    sound = np.zeros(100 * WINDOW_SAMPLES, np.int16)
    for window, level in ((2, 25_000), (3, 27_000), (20, 32_000), (50, 32_000), (81, 32_000), (90, 32_000)):
        sound[window * WINDOW_SAMPLES + HALF] = level  # with the tone 25,000 is 0.78 of full scale
    sound += tone(100, 600)
    onsets_s = Peer.frigate(FakeTagger("Fire alarm")).hear(sound).onsets_s
    assert onsets_s["smoke_alarm"] == pytest.approx([3.5 * 0.975, 81.5 * 0.975])
    assert onsets_s["glass_break"] == onsets_s["co_alarm"] == ()


def test_an_onset_is_placed_within_half_a_second_wherever_its_window_lies() -> None:
    for onset in range(2 * WINDOW_SAMPLES, 4 * WINDOW_SAMPLES, 1_111):
        sound = np.zeros(8 * WINDOW_SAMPLES, np.int16)
        sound[onset:] = 30_000
        for peer in (Peer.frigate(FakeTagger("Glass")), Peer.tuned(FakeTagger("Shatter"), {"glass_break": 0.5})):
            (reported_s,) = peer.hear(sound).onsets_s["glass_break"]
            assert abs(reported_s - onset / 16_000) < 0.5


def test_no_more_negatives_reach_the_threshold_than_the_rate_allows() -> None:
    scores = [0.9, 0.7, 0.7, 0.7, 0.2, 0.0]
    reaching = {rate: sum(s >= threshold_at(scores, 2.0, rate) for s in scores) for rate in (0, 0.4, 0.5, 1, 2, 2.5)}
    assert reaching == {0: 0, 0.4: 0, 0.5: 1, 1: 1, 2: 4, 2.5: 5}  # equal scores reach it all or not at all
    assert threshold_at(scores, 2.0, 0.5) == pytest.approx(0.7)
    assert threshold_at([0.0, 0.0], 1.0, 9.0) > 0  # what was not heard at all is never reported


def test_a_threshold_right_above_a_score_keeps_that_score_out() -> None:
    score = Peer.tuned(FakeTagger("Shatter"), {}).hear(tone(1)).scores["glass_break"]
    for thresholds, reports in (({"glass_break": threshold_at([score], 1.0, 0.0)}, 0), ({"glass_break": score}, 1)):
        heard = Peer.tuned(FakeTagger("Shatter"), thresholds).hear(tone(1))
        assert len(heard.onsets_s["glass_break"]) == reports


def test_both_are_compared_at_the_same_false_alarms() -> None:
    ours = Scored([0.9, 0.8, 0.6, 0.1], ["a", "a", "b", "c"], [0.7, 0.5, 0.4, 0.3], hours=2.0)
    peer = Scored([0.95, 0.3, 0.3, 0.0], ["a", "a", "b", "c"], [0.8, 0.6, 0.2, 0.2], hours=2.0)
    found = compare(ours, peer, threshold=0.6)
    assert (found.ours.false_alarms_per_hour, found.peer.false_alarms_per_hour) == (0.5, 0.5)
    assert (found.ours.clips.value, found.peer.clips.value) == (0.75, 0.25)
    assert (found.ours.groups.value, found.peer.groups.value) == pytest.approx((2 / 3, 1 / 3))
    assert found.ours.clips.low == pytest.approx(0.1941, abs=1e-4)
    assert found.peer.threshold == pytest.approx(0.6)
    assert found.peer_at_equal == 0.25


def test_a_peer_whose_scores_tie_is_judged_between_its_two_thresholds() -> None:
    ours = Scored([0.9], ["a"], [0.8, 0.7, 0.1, 0.1], hours=1.0)
    peer = Scored([0.9, 0.5], ["a", "b"], [0.6, 0.5, 0.5, 0.5], hours=1.0)
    found = compare(ours, peer, threshold=0.7)
    assert (found.peer.false_alarms_per_hour, found.peer_more.false_alarms_per_hour) == (1.0, 4.0)
    assert (found.peer.clips.value, found.peer_more.clips.value) == (0.5, 1.0)
    assert found.peer_at_equal == pytest.approx(0.5 + 0.5 / 3)


def test_a_peer_without_a_class_for_the_sound_hears_none_at_any_rate() -> None:
    found = compare(Scored([0.9], ["a"], [0.8, 0.1], hours=1.0), Scored([0.0], ["a"], [0.0, 0.0], hours=1.0), 0.5)
    assert (found.peer.clips.value, found.peer_more.clips.value, found.peer_at_equal) == (0, 0, 0)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_yamnets_classes_are_read_beside_its_model(tmp_path: Path) -> None:
    listed = "".join(
        f'{i},/m/{i},"{name}"\n' if "," in name else f"{i},/m/{i},{name}\n" for i, name in enumerate(NAMES)
    )
    (tmp_path / "yamnet_class_map.csv").write_text("index,mid,display_name\n" + listed)
    smoke = tf.one_hot(NAMES.index("Smoke detector, smoke alarm"), len(NAMES))

    @tf.function(input_signature=[tf.TensorSpec((WINDOW_SAMPLES,), tf.float32)])  # type: ignore[untyped-decorator,unused-ignore]
    def loudest(sound: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.reduce_max(tf.abs(sound)) * smoke, (1, -1))

    model = tmp_path / "yamnet.tflite"
    model.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([loudest.get_concrete_function()]).convert())
    yamnet = Yamnet(model)
    assert tuple(yamnet.names) == NAMES
    assert Peer.frigate(yamnet).hear(tone(1, 16_384)).scores == {"glass_break": 0, "smoke_alarm": 0.5, "co_alarm": 0}
