"""The figures of the evaluation: groups, mistakes, hours, latency, probability, and the peer at equal false alarms."""

import numpy as np
import pytest

from hearing import ModelCard, Sensitivity
from hearing.card import ATTENTION_CARD
from tests.training.hearsay import heard
from training import false_alarms, latency, recall, reliability, rivals, thresholds
from training.config import LABELS
from training.thresholds import FLOOR, MARGIN, threshold


def probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def test_a_group_is_heard_when_half_of_its_clips_are() -> None:
    found = ("glass_break", 3.0)
    clips = [
        heard("glass_break", found, group="half"),
        heard("glass_break", group="half"),
        heard("glass_break", found, group="third"),
        *[heard("glass_break", group="third")] * 2,
    ]
    figure = recall.by_condition(clips)["glass_break"]["all"]["clean"]
    assert (figure["clips"], figure["groups"]) == ([2, 5], [1, 2])
    assert figure["interval"] == [0.013, 0.987]


def test_the_headline_of_carbon_monoxide_is_built_and_real_groups_stand_apart() -> None:
    clips = [heard("co_alarm", ("co_alarm", 3.0), kind="built"), heard("co_alarm", kind="real")]
    table = recall.by_condition(clips)["co_alarm"]
    assert table["all"]["clean"]["clips"] == [1, 1]
    assert table["real"]["clean"]["clips"] == [0, 1]


def test_recall_by_length_counts_a_clip_where_its_event_belongs() -> None:
    lengths_s = (0.4, 1.0, 2.9, 7.0)
    table = recall.by_length([heard("glass_break", length_s=length_s) for length_s in lengths_s])["glass_break"]
    assert {name: figure["clips"][1] for name, figure in table.items()} == {"0–1 s": 1, "1–3 s": 2, "over 6 s": 1}


def test_sensitivities_count_what_reaches_their_thresholds() -> None:
    clips = [heard("co_alarm", kind="built", scores={"co_alarm": score}) for score in (0.4, 0.6, 0.8, 0.95)]
    levels = {label: dict(zip(Sensitivity, (0.9, 0.7, 0.5), strict=True)) for label in LABELS}
    table = recall.by_sensitivity(clips, levels)
    assert {level: figure["clips"][0] for level, figure in table["co_alarm"].items()} == {
        "low": 1,
        "balanced": 2,
        "high": 3,
    }
    assert set(table) == {"co_alarm"}


def test_confusion_counts_other_sounds_that_were_reported_too() -> None:
    clips = [
        heard("smoke_alarm", ("smoke_alarm", 3.0), ("co_alarm", 4.0), kind="T3"),
        heard("smoke_alarm", ("smoke_alarm", 3.0), kind="T3"),
        heard("co_alarm", ("smoke_alarm", 3.0), kind="built"),
    ]
    assert recall.confusion(clips) == {
        "smoke_alarm, T3": {"clips": 2, "glass_break": 0, "co_alarm": 1},
        "co_alarm, built": {"clips": 1, "glass_break": 0, "smoke_alarm": 1},
    }


def test_false_alarms_are_counted_per_hour_of_the_recordings_and_once_a_minute() -> None:
    smoke = ("smoke_alarm", 10.0), ("smoke_alarm", 50.0), ("smoke_alarm", 75.0)
    clips = [heard(None, *smoke, kind="ui_beep", length_s=1_800), heard(None, kind="speech", length_s=1_800)]
    figures = false_alarms.false_alarms(clips)
    assert figures["hours"] == 1.0
    found = figures[Sensitivity.BALANCED]["smoke_alarm"]
    assert (found["count"], found["per_hour"], found["with_dead_time"]) == (3, 3.0, 2)
    assert found["per_day"] == pytest.approx([72.0, 14.85, 210.41])
    assert figures[Sensitivity.BALANCED]["glass_break"]["per_day"][0] == 0
    assert [row["kind"] for row in false_alarms.by_kind(clips)] == ["ui_beep"]
    assert [clip.case.kind for clip in false_alarms.everyday(clips)] == ["speech"]
    assert false_alarms.worst(clips)[0]["count"] == 3
    assert false_alarms.false_alarms([]) == {"hours": 0, "files": 0}


def test_latency_counts_from_the_onset_and_from_the_end_of_the_evidence() -> None:
    early = heard("glass_break", ("glass_break", 1.0), ("glass_break", 3.0), evidence_s=2.5)
    late = heard("glass_break", ("glass_break", 4.0), evidence_s=2.5)
    missed = heard("glass_break", evidence_s=2.5)
    row = latency.latency([early, late, missed])["glass_break, recorded"]
    assert row == {"heard": 2, "from_onset_s": [1.5, 1.95], "from_evidence_s": [1.0, 1.45]}


