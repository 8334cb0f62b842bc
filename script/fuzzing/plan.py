"""How many inputs each target gets: many where they cost little, fewer where they cost a process or a form."""

from collections.abc import Mapping, Sequence

ENGINE = "fuzzing.engine"
INTEGRATION = "fuzzing.integration"

PLAN: Mapping[str, tuple[str, int]] = {
    "wav": (ENGINE, 150_000),
    "sound-file": (ENGINE, 80_000),
    "media": (ENGINE, 1_000),
    "spec": (ENGINE, 100_000),
    "clip": (ENGINE, 150_000),
    "answer": (ENGINE, 80_000),
    "request": (ENGINE, 15_000),
    "model": (ENGINE, 150_000),
    "litert": (ENGINE, 80_000),
    "card": (ENGINE, 20_000),
    "rcrnn-card": (ENGINE, 30_000),
    "export": (ENGINE, 30_000),
    "guard-record": (INTEGRATION, 30_000),
    "keypad-record": (INTEGRATION, 10_000),
    "walk-test-record": (INTEGRATION, 10_000),
    "incident-record": (INTEGRATION, 10_000),
    "clip-page": (INTEGRATION, 15_000),
    "name": (INTEGRATION, 10_000),
    "button": (INTEGRATION, 8_000),
    "action": (INTEGRATION, 6_000),
    "microphone-form": (INTEGRATION, 5_000),
    "options-form": (INTEGRATION, 5_000),
    "reply": (INTEGRATION, 5_000),
}
"""Module and inputs of each target: a million in all. The two modules import the engine by two names, so each target
has a process of its own."""

TOTAL = sum(count for _, count in PLAN.values())


def shares(names: Sequence[str], count: int | None) -> dict[str, int]:
    """Return how many inputs each of the targets gets: as planned, or so many in all; at least one each."""
    planned = {name: PLAN[name][1] for name in names}
    whole = sum(planned.values())
    return planned if count is None else {name: max(1, count * share // whole) for name, share in planned.items()}
