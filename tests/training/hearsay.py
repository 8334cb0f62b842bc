"""What a listener might have heard, made up for tests."""

from hearing import Sensitivity
from training.cases import Case
from training.config import LABELS
from training.heard import Heard, Raised


def heard(
    label: str | None,
    *events: tuple[str, float],
    kind: str = "recorded",
    group: str = "one",
    name: str = "clip",
    condition: str = "clean",
    scores: dict[str, float] | None = None,
    length_s: float = 10.0,
    onset_s: float = 2.0,
    evidence_s: float | None = None,
    peer: dict[str, float] | None = None,
) -> Heard:
    """Return a clip with the given events (label, when it was published) at every sensitivity."""
    raised = tuple(Raised(what, published_s - 0.5, published_s) for what, published_s in events)
    peers = {} if peer is None else {who: dict.fromkeys(LABELS, 0.0) | peer for who in ("tuned", "frigate")}
    return Heard(
        case=Case(name, label, kind, group, None),
        condition=condition,
        onset_s=onset_s,
        length_s=length_s,
        evidence_s=evidence_s,
        scores=dict.fromkeys(LABELS, 0.0) | dict.fromkeys((what for what, _ in events), 0.99) | (scores or {}),
        raised=dict.fromkeys(Sensitivity, raised),
        peer=peers,
    )