def test_a_model_that_means_what_it_says_has_no_calibration_error() -> None:
    said = [heard("co_alarm" if i < 8 else None, scores={"co_alarm": 0.8}) for i in range(10)]
    boast = [heard(None, scores={"co_alarm": 0.9})] * 10
    assert reliability.reliability(said)["co_alarm"]["expected_calibration_error"] == pytest.approx(0, abs=1e-6)
    table = reliability.reliability([*said, *boast])["co_alarm"]
    assert table["expected_calibration_error"] == pytest.approx(0.45)
    assert [place["clips"] for place in table["bins"]] == [10, 10]


def test_the_peer_may_mistake_as_many_negatives_as_ours_and_no_more() -> None:
    quiet = [
        heard(None, scores={"glass_break": ours}, peer={"glass_break": theirs}, length_s=1_800)
        for ours, theirs in ((0.1, 0.9), (0.95, 0.2))
    ]
    loud = [
        heard("glass_break", condition=condition, scores={"glass_break": 0.96}, peer={"glass_break": theirs})
        for condition in ("clean", "+6 dB", "0 dB", "-6 dB")
        for theirs in (0.3, 0.95)
    ]
    card = {label: dict.fromkeys(Sensitivity, 0.9) for label in LABELS}
    found = rivals.rivals(quiet, loud, card)
    cell = found["at_equal_false_alarms"]["balanced"]["glass_break"]["clean"]
    assert cell["false_alarms_per_hour"] == 1.0
    assert (cell["ours"], cell["peer"], cell["ours_is"]) == ([1.0, 1.0], [1.0, 1.0], "equal")
    assert 0.2 < cell["peer_threshold"] < 0.201
    frigate = found["as_frigate_runs_it"]["glass_break"]
    assert (frigate["mistaken"], frigate["clean"]["clips"]) == (1, [1, 2])


def test_a_threshold_lies_between_the_last_negative_that_may_pass_and_the_next() -> None:
    scores = [probability(logit) for logit in (4.0, 2.0, 0.0, -1.0)]
    assert threshold(scores, hours=1.0, per_hour=1.0, margin=0.0) == pytest.approx(probability(3.0))
    assert threshold(scores, hours=1.0, per_hour=1.9, margin=0.25) == pytest.approx(probability(3.25))
    assert threshold(scores, hours=1.0, per_hour=2.0, margin=0.0) == pytest.approx(probability(1.0))
    # The margin never refuses a negative that may pass.
    assert threshold(scores, hours=1.0, per_hour=1.0, margin=9.0) == pytest.approx(probability(4.0))


def test_no_budget_is_a_margin_above_the_worst_negative_and_below_one() -> None:
    scores = [probability(11.5), 0.2]
    reached = threshold(scores, hours=1.0, per_hour=0.0, margin=1.0)
    assert reached == pytest.approx(probability(12.5), abs=1e-7)
    assert max(scores) < reached < 1
    assert 0.9999 < threshold([1.0], hours=1.0, per_hour=0.0, margin=1.0) < 1
    assert threshold([], hours=0.0, per_hour=0.0, margin=1.0) == FLOOR
    assert threshold([0.01], hours=1.0, per_hour=0.0, margin=0.1) == FLOOR


def test_thresholds_fall_from_low_to_high_for_every_sound() -> None:
    rng = np.random.default_rng(0)
    quiet = [
        heard(None, length_s=60, scores={label: probability(logit) for label, logit in zip(LABELS, row, strict=True)})
        for row in rng.normal(0, 3, (120, 3))
    ]
    for label, levels in thresholds.thresholds(quiet).items():
        assert 0 < levels[Sensitivity.HIGH] <= levels[Sensitivity.BALANCED] < levels[Sensitivity.LOW] < 1
        passed = {level: sum(clip.scores[label] >= reached for clip in quiet) for level, reached in levels.items()}
        assert passed[Sensitivity.HIGH] == 4
        assert passed[Sensitivity.BALANCED] == (1 if label == "glass_break" else 0)
        assert passed[Sensitivity.LOW] == 0
    assert MARGIN[Sensitivity.LOW] > MARGIN[Sensitivity.BALANCED]


def test_hours_of_negatives_say_which_budgets_they_support() -> None:
    support = thresholds.support(1.5)
    assert support["least_rate_shown_per_hour"] == pytest.approx(2.0, abs=0.01)
    assert support["hours_needed"] == {"day": 72, "week": 503, "month": 2157}
    assert support["allowed"]["high"]["glass_break"] == 3
    assert thresholds.support(0)["least_rate_shown_per_hour"] is None


def test_the_shipped_thresholds_are_in_order() -> None:
    for levels in ModelCard.load(ATTENTION_CARD).thresholds.values():
        assert 0 < levels[Sensitivity.HIGH] <= levels[Sensitivity.BALANCED] <= levels[Sensitivity.LOW] < 1
