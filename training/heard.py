"""What the shipped listener makes of one clip, alone or with a second look, and what is kept of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hearing import Detection, Listener, ModelCard, Phase, Sensitivity
from hearing.rcrnn import Rcrnn
from hearing.rcrnn_card import RcrnnCard
from hearing.second_look import OFFLINE_LIMIT_S, SecondLook

from .alone import events, hear_alone
from .cases import Case
from .conditions import CLEAN, Clip, Condition
from .synthesis import RATE_HZ

BLOCK_SAMPLES = RATE_HZ // 10
"""As a microphone delivers it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A case in a condition, and what is to be found out."""

    case: Case
    condition: Condition = CLEAN
    draw: int = 0
    levels: tuple[Sensitivity, ...] = (Sensitivity.BALANCED,)
    sweep: bool = False
    """Count the events at every threshold of the curve, too."""

    peer: bool = False
    """Have the peer hear the same clip."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An event that the listener reported."""

    label: str
    onset_s: float
    published_s: float
    """Seconds of sound that the listener had heard when it reported it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What both models thought of a suspicion when they decided about it."""

    label: str
    suspected: float
    """The attention model's confidence."""

    recognised: float
    """The verifier's."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the listener made of one clip."""

    case: Case
    condition: str
    onset_s: float
    length_s: float
    evidence_s: float | None
    scores: Mapping[str, float]
    """Highest clip probability per label."""

    raised: Mapping[Sensitivity, tuple[Raised, ...]]
    swept: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Events per label at every threshold of SWEEP, where they were asked for."""

    peer: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Highest score per label of the peer, by its settings."""

    looks: tuple[Look, ...] = ()
    """Decisions after second looks, at the first of the task's levels."""

    taken: int = 0
    """How many second looks were taken at that level, whatever they found."""

    def joint(self, label: str, card: RcrnnCard) -> float:
        """Return the highest joint confidence in a sound, 0 if no second look was taken."""
        pairs = {(look.suspected, look.recognised) for look in self.looks if look.label == label}
        return max((card.joint(*pair) for pair in pairs), default=0.0)

    def labels(self, level: Sensitivity = Sensitivity.BALANCED) -> tuple[str, ...]:
        """Return the label of every event, in the order in which they were reported."""
        return tuple(event.label for event in self.raised[level])


class Witness:
    """A verifier's card that notes what it was asked, and the second look that is taken by it."""

    def __init__(self, card: RcrnnCard) -> None:
        """Load the model."""
        self.card = card
        self.clip_s, self.suspicion = card.clip_s, card.suspicion
        self.rcrnn = Rcrnn(card)
        self.second_look = SecondLook(self, self.rcrnn, limit_s=OFFLINE_LIMIT_S)
        self.noted: list[Look] = []

    def confirms(self, label: str, sensitivity: Sensitivity, suspected: float, recognised: float) -> bool:
        """Note a look and decide as the card does."""
        self.noted.append(Look(label, suspected, recognised))
        return self.card.confirms(label, sensitivity, suspected, recognised)


def hear_clip(card: ModelCard, clip: Clip, task: Task, witness: Witness | None = None) -> Heard:
    """Run the listener over one clip, from a fresh start and in blocks as a microphone delivers them."""
    raised: dict[Sensitivity, tuple[Raised, ...]] = {}
    scores: dict[str, float] = {}
    looks: tuple[Look, ...] = ()
    taken = 0
    second_look = None if witness is None else witness.second_look
    for level in task.levels:
        if scores and not any(scores[label] >= _least(card, witness, label, level) for label in card.labels):
            raised[level] = ()
            continue
        before = _looks(witness)
        listener = Listener(card, sensitivity=level, second_look=second_look, wait=True)
        events = []
        for start in range(0, clip.samples.size, BLOCK_SAMPLES):
            block = clip.samples[start : start + BLOCK_SAMPLES]
            events += [_raised(found, listener) for found in listener.feed(block) if found.phase is Phase.STARTED]
        events += [_raised(found, listener) for found in listener.flush() if found.phase is Phase.STARTED]
        raised[level] = tuple(events)
        scores = listener.max_scores
        if witness is not None:
            if level == task.levels[0]:
                looks, taken = tuple(witness.noted), _looks(witness) - before
            witness.noted.clear()
    return Heard(
        case=task.case,
        condition=task.condition.name,
        onset_s=clip.onset_s,
        length_s=clip.length_s,
        evidence_s=clip.evidence_s,
        scores=scores,
        raised=raised,
        looks=looks,
        taken=taken,
    )


def by_itself(witness: Witness, clip: Clip, task: Task) -> Heard:
    """Return what the R-CRNN makes of a clip without the attention model."""
    found = hear_alone(witness.card, witness.rcrnn, clip.samples)
    scores = dict.fromkeys(witness.card.labels, 0.0)
    for region in found:
        scores[region.label] = max(scores[region.label], region.confidence)
    raised = {}
    for level in task.levels:
        thresholds = {label: witness.card.thresholds[label][level] for label in witness.card.labels}
        raised[level] = tuple(Raised(e.label, e.onset_s, e.seen_s) for e in events(found, thresholds))
    return Heard(task.case, task.condition.name, clip.onset_s, clip.length_s, clip.evidence_s, scores, raised)


def _least(card: ModelCard, witness: Witness | None, label: str, level: Sensitivity) -> float:
    """Return the score below which a sound is neither reported nor suspected."""
    threshold = card.thresholds[label][level]
    return threshold if witness is None else min(threshold, witness.suspicion[label])


def _looks(witness: Witness | None) -> int:
    return 0 if witness is None else witness.second_look.standing.looks


def _raised(found: Detection, listener: Listener) -> Raised:
    return Raised(found.label, found.onset_s, listener.position_s)
