"""The cascade while a microphone is heard: late answers, the same events as offline, one second look for all."""

from collections.abc import Callable
from threading import Thread, Timer
from time import monotonic, sleep, thread_time

import numpy as np
import pytest
from numpy.typing import NDArray

from hearing import Detection, Listener, ModelCard, Phase, Sensitivity
from hearing.attention import Scores
from hearing.card import ATTENTION_CARD
from hearing.features import Block
from hearing.rcrnn import Rcrnn
from hearing.rcrnn_card import RCRNN_CARD, RcrnnCard
from hearing.second_look import SecondLook
from hearing.verifier import Region, VerifierError
from tests.certainty import never_certain
from tests.engine.fake_verifier import FakeCard
from tests.engine.suspects import DOUBTFUL, GLASS, NO, SMOKE, STEP_S, SURE, WINDOW, Rig, Sound, Stream, phases, yes
from tests.engine.test_listener import RECORDINGS, recording


class TestLive:
    def test_an_answer_is_told_with_the_next_block_without_new_scores(self, rig: Rig) -> None:
        second_look = rig.second_look((yes(),))
        rig.verifier.free.clear()
        stream = Stream(second_look, (SMOKE, 1.0, 2.0, SURE))
        assert stream.play(1.5) == []
        rig.verifier.free.set()
        rig.settle(second_look)
        assert phases(stream.cascade.collect()) == [Phase.STARTED]
        assert stream.cascade.collect() == []

    def test_the_end_of_the_stream_waits_for_the_answer(self, rig: Rig) -> None:
        second_look = rig.second_look((yes(),))
        rig.verifier.free.clear()
        stream = Stream(second_look, (SMOKE, 1.0, 2.0, SURE))
        stream.play(1.5)
        thread = Timer(0.1, rig.verifier.free.set)
        thread.start()
        assert [(found.phase, found.verified) for found in stream.flush()] == [
            (Phase.STARTED, True),
            (Phase.ENDED, True),
        ]
        thread.join()

    def test_a_sound_and_the_next_one_may_both_wait_for_their_answers(self, rig: Rig) -> None:
        second_look = rig.second_look(NO, NO, (yes("glass_break", 7.0, 10.0),))
        rig.verifier.free.clear()
        stream = Stream(second_look, (GLASS, 1.0, 1.5, SURE), (GLASS, 12.0, 12.5, SURE))
        stream.play(16)
        assert stream.found == []
        rig.verifier.free.set()
        rig.settle(second_look)
        assert phases(stream.play(16)) == [Phase.STARTED, Phase.ENDED]
        assert stream.ended[0].offset_s > 12

    def test_offline_and_live_report_the_same_whatever_the_answers_and_their_delays(self, rig: Rig) -> None:
        rng = np.random.default_rng(5)
        reported = 0
        for _ in range(8):
            sounds = made_up_sounds(rng)
            offline = Stream(rig.second_look(by_content), *sounds, wait=True)
            offline.play(70)
            offline.flush()
            second_look = rig.second_look(by_content)
            live = Stream(second_look, *sounds)
            until_s = 0.0
            while until_s < 70:
                rig.verifier.free.clear()
                until_s += rng.uniform(0.1, 3.0)
                live.play(min(until_s, 70))
                rig.verifier.free.set()
                rig.settle(second_look)
            live.flush()
            assert as_set(live.ended) == as_set(offline.ended)
            reported += len(live.ended)
        assert reported > 20

    def test_streams_in_threads_of_their_own_share_one_second_look(self, rig: Rig) -> None:
        rng = np.random.default_rng(6)
        sounds = [made_up_sounds(rng) for _ in range(4)]
        alone = []
        for events in sounds:
            stream = Stream(rig.second_look(by_content), *events, wait=True)
            stream.play(70)
            alone.append(as_set(stream.ended))
        second_look = rig.second_look(by_content)
        streams = [Stream(second_look, *events, wait=True) for events in sounds]
        threads = [Thread(target=stream.play, args=(70,)) for stream in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [as_set(stream.ended) for stream in streams] == alone


def made_up_sounds(rng: np.random.Generator) -> list[Sound]:
    """Return smoke and glass of all lengths and levels within 65 s."""
    sounds = []
    for label in (GLASS, SMOKE):
        from_s = rng.uniform(0, 8)
        while from_s < 65:
            to_s = min(65.0, from_s + rng.choice([0.3, 2.0, 7.0, 18.0]))
            sounds.append((label, round(from_s, 1), round(to_s, 1), float(rng.choice([DOUBTFUL, 0.8, SURE]))))
            from_s = to_s + rng.choice([0.5, 2.0, 6.0, 15.0])
    return sounds


def by_content(clip: Block) -> tuple[Region, ...]:
    """Answer by the clip alone: no, yes in all grades, or a failure."""
    number = int(clip[-1]) * 7 % 10
    if number < 2:
        raise VerifierError("down")
    return (yes("smoke_alarm", 9.0, 9.5, number / 10), yes("glass_break", 8.0, 9.8, 1 - number / 10))


def as_set(ended: list[Detection]) -> set[Detection]:
    assert len(set(ended)) == len(ended)
    return set(ended)


class TestListener:
    """With the shipped attention model on the bundled recordings."""

    REAL = ModelCard.load(ATTENTION_CARD)

    @pytest.fixture
    def card(self) -> FakeCard:
        return FakeCard(clip_s=10.24, suspicion=dict.fromkeys(self.REAL.labels, 0.1))

    def hear(self, listener: Listener, samples: NDArray[np.int16], block: int = 1_600) -> list[Detection]:
        blocks = [samples[start : start + block] for start in range(0, samples.size, block)]
        return [found for piece in blocks for found in listener.feed(piece)] + listener.flush()

    @pytest.mark.parametrize(("name", "label"), RECORDINGS.items())
    def test_what_is_confirmed_is_heard(self, rig: Rig, card: FakeCard, name: str, label: str) -> None:
        second_look = rig.second_look((yes(label, 0.0, 11.0, 0.8),), card=card)
        found = self.hear(Listener(self.REAL, second_look=second_look, wait=True), recording(name))
        assert [d.phase for d in found if d.phase is not Phase.CONTINUED] == [Phase.STARTED, Phase.ENDED]
        assert {(d.label, d.verified, d.verifier_confidence) for d in found} == {(label, True, 0.8)}

    @pytest.mark.parametrize("shift", [0, 1_500, 3_000, 4_500])
    def test_the_shipped_pair_hears_a_pane_that_breaks_a_second_after_a_smoke_alarm(self, shift: int) -> None:
        shipped = RcrnnCard.load(RCRNN_CARD)
        smoke, pane, gap = recording("smoke_alarm_t3"), recording("glass_break"), np.zeros(16_000, np.int16)
        with SecondLook(shipped, Rcrnn(shipped), limit_s=30) as second_look:
            listener = Listener(self.REAL, second_look=second_look, wait=True)
            found = self.hear(listener, np.concatenate([gap, gap[:shift], smoke, gap, pane, gap, gap]))
        assert [each.label for each in found if each.phase is Phase.STARTED] == ["smoke_alarm", "glass_break"]

    @pytest.mark.parametrize("name", RECORDINGS)
    def test_a_verifier_that_always_fails_leaves_what_is_heard_without_one(
        self, rig: Rig, card: FakeCard, name: str
    ) -> None:
        second_look = rig.second_look(VerifierError("down"), card=card)
        alone = self.hear(Listener(self.REAL), recording(name))
        failing = self.hear(Listener(self.REAL, second_look=second_look, wait=True), recording(name))
        ended = [[found for found in heard if found.phase is Phase.ENDED] for heard in (alone, failing)]
        assert ended[0] == ended[1] != []

    def test_a_refusal_silences_every_recording_of_which_the_model_is_not_certain(
        self, rig: Rig, card: FakeCard
    ) -> None:
        second_look = rig.second_look(NO, card=card)
        for name in RECORDINGS:
            listener = Listener(never_certain(self.REAL), second_look=second_look, wait=True)
            assert self.hear(listener, recording(name)) == []
            assert max(listener.max_scores.values()) > 0.3

    @pytest.mark.parametrize("block", [160, 1_600, 40_000])
    def test_live_in_any_blocks_gives_what_offline_gives(self, rig: Rig, card: FakeCard, block: int) -> None:
        samples = np.concatenate([recording(name) for name in RECORDINGS])

        def answer(clip: Block) -> tuple[Region, ...]:
            energy = float(np.abs(clip.astype(float)).mean())
            return tuple(Region(label, 2.0, 9.0, energy % 1) for label in self.REAL.labels)

        offline = self.hear(Listener(self.REAL, second_look=rig.second_look(answer, card=card), wait=True), samples)
        second_look = rig.second_look(answer, card=card)
        listener = Listener(self.REAL, second_look=second_look)
        live: list[Detection] = []
        for start in range(0, samples.size, block):
            live += listener.feed(samples[start : start + block])
            rig.settle(second_look)
        live += listener.flush()
        ended = [{found for found in heard if found.phase is Phase.ENDED} for heard in (offline, live)]
        assert ended[0] == ended[1]

    def test_the_silence_that_ends_a_stream_is_not_shown_to_the_verifier(self, rig: Rig, card: FakeCard) -> None:
        # So much of it that only its end makes it suspect.
        cut = recording("glass_break")[:12_000]
        listener = Listener(self.REAL, second_look=rig.second_look(NO, card=card), wait=True)
        assert listener.feed(cut) == []
        assert rig.verifier.clips == []
        listener.flush()
        (clip,) = rig.verifier.clips
        assert np.array_equal(clip, cut)

    def test_a_recording_waits_for_each_answer(self, rig: Rig, card: FakeCard) -> None:
        def answer(_: Block) -> tuple[Region, ...]:
            sleep(0.2)
            return (yes("smoke_alarm", 0.0, 11.0),)

        listener = Listener(self.REAL, second_look=rig.second_look(answer, card=card), wait=True)
        assert listener.feed(recording("smoke_alarm_t3"))[0].verified is True

    def test_an_answer_is_told_with_the_next_block_of_a_microphone(self, rig: Rig, card: FakeCard) -> None:
        second_look = rig.second_look((yes("smoke_alarm", 0.0, 11.0),), card=card)
        listener = Listener(self.REAL, second_look=second_look)
        rig.verifier.free.clear()
        for block in np.array_split(recording("smoke_alarm_t3"), 120):
            assert listener.feed(block) == []
            if second_look.standing.looks:
                break
        rig.verifier.free.set()
        rig.settle(second_look)
        assert phases(listener.feed(np.zeros(1, np.int16))) == [Phase.STARTED]

    def test_waiting_for_an_answer_does_not_hold_up_other_listeners(self, rig: Rig, card: FakeCard) -> None:
        second_look = rig.second_look(NO, card=card)
        rig.verifier.free.clear()
        waiting = Listener(self.REAL, second_look=second_look, wait=True)
        thread = Thread(target=self.hear, args=(waiting, recording("smoke_alarm_t3")))
        thread.start()
        assert rig.verifier.looking.wait(10)
        started_s = monotonic()
        assert self.hear(Listener(self.REAL), recording("glass_break")) != []
        assert monotonic() - started_s < 10, "less than the limit of the second look"
        assert thread.is_alive()
        rig.verifier.free.set()
        thread.join(10)
        assert not thread.is_alive()

    def test_sensitivity_reaches_both_decoders(self, rig: Rig, card: FakeCard) -> None:
        listener = Listener(self.REAL, sensitivity=Sensitivity.LOW, second_look=rig.second_look(NO, card=card))
        assert listener.sensitivity is Sensitivity.LOW
        listener.sensitivity = Sensitivity.HIGH
        assert listener.sensitivity is Sensitivity.HIGH


def test_the_second_decoder_is_nearly_free(rig: Rig) -> None:
    """Both share what takes time: the clip probability of the whole window."""
    stream = Stream(rig.second_look(NO))
    scores = Scores(0.0, STEP_S, stream.logits[:WINDOW])
    alone, both = (min(cpu_s(push, scores) for _ in range(20)) for push in (stream.sure.push, stream.cascade.push))
    assert both < 2 * alone


def cpu_s(push: Callable[[Scores], object], scores: Scores) -> float:
    started_s = thread_time()
    for _ in range(20):
        push(scores)
    return thread_time() - started_s
