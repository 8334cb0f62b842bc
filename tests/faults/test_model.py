"""The model's file goes bad: what listens goes on, and what starts says what is wrong and listens when it is right."""

import json
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from shutil import copyfile

import pytest
from homeassistant.config_entries import ConfigEntryState

from custom_components.sound_guard.src.hearing.card import ATTENTION_CARD

from ..sounds import read_wav
from .conftest import GLASS
from .radio import Radio
from .trial import Trial

MODEL = ATTENTION_CARD.with_suffix(".tflite")
ANOTHER = Path(__file__).parents[1] / "engine" / "data" / "two_signatures.tflite"

Damage = Callable[[Path], object]


def truncate(card: Path) -> None:
    """Leave half of the model, as a download that broke off."""
    model = card.with_suffix(".tflite")
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])


def swap(card: Path) -> None:
    """Put another model in its place that fits as well: of another day's training, for instance."""
    model = card.with_suffix(".tflite")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 0xFF
    model.write_bytes(content)


def swap_with_its_hash(card: Path) -> None:
    """Put another model in its place that does not fit, and let the card vouch for it."""
    copyfile(ANOTHER, card.with_suffix(".tflite"))
    change(card, sha256=sha256(ANOTHER.read_bytes()).hexdigest())


def update(card: Path) -> None:
    """Bring a card that a later version of the engine reads."""
    change(card, schema=99)


def change(card: Path, **fields: object) -> None:
    """Change fields of a card."""
    card.write_text(json.dumps(json.loads(card.read_text()) | fields))


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda card: card.with_suffix(".tflite").unlink(), "Model file missing"),
        (truncate, "Model file truncated"),
        (swap, "Model file swapped for another that fits"),
        (swap_with_its_hash, "Model file swapped for one that does not fit, and its card for one that says so"),
        (update, "Model card of another version"),
    ],
)
async def test_a_model_that_goes_bad_stops_nothing_that_listens_and_is_named_at_the_next_start(
    radio: Radio,
    trial: Trial,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Damage,
    fault: str,
) -> None:
    card = tmp_path / ATTENTION_CARD.name

    def put_right() -> None:
        copyfile(ATTENTION_CARD, card)
        copyfile(MODEL, card.with_suffix(".tflite"))

    put_right()
    monkeypatch.setattr("custom_components.sound_guard.ATTENTION_CARD", card)
    watch = await trial.watch(radio.url)
    house = watch.house
    damage(card)
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))

    watch.strike()
    began_s = time.monotonic()
    await house.reload()
    await watch.until_issue("model_unusable")
    watch.noticed_s = time.monotonic() - began_s
    assert house.entry_state() is ConfigEntryState.SETUP_ERROR
    problem = house.entry.error_reason_translation_placeholders
    assert problem is not None
    assert str(tmp_path) in problem["problem"]
    assert house.state("binary_sensor.kitchen_glass_break") == "unavailable"

    put_right()
    watch.cure()
    await house.reload()
    await watch.until_back()
    await watch.until_no_issue("model_unusable")
    trial.note(
        watch.row(fault, "files", "what listens goes on; after a restart nothing is heard until the file is right")
    )
