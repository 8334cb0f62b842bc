"""A sound that is suspected: what is heard of it, what second looks say about it, and what is told of it."""

import math
from dataclasses import dataclass, replace

from .card import Sensitivity
from .detection import Detection, Phase
from .second_look import Look
from .verifier import Region

LIKELY = 0.5
"""A region less sure than this does not confirm by itself; the sound may be told all the same."""

LEAD_S = 1.0
"""So much earlier than it was suspected a sound may begin."""

REFINED_S = 0.5
"""An onset is refined by no more than this. Regions take another beep for the first one now and then, the attention
hardly ever: of 169 alarms of the soak its onsets were within 0.1 s, those of the regions up to 1 s off."""


@dataclass(slots=True, eq=False)
class Question:
    """A second look that was asked for, and what was known then: that decides, however late the answer comes."""

    look: Look
    start_s: float
    """Stream time at which the clip begins."""

    end_s: float
    suspected: float
    """The attention's confidence."""

    sensitivity: Sensitivity
    until: float = 0.0
    """The attention's confidence before the next look was asked for."""


class Candidate:
    """One suspected sound, from its first moment to the last answer about it. Not threadsafe.

    Nothing is told of it before it is confirmed, or before a look fails: from then on it is told as it is heard without
    a verifier.
    """

    def __init__(self, found: Detection, *, alone: bool) -> None:
        """Begin with what is suspected; `alone`: no verifier is asked about it."""
        self.heard = found
        """What the attention model hears of it, as far as it has come."""
        self.questions: list[Question] = []
        """Looks that may still bring an answer, the oldest first."""
        self.look_due_s = math.inf if alone else found.onset_s
        """Stream time from which on the next look is due."""
        self.looks = 0
        """How many looks were asked for."""
        self.seen_s = found.offset_s
        """Stream time up to which it had been heard when the last look was asked for."""
        self.public = False
        """Whether anything was told of it."""
        self.sensitivity: Sensitivity | None = None
        """What was wanted when the last look that was answered was asked for; None before any answer."""
        self._alone = alone
        self._best: tuple[Region, Question] | None = None
        """Where the verifier recognises it best."""
        self._confirmed = False
        self._followers = 0
        """How many decoders follow it at the moment."""
        self._held: list[Detection] = []
        """Events that would have been told without a verifier, each as last heard; only the last may be open."""
        self._news: list[Detection] = []
        self._grown = False

    @property
    def ended(self) -> bool:
        """Whether no decoder hears it any more."""
        return not self._followers

    def suspect(self, found: Detection) -> None:
        """Take what is newly suspected of it."""
        self._followers += (found.phase is Phase.STARTED) - (found.phase is Phase.ENDED)
        offset_s, confidence = max(self.heard.offset_s, found.offset_s), max(self.heard.confidence, found.confidence)
        self._grown |= found.phase is Phase.CONTINUED
        self.heard = replace(self.heard, offset_s=offset_s, confidence=confidence)

    def believe(self, confidence: float) -> None:
        """Take how sure the attention model is of it by now."""
        if confidence > self.heard.confidence:
            self.heard = replace(self.heard, confidence=confidence)

    def wait(self) -> None:
        """Take that no look is due: what is known by now is for the one that was asked for last."""
        if self.questions:
            self.questions[-1].until = self.heard.confidence

    def hear(self, found: Detection) -> None:
        """Take what would be told of it now without a verifier."""
        # Nearly always the same is suspected, too; where it is not, the sound must not be lost.
        self.suspect(found)
        if self._confirmed:
            return
        if self._alone:
            self._tell(found)
        elif found.phase is Phase.STARTED:
            self._held.append(found)
        else:
            self._held[-1] = found
            self._forget_refused()

    @property
    def recognised(self) -> float:
        """Highest confidence of a region that can be this sound, 0 if none was found."""
        return 0.0 if self._best is None else self._best[0].confidence

    def answer(self, question: Question) -> None:
        """Take an answer."""
        self.sensitivity = question.sensitivity
        begins_s = self.heard.onset_s - LEAD_S - question.start_s
        for region in question.look.regions or ():
            possible = region.label == self.heard.label and region.offset_s > begins_s
            if possible and region.confidence > self.recognised:
                self._best = region, question

    def confirm(self) -> None:
        """Take a yes: from now on it is told, from where the best region begins."""
        self._confirmed = True
        self.questions.clear()
        self._held.clear()
        self._tell(self._as_confirmed(Phase.STARTED))
        self._grown = False

    def refuse(self) -> None:
        """Take a no: nothing is told unless a later look says otherwise or fails."""
        self._forget_refused()

    def decide_alone(self) -> None:
        """Take that there is no answer: tell what is heard without a verifier, also what was held back."""
        self._alone = True
        for found in self._held:
            self._tell(replace(found, phase=Phase.STARTED))
            if found.phase is Phase.ENDED:
                self._tell(found)
        self._held.clear()

    def news(self) -> list[Detection]:
        """Return what is to be told now."""
        if self._confirmed:
            if self.ended:
                self._tell(self._as_confirmed(Phase.ENDED))
            elif self._grown:
                self._tell(self._as_confirmed(Phase.CONTINUED))
        self._grown = False
        news, self._news = self._news, []
        return news

    def _tell(self, found: Detection) -> None:
        self.public = True
        self.questions.clear()
        self._news.append(found)

    def _forget_refused(self) -> None:
        """Forget events that are over, if no answer about them is outstanding."""
        if not self.questions:
            self._held = [found for found in self._held if found.phase is not Phase.ENDED]

    def _as_confirmed(self, phase: Phase) -> Detection:
        if self._best is None:
            # The attention model is so sure that it is told although the verifier found nothing.
            return replace(self.heard, phase=phase, verified=False, verifier_confidence=0.0)
        region, clip = self._best
        length_s = clip.end_s - clip.start_s
        onset_s = clip.start_s + min(max(0.0, region.onset_s), length_s)
        if region.onset_s <= 0 or abs(onset_s - self.heard.onset_s) > REFINED_S:
            # It begins where the verifier has not seen it, or at another beep: the attention knows better.
            onset_s = self.heard.onset_s
        seen_to_s = clip.start_s + min(max(0.0, region.offset_s), length_s)
        # What goes on behind the clip only the attention has heard.
        offset_s = seen_to_s if self.heard.offset_s <= clip.end_s else self.heard.offset_s
        return replace(
            self.heard,
            phase=phase,
            onset_s=onset_s,
            offset_s=max(onset_s, offset_s),
            verified=region.confidence >= LIKELY,
            verifier_confidence=region.confidence,
        )
