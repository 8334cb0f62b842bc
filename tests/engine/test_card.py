"""The model card: what it loads it has checked, and what it refuses it names."""

import json
from pathlib import Path

import pytest

from hearing.card import CardError, DecoderConfig, ModelCard, Sensitivity, WindowConfig

LEVELS = {Sensitivity.LOW: 0.9, Sensitivity.BALANCED: 0.7, Sensitivity.HIGH: 0.5}


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    made = ModelCard(
        path=tmp_path / "small.json",
        name="small",
        version="1",
        model="small.tflite",
        labels=("glass_break", "smoke_alarm"),
        thresholds={"glass_break": LEVELS, "smoke_alarm": LEVELS},
        content=b"not really a model",
        metrics={"recall": 0.5},
        limitations=("none known",),
    )
    made.save()
    return made


def change(card: ModelCard, **fields: object) -> None:
    content = json.loads(card.path.read_text())
    content.update(fields)
    card.path.write_text(json.dumps(content))


def test_a_saved_card_loads_as_it_was(card: ModelCard) -> None:
    loaded = ModelCard.load(card.path)
    assert loaded == card
    assert loaded.thresholds["glass_break"][Sensitivity.BALANCED] == 0.7


def test_a_damaged_model_file_is_named_with_the_reason(card: ModelCard, tmp_path: Path) -> None:
    (tmp_path / "small.tflite").write_bytes(b"not really A model")
    with pytest.raises(CardError, match=r"small\.tflite: is damaged: its SHA-256"):
        ModelCard.load(card.path)


def test_a_missing_model_file_is_named(card: ModelCard, tmp_path: Path) -> None:
    (tmp_path / "small.tflite").unlink()
    with pytest.raises(CardError, match=r"small\.tflite: cannot be read \(No such file"):
        ModelCard.load(card.path)


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"nowhere\.json: cannot be read"):
        ModelCard.load(tmp_path / "nowhere.json")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '{"schema": 99}'])
def test_a_file_that_is_no_card_of_this_schema_is_refused(card: ModelCard, text: str) -> None:
    card.path.write_text(text)
    with pytest.raises(CardError, match=r"small\.json: (is damaged|has schema)"):
        ModelCard.load(card.path)


@pytest.mark.parametrize("name", ["labels", "features", "thresholds", "window", "decoder", "limitations"])
def test_a_card_without_a_field_says_which(card: ModelCard, name: str) -> None:
    content = json.loads(card.path.read_text())
    del content[name]
    card.path.write_text(json.dumps(content))
    with pytest.raises(CardError, match=f"'{name}' is missing"):
        ModelCard.load(card.path)


def test_a_model_outside_the_cards_folder_is_refused(card: ModelCard) -> None:
    change(card, model="../small.tflite")
    with pytest.raises(CardError, match="must lie beside the card"):
        ModelCard.load(card.path)


def test_thresholds_that_rise_with_sensitivity_are_refused(card: ModelCard) -> None:
    wrong = {"low": 0.5, "balanced": 0.7, "high": 0.9}
    change(card, thresholds={"glass_break": wrong, "smoke_alarm": wrong})
    with pytest.raises(CardError, match="thresholds of glass_break must fall"):
        ModelCard.load(card.path)


def test_unknown_feature_numbers_are_refused(card: ModelCard) -> None:
    change(card, features={"colour": 3})
    with pytest.raises(CardError, match="colour"):
        ModelCard.load(card.path)


@pytest.mark.parametrize("wrong", [{"chunk_frames": 30}, {"window_steps": 9}, {"context_frames": -1}])
def test_windows_that_are_no_whole_chunks_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="window"):
        WindowConfig(**wrong)


@pytest.mark.parametrize("wrong", [{"pooling": "mean"}, {"region_level": 0.0}, {"release_s": 0.0}])
def test_decoder_numbers_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"pooling|region_level"):
        DecoderConfig(**wrong)  # type: ignore[arg-type]
