"""The R-CRNN's card, its regions, and what the shipped one makes of a clip."""

import json
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hearing import ModelCard, Sensitivity
from hearing.card import ATTENTION_CARD, CardError
from hearing.rcrnn import Rcrnn, anchors_s, refined, suppress
from hearing.rcrnn_card import RCRNN_CARD, RcrnnCard, RegionConfig
from hearing.source import SAMPLE_RATE_HZ

AUDIO = Path(__file__).parents[1] / "audio"


def smoke_alarm() -> NDArray[np.int16]:
    """Return the bundled smoke alarm."""
    with wave.open(str(AUDIO / "smoke_alarm_t3.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@pytest.fixture(scope="module")
def card() -> RcrnnCard:
    """The shipped card."""
    return RcrnnCard.load(RCRNN_CARD)


def test_the_shipped_second_look_was_made_for_the_shipped_attention_model(card: RcrnnCard) -> None:
    attention = ModelCard.load(ATTENTION_CARD)
    assert card.attention_sha256 == attention.sha256
    assert card.labels == attention.labels
    for label in card.labels:
        assert 0 < card.suspicion[label] <= attention.thresholds[label][Sensitivity.HIGH]
    assert len(card.content) < 8_000_000
    assert card.training["parameters"] <= 3_000_000
    assert 0.3 in card.regions.anchors_s
    assert max(card.regions.anchors_s) == 10


def test_a_card_that_is_saved_is_read_again_as_it_was(card: RcrnnCard, tmp_path: Path) -> None:
    moved = replace(card, path=tmp_path / "rcrnn.json")
    moved.save()
    assert RcrnnCard.load(moved.path) == moved


def without_suspicion(values: dict[str, Any]) -> None:
    del values["suspicion"]


def with_certain_suspicion(values: dict[str, Any]) -> None:
    values["suspicion"]["glass_break"] = 1.5


def with_thresholds_upside_down(values: dict[str, Any]) -> None:
    values["thresholds"]["glass_break"] = {"low": 0.1, "balanced": 0.5, "high": 0.9}


def with_half_a_step(values: dict[str, Any]) -> None:
    values["regions"]["clip_frames"] = 511


def with_another_file(values: dict[str, Any]) -> None:
    values["sha256"] = "0" * 64


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (without_suspicion, "'suspicion' is missing"),
        (with_certain_suspicion, "suspicion must lie in 0 to 1"),
        (with_thresholds_upside_down, "thresholds of glass_break"),
        (with_half_a_step, "whole steps"),
        (with_another_file, "is damaged: its SHA-256"),
    ],
)
def test_a_damaged_card_is_refused_with_the_reason(
    card: RcrnnCard, tmp_path: Path, damage: Callable[[dict[str, Any]], None], told: str
) -> None:
    moved = replace(card, path=tmp_path / "rcrnn.json")
    moved.save()
    values = json.loads(moved.path.read_text())
    damage(values)
    moved.path.write_text(json.dumps(values))
    with pytest.raises(CardError, match=told):
        RcrnnCard.load(moved.path)


def test_a_model_that_does_not_fit_its_card_is_refused(card: RcrnnCard) -> None:
    with pytest.raises(CardError, match="is no R-CRNN"):
        Rcrnn(replace(card, content=ModelCard.load(ATTENTION_CARD).content), runtime="numpy")
    with pytest.raises(CardError, match="the card says"):
        Rcrnn(replace(card, regions=replace(card.regions, anchors_s=(1.0,))), runtime="numpy")
    with pytest.raises(CardError, match="is damaged"):
        Rcrnn(replace(card, content=card.content[:-1000]), runtime="numpy")


def test_anchors_stand_around_the_middle_of_every_step() -> None:
    spans = anchors_s(RegionConfig(clip_frames=16, anchors_s=(1.0, 2.0)), 0.5)
    assert spans.tolist() == [[-0.25, 0.75], [-0.75, 1.25], [0.25, 1.25], [-0.25, 1.75]]


def test_borders_move_by_shares_of_the_length() -> None:
    spans = np.array([[2.0, 4.0]], np.float32)
    assert refined(spans, np.array([[0.5, np.log(2)]], np.float32)).tolist() == [[pytest.approx(2), pytest.approx(6)]]


def test_of_spans_that_overlap_the_best_stays() -> None:
    spans = np.array([[0, 1], [0.1, 1.1], [5, 6], [0, 1.05]], np.float32)
    scores = np.array([0.5, 0.9, 0.3, 0.9], np.float32)
    assert suppress(spans, scores, 0.5, 9) == [1, 2]
    assert suppress(spans, scores, 0.5, 1) == [1]


@pytest.mark.parametrize("runtime", ["numpy", "auto"])
def test_a_smoke_alarm_is_found_where_it_is(card: RcrnnCard, runtime: str) -> None:
    quiet = np.random.default_rng(0).normal(0, 5, 3 * SAMPLE_RATE_HZ).astype(np.int16)
    clip = np.concatenate((quiet, smoke_alarm()[: 6 * SAMPLE_RATE_HZ]))
    verifier = Rcrnn(card, runtime=runtime)
    best = verifier.verify(clip)[0]
    assert best.label == "smoke_alarm"
    assert best.confidence > 0.9
    assert card.confirms("smoke_alarm", Sensitivity.LOW, 0.999, best.confidence)
    assert best.onset_s == pytest.approx(3.0, abs=0.6)
    # A longer clip is seen by its end, a shorter one as if silence had been before it.
    longer = verifier.verify(np.concatenate((np.zeros(8 * SAMPLE_RATE_HZ, np.int16), clip)))[0]
    assert longer.label == "smoke_alarm"
    assert longer.onset_s == pytest.approx(best.onset_s + 8, abs=0.6)
    assert all(region.offset_s <= 0.1 for region in verifier.verify(np.zeros(SAMPLE_RATE_HZ // 10, np.int16)))


def test_both_models_decide_by_the_mean_of_their_scores(card: RcrnnCard) -> None:
    levels = dict.fromkeys(Sensitivity, 0.9)
    fair = replace(card, weight=1.0, thresholds=dict.fromkeys(card.labels, levels))
    assert fair.joint(0.9, 0.9) == pytest.approx(0.9)
    assert fair.joint(0.99, 0.5) == pytest.approx(1 / (1 + 99**-0.5))
    assert fair.confirms("glass_break", Sensitivity.BALANCED, 0.99, 0.5)
    assert not fair.confirms("glass_break", Sensitivity.BALANCED, 0.99, 0.3)
    # A verifier that found nothing is as sure as its least region would be, not infinitely.
    assert fair.joint(0.99999, 0.0) == fair.joint(0.99999, 0.01)
    assert replace(card, weight=0.0).joint(0.7, 0.0) == pytest.approx(0.7)


def test_both_runtimes_see_the_same(card: RcrnnCard) -> None:
    clip = np.concatenate((np.zeros(SAMPLE_RATE_HZ, np.int16), smoke_alarm()[: 7 * SAMPLE_RATE_HZ]))
    fast, everywhere = (Rcrnn(card, runtime=runtime).verify(clip) for runtime in ("auto", "numpy"))
    assert [region.label for region in fast[:3]] == [region.label for region in everywhere[:3]]
    for one, other in zip(fast[:3], everywhere[:3], strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-3)
        assert one.onset_s == pytest.approx(other.onset_s, abs=1e-2)
