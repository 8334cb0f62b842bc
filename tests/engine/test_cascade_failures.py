"""A verifier that cannot be asked, fails, hangs or comes late silences nothing and delays only a little."""

from time import monotonic

import numpy as np
import pytest

from hearing import Phase, second_look as second_look_module
from hearing.second_look import QUEUE
from hearing.verifier import VerifierError
from tests.engine.fake_verifier import FakeCard, FakeClock
from tests.engine.suspects import CO, DOUBTFUL, GLASS, NO, SMOKE, SURE, Rig, Sound, Stream, approx, phases, yes


class TestWithoutAnswer:
    """Whatever keeps the answer away, what is reported is what would be reported without a verifier."""

    SOUNDS: tuple[Sound, ...] = (
        (SMOKE, 1.0, 9.0, SURE),
        (GLASS, 3.0, 3.5, SURE),
        (GLASS, 20.0, 20.5, DOUBTFUL),
        (GLASS, 30.0, 30.5, SURE),
    )

    @pytest.mark.parametrize("wait", [True, False])
    @pytest.mark.parametrize(
        "error", [VerifierError("down"), ValueError(), KeyError("x"), MemoryError(), SystemExit(), KeyboardInterrupt()]
    )
    def test_any_error(self, rig: Rig, error: BaseException, wait: bool) -> None:
        second_look = rig.second_look(error)
        stream = Stream(second_look, *self.SOUNDS, wait=wait)
        for until_s in range(1, 41):
            stream.play(until_s)
            rig.settle(second_look)
        assert stream.ended == [found for found in stream.without if found.phase is Phase.ENDED]
        assert {found.verified for found in stream.found} == {None}
        assert second_look.standing.failures > 3

    def test_a_verifier_that_hangs_delays_by_its_limit_and_takes_nothing_away(self, rig: Rig, clock: FakeClock) -> None:
        second_look = rig.second_look((yes(),), limit_s=2.0)
        rig.verifier.free.clear()
        stream = Stream(second_look, *self.SOUNDS)
        stream.play(1.5)
        clock.now_s += 1.99
        assert stream.play(1.5) == []
        clock.now_s += 0.02
        # The onset is the true one, however late.
        assert [(found.phase, found.onset_s) for found in stream.play(1.5)] == [(Phase.STARTED, approx(1.0))]
        for until_s in range(2, 41):
            clock.now_s += 1
            stream.play(until_s)
        assert set(stream.ended) == {found for found in stream.without if found.phase is Phase.ENDED}
        assert str(second_look.standing.failure) == "no answer within 2 s"

    def test_a_queue_that_is_full_delays_nothing(self, rig: Rig) -> None:
        second_look = rig.second_look(NO)
        rig.verifier.free.clear()
        second_look.submit(np.zeros(1, np.int16))
        assert rig.verifier.looking.wait(5)
        for _ in range(QUEUE):
            second_look.submit(np.zeros(1, np.int16))
        stream = Stream(second_look, *self.SOUNDS)
        stream.play(40)
        assert set(stream.found) == set(stream.without)

    def test_a_second_look_that_was_closed_delays_nothing(self, rig: Rig) -> None:
        second_look = rig.second_look(NO)
        second_look.close()
        stream = Stream(second_look, *self.SOUNDS)
        stream.play(40)
        assert set(stream.found) == set(stream.without)
        assert second_look.standing.failure is None

    def test_closing_in_the_middle_of_a_look_loses_nothing(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(second_look_module, "CLOSE_S", 0.1)
        second_look = rig.second_look(NO)
        rig.verifier.free.clear()
        stream = Stream(second_look, *self.SOUNDS)
        stream.play(3.5)
        assert rig.verifier.looking.wait(5)
        assert stream.found == []
        started_s = monotonic()
        second_look.close()
        stream.play(40)
        assert monotonic() - started_s < 1
        assert stream.ended == [found for found in stream.without if found.phase is Phase.ENDED]

    def test_a_sound_that_is_over_before_it_is_clear_that_nobody_answers_is_told_wholly(self, rig: Rig) -> None:
        second_look = rig.second_look(VerifierError("down"))
        rig.verifier.free.clear()
        stream = Stream(second_look, (GLASS, 1.0, 1.5, SURE))
        stream.play(10)
        assert stream.found == []
        rig.verifier.free.set()
        rig.settle(second_look)
        assert phases(stream.play(10)) == [Phase.STARTED, Phase.ENDED]
        assert stream.ended[0] == stream.without[-1]

    def test_only_suspected_and_never_answered_is_never_told(self, rig: Rig) -> None:
        stream = Stream(rig.second_look(VerifierError("down")), (SMOKE, 1.0, 9.0, DOUBTFUL), wait=True)
        stream.play(20)
        assert stream.found == []
        assert stream.cascade._candidates == []

    def test_a_no_and_then_a_failure_lets_the_sound_through_with_its_true_onset(self, rig: Rig) -> None:
        second_look = rig.second_look(NO, NO, VerifierError("down"))
        stream = Stream(second_look, (SMOKE, 1.0, 20.0, SURE), wait=True)
        stream.play(5)
        assert stream.found == []
        stream.play(30)
        assert (stream.ended[0].onset_s, stream.ended[0].offset_s) == (approx(1.0), approx(20.0))
        assert stream.ended[0].verified is None

    def test_a_failure_does_not_bring_back_what_was_refused_and_is_over(self, rig: Rig) -> None:
        second_look = rig.second_look(NO, NO, NO, NO, NO, VerifierError("down"))
        stream = Stream(second_look, (SMOKE, 1.0, 3.0, SURE), (SMOKE, 3.0, 30.0, DOUBTFUL), wait=True)
        stream.play(17)
        assert stream.without[-1].phase is Phase.ENDED
        assert len(rig.verifier.clips) == 5
        stream.play(40)
        assert len(rig.verifier.clips) > 5
        assert stream.found == []

    def test_a_failure_and_then_a_yes_before_anything_is_told_confirms(self, rig: Rig) -> None:
        second_look = rig.second_look(VerifierError("down"), (yes(onset_s=1.5),))
        stream = Stream(second_look, (SMOKE, 1.0, 12.0, DOUBTFUL), wait=True)
        stream.play(20)
        assert [(found.onset_s, found.verified) for found in stream.ended] == [(approx(1.5), True)]

    def test_a_failure_holds_for_the_rest_of_the_sound_even_if_a_later_answer_is_no(self, rig: Rig) -> None:
        second_look = rig.second_look(VerifierError("down"), NO)
        stream = Stream(second_look, (SMOKE, 1.0, 7.0, DOUBTFUL), (SMOKE, 7.0, 9.0, SURE), wait=True)
        stream.play(20)
        assert len(rig.verifier.clips) == 3
        assert stream.ended == [found for found in stream.without if found.phase is Phase.ENDED]

    def test_what_is_told_already_is_not_looked_at_any_more(self, rig: Rig) -> None:
        second_look = rig.second_look(VerifierError("down"), (yes(),))
        stream = Stream(second_look, (SMOKE, 1.0, 30.0, SURE), wait=True)
        stream.play(40)
        assert len(rig.verifier.clips) == 1
        assert {found.verified for found in stream.found} == {None}

    def test_a_yes_that_comes_late_still_confirms_what_is_not_told_yet(self, rig: Rig, clock: FakeClock) -> None:
        second_look = rig.second_look((yes(onset_s=0.8),), limit_s=2.0)
        rig.verifier.free.clear()
        stream = Stream(second_look, (SMOKE, 1.0, 9.0, DOUBTFUL))
        stream.play(2)
        assert rig.verifier.looking.wait(5)
        clock.now_s += 2
        assert stream.play(3) == []
        rig.verifier.free.set()
        rig.settle(second_look)
        stream.play(20)
        assert [(found.onset_s, found.verified) for found in stream.ended] == [(approx(0.8), True)]

    def test_a_no_that_comes_late_takes_nothing_back(self, rig: Rig, clock: FakeClock) -> None:
        second_look = rig.second_look(NO, limit_s=2.0)
        rig.verifier.free.clear()
        stream = Stream(second_look, (SMOKE, 1.0, 3.0, DOUBTFUL), (SMOKE, 3.0, 4.0, SURE))
        stream.play(2)
        assert rig.verifier.looking.wait(5)
        clock.now_s += 2
        rig.verifier.free.set()
        rig.settle(second_look)
        stream.play(20)
        assert stream.ended == [found for found in stream.without if found.phase is Phase.ENDED]

    def test_a_label_that_the_verifier_does_not_know_is_reported_as_without_it(self, rig: Rig) -> None:
        stream = Stream(rig.second_look(NO), (CO, 1.0, 9.0, SURE), (CO, 20.0, 29.0, DOUBTFUL))
        stream.play(40)
        assert stream.found == stream.without
        assert rig.verifier.clips == []

    def test_what_would_be_reported_is_always_suspected_too(self, rig: Rig) -> None:
        card = FakeCard(suspicion={"smoke_alarm": 0.99})
        stream = Stream(rig.second_look((yes(),), card=card), (SMOKE, 1.0, 2.0, 0.75), wait=True)
        stream.play(10)
        assert [found.verified for found in stream.ended] == [True]

    def test_what_is_sure_but_for_once_not_suspected_is_not_lost(self, rig: Rig) -> None:
        second_look = rig.second_look(VerifierError("down"))
        stream = Stream(second_look, (SMOKE, 1.0, 3.0, SURE), wait=True)
        # After an earlier sound both may see the window differently.
        stream.cascade._suspect._closed_until_s["smoke_alarm"] = 2.9
        stream.play(20)
        assert stream.ended == [found for found in stream.without if found.phase is Phase.ENDED]
