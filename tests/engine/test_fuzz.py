"""Damaged input: what script/fuzz begins with, what it has found, and that it would find more."""

import importlib.util
from pathlib import Path

import pytest

from fuzzing.child import complaint
from fuzzing.engine import TARGETS
from fuzzing.feeding import Feeding
from fuzzing.plan import ENGINE, PLAN, TOTAL, shares

SEED = 0
CORPUS = Path(__file__).with_name("data") / "corpus"

COUNTS = {"media": 5, "request": 60, "card": 60}
"""Inputs of the targets that take longer; of all others there are 300."""

needs_home_assistant = pytest.mark.skipif(
    importlib.util.find_spec("homeassistant") is None, reason="the environment of training has no Home Assistant"
)


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"litert"}))
def test_damaged_input_is_refused_in_our_own_words_or_taken(name: str) -> None:
    target = TARGETS[name]()
    complaints = [complaint(target, target.input(SEED, number))[0] for number in range(COUNTS.get(name, 300))]
    assert [each for each in complaints if each] == []


def test_what_numpy_takes_does_not_crash_litert(tmp_path: Path) -> None:
    # In a process of its own, because that is how it would show.
    figures = Feeding(ENGINE, "litert", SEED, tmp_path).run(0, 1_000)
    assert (figures.inputs, figures.findings) == (1_000, [])
    assert figures.accepted > 30


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_was_found_once_is_refused_in_our_own_words(path: Path) -> None:
    target = TARGETS[path.parent.name]()
    assert complaint(target, target.read(path.read_bytes())) == (None, False)


def test_a_million_inputs_are_planned_and_every_target_has_its_share() -> None:
    assert TOTAL == 1_000_000
    assert {name for name, (module, _) in PLAN.items() if module == ENGINE} == set(TARGETS)
    assert sum(shares(list(PLAN), 10_000).values()) == pytest.approx(10_000, abs=len(PLAN))
    assert shares(["wav", "media"], None) == {"wav": 150_000, "media": 1_000}
    assert shares(["media"], 7) == {"media": 7}


def test_the_same_numbers_are_the_same_inputs() -> None:
    one, other = TARGETS["wav"](), TARGETS["wav"]()
    inputs = [one.input(1, number) for number in range(50)]
    assert inputs == [other.input(1, number) for number in range(50)]
    assert len(set(inputs)) > 40
    assert one.input(2, 7) != one.input(1, 7)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("odd", "KeyError in misbehaving.py"),
        ("speechless", "RefusedError says nothing"),
        ("slow", "takes "),
        ("endless", "hangs"),
        ("large", "too much memory"),
        ("crash", "crashes with signal 11"),
        ("exit", "ends the process"),
    ],
)
def test_the_fuzzer_notices_what_must_not_be_and_goes_on(tmp_path: Path, name: str, what: str) -> None:
    figures = Feeding("tests.engine.misbehaving", name, SEED, tmp_path).run(0, 6)
    ((number, found),) = figures.findings
    assert number == 3
    assert what in found
    assert figures.inputs == 6


def test_the_fuzzer_finds_nothing_where_nothing_is(tmp_path: Path) -> None:
    figures = Feeding("tests.engine.misbehaving", "good", SEED, tmp_path).run(10, 25)
    assert (figures.inputs, figures.accepted, figures.findings) == (25, 0, [])
    assert 5 < figures.peak_mb < 500


@needs_home_assistant
def test_the_integration_takes_damaged_input(tmp_path: Path) -> None:
    module, _ = PLAN["options-form"]
    figures = Feeding(module, "options-form", SEED, tmp_path).run(0, 40)
    assert (figures.inputs, figures.findings) == (40, [])
