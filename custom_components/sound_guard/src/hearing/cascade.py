"""The cascade: what the attention model suspects, a verifier takes a second look at, and both decide together.

A verifier that does not answer silences nothing: then the attention model alone decides, as it does without one.
"""

import math
from dataclasses import replace

from .attention import Scores, clip_probability
from .candidate import Candidate, Question
from .card import ModelCard, Sensitivity
from .decoder import Decoder
from .detection import Detection
from .ring import Ring
from .second_look import SecondLook, Status

SOON_S = 0.5
"""Seconds of sound after which a suspicion is looked at again: the first look saw hardly more than its beginning."""

RELOOK_S = 4.0
"""The same for all further ones: an alarm whose first beeps were unclear must not be refused for good."""


class Cascade:
    """Follows the events of one stream. Not threadsafe, except that `sensitivity` may be set at any time."""

    def __init__(
        self, card: ModelCard, sensitivity: Sensitivity, second_look: SecondLook, ring: Ring, *, wait: bool = False
    ) -> None:
        """Start with nothing suspected; `ring` holds the stream. With `wait` every answer is waited for."""
        self.heard_s = math.inf
        """Where the sound ends; what the ring holds behind it only pushes it through."""
        self._suspicion = second_look.card.suspicion
        thresholds = {
            label: {level: min(sure, self._suspicion.get(label, math.inf)) for level, sure in levels.items()}
            for label, levels in card.thresholds.items()
        }
        self._sure = Decoder(card, sensitivity)
        """What would be reported without a verifier."""
        self._suspect = Decoder(replace(card, thresholds=thresholds), sensitivity)
        self._certain = {label: levels[Sensitivity.LOW] for label, levels in card.thresholds.items()}
        """From here on the attention model is so sure that no verifier is to keep it from telling."""
        self._pooling = card.decoder.pooling
        self._second_look = second_look
        self._ring = ring
        self._wait = wait
        self._rate_hz = card.features.sample_rate_hz
        self._open: dict[str, Candidate] = {}
        self._candidates: list[Candidate] = []
        """All that are open, or have ended and wait for an answer."""

    @property
    def sensitivity(self) -> Sensitivity:
        """How readily sounds are reported."""
        return self._sure.sensitivity

    @sensitivity.setter
    def sensitivity(self, sensitivity: Sensitivity) -> None:
        self._sure.sensitivity = self._suspect.sensitivity = sensitivity

    @property
    def max_scores(self) -> dict[str, float]:
        """Highest clip probability so far, per label."""
        return self._sure.max_scores

    def push(self, scores: Scores) -> list[Detection]:
        """Take the newest scores, whose sound is in the ring, and return what is new."""
        pooled: list[float] = clip_probability(scores.logits, self._pooling).tolist()
        self._follow(self._suspect.push(scores, pooled), self._sure.push(scores, pooled))
        return self.collect()

    def collect(self) -> list[Detection]:
        """Return what answers have brought since the last scores; without any candidate it costs nothing."""
        return self._collect(wait=self._wait) if self._candidates else []

    def flush(self) -> list[Detection]:
        """Return the end of every event, as soon as all answers are there or overdue."""
        self._follow(self._suspect.flush(), self._sure.flush())
        return self._collect(wait=True)

    def _follow(self, suspected: list[Detection], sure: list[Detection]) -> None:
        for found in suspected:
            self._candidate_for(found).suspect(found)
        for found in sure:
            self._candidate_for(found).hear(found)
        for label, candidate in tuple(self._open.items()):
            candidate.believe(max(decoder.confidence(label) for decoder in (self._suspect, self._sure)))
            if candidate.ended:
                del self._open[label]
            if candidate.ended or candidate.public or not self._asked(candidate):
                candidate.wait()

    def _candidate_for(self, found: Detection) -> Candidate:
        candidate = self._open.get(found.label)
        if candidate is None:
            # What the verifier does not know, it is not asked about.
            candidate = self._open[found.label] = Candidate(found, alone=found.label not in self._suspicion)
            self._candidates.append(candidate)
        return candidate

    def _asked(self, candidate: Candidate) -> bool:
        """Hand in the newest sound of a candidate if a look is due; return whether it was."""
        end_s, heard = min(self._ring.position_s, self.heard_s), candidate.heard
        if end_s < candidate.look_due_s or (candidate.looks > 1 and heard.offset_s <= candidate.seen_s):
            return False
        candidate.look_due_s = end_s + (RELOOK_S if candidate.looks else SOON_S)
        candidate.looks += 1
        candidate.seen_s = heard.offset_s
        samples = self._ring.read(end_s - self._second_look.card.clip_s, end_s)
        start_s = end_s - samples.size / self._rate_hz
        look = self._second_look.submit(samples)
        candidate.questions.append(Question(look, start_s, end_s, heard.confidence, self.sensitivity))
        return True

    def _collect(self, *, wait: bool) -> list[Detection]:
        news, candidates = [], []
        for candidate in self._candidates:
            awaited = self._consult(candidate, wait=wait)
            news += candidate.news()
            if awaited or not candidate.ended:
                candidates.append(candidate)
        self._candidates = candidates
        return news

    def _consult(self, candidate: Candidate, *, wait: bool) -> bool:
        """Take the answers about a candidate in the order of the questions; return whether one is still awaited."""
        for question in tuple(candidate.questions):
            status = self._second_look.status(question.look, wait=wait)
            if status is Status.WAITING:
                return True
            if question.look.done.is_set():
                candidate.questions.remove(question)
            if question.look.regions is not None:
                # Also an answer that comes late.
                candidate.answer(question)
                self._decide(candidate, question.suspected)
                # What was refused may have become clearer before it was looked at again.
                self._decide(candidate, question.until)
            if status is Status.FAILED and not candidate.public:
                candidate.decide_alone()
            if candidate.public:
                return False
        self._decide(candidate, candidate.heard.confidence)
        return False

    def _decide(self, candidate: Candidate, suspected: float) -> None:
        """Confirm a candidate if both models together are sure enough, or the attention model is certain."""
        if candidate.public or candidate.sensitivity is None:
            return
        confirms, label = self._second_look.card.confirms, candidate.heard.label
        is_joint = confirms(label, candidate.sensitivity, suspected, candidate.recognised)
        if is_joint or suspected >= self._certain[label]:
            self._second_look.count_confirmed()
            candidate.confirm()
        else:
            candidate.refuse()
