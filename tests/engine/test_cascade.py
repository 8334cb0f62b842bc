"""The cascade: what is suspected is looked at again, and only what is confirmed is reported."""

from dataclasses import replace

import pytest

from hearing import Phase, Sensitivity
from hearing.cascade import RELOOK_S, SOON_S, Cascade
from tests.engine.fake_verifier import FakeCard
from tests.engine.suspects import CARD, CERTAIN, DOUBTFUL, GLASS, NO, SMOKE, SURE, Rig, Stream, approx, at, phases, yes


class TestConfirmed:
    def test_a_doubtful_sound_is_reported_with_both_confidences_and_the_verifiers_times(self, rig: Rig) -> None:
        # The clip ends at 12.5 s, so it begins at 2.5 s.
        second_look = rig.second_look((yes(onset_s=9.4, offset_s=9.9, confidence=0.8),))
        stream = Stream(second_look, (SMOKE, 12.0, 12.3, DOUBTFUL), wait=True)
        stream.play(30)
        assert stream.without == []
        assert phases(stream.found) == [Phase.STARTED, Phase.ENDED]
        ended = stream.ended[0]
        assert (ended.onset_s, ended.offset_s) == (approx(11.9), approx(12.4))
        assert (ended.confidence, ended.verified, ended.verifier_confidence) == (approx(DOUBTFUL), True, 0.8)
        assert at(rig.verifier.clips[0]) == (approx(2.5), approx(12.5))
        assert second_look.standing.confirmed == 1

    def test_it_goes_on_and_ends_with_the_suspicion(self, rig: Rig) -> None:
        stream = Stream(rig.second_look((yes(onset_s=0.2, offset_s=0.4),)), (SMOKE, 0.1, 8.0, DOUBTFUL), wait=True)
        stream.play(20)
        assert phases(stream.found)[:2] == [Phase.STARTED, Phase.CONTINUED]
        assert stream.found[0].offset_s == approx(0.4)
        assert (stream.ended[0].onset_s, stream.ended[0].offset_s) == (approx(0.2), approx(8.0))
        assert len(rig.verifier.clips) == 1

    def test_its_confidence_is_the_highest_that_the_attention_had(self, rig: Rig) -> None:
        stream = Stream(rig.second_look((yes(),)), (SMOKE, 1.0, 3.0, DOUBTFUL), (SMOKE, 3.0, 4.0, SURE), wait=True)
        stream.play(10)
        assert (stream.found[0].confidence, stream.ended[0].confidence) == (approx(DOUBTFUL), approx(SURE))

    def test_of_several_regions_the_best_of_its_own_sound_at_its_own_time_counts(self, rig: Rig) -> None:
        regions = (
            yes("co_alarm", 8.0, 9.9, 0.99),
            yes("smoke_alarm", 1.0, 3.0, 0.98),  # long before
            yes("smoke_alarm", 8.0, 8.7, 0.6),
            yes("smoke_alarm", 8.6, 9.9, 0.7),
        )
        stream = Stream(rig.second_look(regions), (SMOKE, 12.0, 12.3, DOUBTFUL), wait=True)
        stream.play(20)
        assert stream.ended[0].verifier_confidence == 0.7

    @pytest.mark.parametrize(("ends_s", "reported"), [(8.45, False), (8.55, True)])
    def test_a_region_may_end_up_to_a_second_before_the_suspicion_begins(
        self, rig: Rig, ends_s: float, reported: bool
    ) -> None:
        # The suspicion begins at 12.0 s of the stream, 9.5 s into the clip.
        second_look = rig.second_look((yes(onset_s=8.0, offset_s=ends_s),), NO)
        stream = Stream(second_look, (SMOKE, 12.0, 12.3, DOUBTFUL), wait=True)
        stream.play(20)
        assert bool(stream.ended) is reported

    def test_a_region_that_reaches_out_of_the_clip_says_nothing_about_the_beginning(self, rig: Rig) -> None:
        # The first looks say no; the clip of the fifth begins behind the alarm's first beep.
        answers = (NO, NO, NO, NO, (yes(onset_s=-1.0, offset_s=11.0),))
        stream = Stream(rig.second_look(*answers), (SMOKE, 1.0, 16.0, DOUBTFUL), wait=True)
        stream.play(30)
        assert at(rig.verifier.clips[4])[0] > 1.0
        assert (stream.ended[0].onset_s, stream.ended[0].offset_s) == (approx(1.0), approx(16.0))

    def test_a_short_stream_gives_a_short_clip_whose_times_are_right(self, rig: Rig) -> None:
        second_look = rig.second_look((yes(onset_s=0.9, offset_s=1.4),))
        stream = Stream(second_look, (SMOKE, 1.0, 1.4, DOUBTFUL), wait=True)
        stream.play(10)
        assert at(rig.verifier.clips[0]) == (0.0, approx(1.5))
        assert (stream.ended[0].onset_s, stream.ended[0].offset_s) == (approx(0.9), approx(1.4))

    @pytest.mark.parametrize(("sensitivity", "reported"), [("low", False), ("balanced", True), ("high", True)])
    def test_sensitivity_decides_about_a_doubtful_answer(self, rig: Rig, sensitivity: str, reported: bool) -> None:
        stream = Stream(rig.second_look((yes(confidence=0.6),)), (SMOKE, 1.0, 2.0, SURE), wait=True)
        stream.cascade.sensitivity = Sensitivity(sensitivity)
        stream.play(10)
        assert bool(stream.ended) is reported

    def test_a_sensitivity_that_is_changed_meanwhile_is_for_the_next_sound(self, rig: Rig) -> None:
        second_look = rig.second_look((yes(confidence=0.6),))
        rig.verifier.free.clear()
        stream = Stream(second_look, (SMOKE, 1.0, 2.0, SURE), (SMOKE, 15.0, 16.0, SURE))
        stream.play(1.5)
        stream.cascade.sensitivity = Sensitivity.LOW
        rig.verifier.free.set()
        rig.settle(second_look)
        stream.play(14)
        assert [found.verified for found in stream.ended] == [True]
        stream.play(15.5)
        rig.settle(second_look)
        stream.play(30)
        assert len(stream.ended) == 1

    def test_two_sounds_at_once_are_looked_at_each_by_itself(self, rig: Rig) -> None:
        second_look = rig.second_look((yes("glass_break"),))
        stream = Stream(second_look, (SMOKE, 1.0, 2.0, SURE), (GLASS, 1.0, 1.5, SURE), wait=True)
        stream.play(20)
        assert [found.label for found in stream.ended] == ["glass_break"]
        assert len(rig.verifier.clips) == 3  # the smoke alarm twice


class TestRefused:
    def test_what_the_verifier_does_not_recognise_has_no_public_life(self, rig: Rig) -> None:
        stream = Stream(rig.second_look(NO), (SMOKE, 1.0, 3.0, SURE), wait=True)
        stream.play(20)
        assert len(stream.without) > 2
        assert stream.found + stream.flush() == []

    def test_an_alarm_that_goes_on_is_looked_at_again_every_few_seconds_until_it_is_confirmed(self, rig: Rig) -> None:
        second_look = rig.second_look(NO, NO, (yes(onset_s=4.0),))
        stream = Stream(second_look, (SMOKE, 1.0, 30.0, SURE), wait=True)
        stream.play(40)
        ends = [at(clip)[1] for clip in rig.verifier.clips]
        assert ends == [approx(1.5), approx(1.5 + SOON_S), approx(1.5 + SOON_S + RELOOK_S)]
        # The region begins with another beep than the first: the attention's onset stays.
        assert (stream.ended[0].onset_s, stream.ended[0].offset_s) == (approx(1.0), approx(30.0))
        assert stream.ended[0].verified is True

    def test_a_sound_of_which_the_attention_is_certain_is_told_whatever_the_verifier_says(self, rig: Rig) -> None:
        stream = Stream(rig.second_look(NO), (SMOKE, 1.0, 3.0, CERTAIN), wait=True)
        stream.play(20)
        assert [(found.verified, found.verifier_confidence) for found in stream.ended] == [(False, 0.0)]

    def test_it_is_not_looked_at_again_when_nothing_more_is_heard_of_it(self, rig: Rig) -> None:
        card = replace(CARD, decoder=replace(CARD.decoder, release_s=30.0))
        stream = Stream(rig.second_look(NO), (SMOKE, 1.0, 2.0, SURE), wait=True)
        stream.cascade = Cascade(card, Sensitivity.BALANCED, rig.second_look(NO), stream.ring, wait=True)
        stream.play(20)
        assert len(rig.verifier.clips) == 2

    def test_a_new_sound_behind_a_refused_one_has_its_own_chance(self, rig: Rig) -> None:
        second_look = rig.second_look(NO, NO, (yes(onset_s=9.0),))
        stream = Stream(second_look, (SMOKE, 1.0, 2.0, SURE), (SMOKE, 20.0, 21.0, SURE), wait=True)
        stream.play(40)
        assert [round(found.onset_s, 1) for found in stream.ended] == [19.5]

    def test_what_was_refused_is_reported_when_the_attention_model_becomes_sure_enough(self, rig: Rig) -> None:
        class Weighing(FakeCard):
            def confirms(self, label: str, sensitivity: Sensitivity, suspected: float, recognised: float) -> bool:
                return suspected + recognised >= 1.2

        second_look = rig.second_look((yes(onset_s=0.6, confidence=0.4),), card=Weighing())
        stream = Stream(second_look, (SMOKE, 1.0, 3.0, DOUBTFUL), (SMOKE, 3.0, 4.0, SURE), wait=True)
        stream.play(3.0)
        assert stream.found == []
        stream.play(20)
        (ended,) = stream.ended
        assert (ended.onset_s, ended.confidence) == (approx(0.6), approx(SURE))
        # Both together are sure enough, the verifier by itself is not.
        assert (ended.verified, ended.verifier_confidence) == (False, 0.4)

    def test_what_the_verifier_does_not_find_keeps_its_times_if_it_is_reported_all_the_same(self, rig: Rig) -> None:
        class Weighing(FakeCard):
            def confirms(self, label: str, sensitivity: Sensitivity, suspected: float, recognised: float) -> bool:
                return suspected + recognised >= 0.9

        stream = Stream(rig.second_look(NO, card=Weighing()), (SMOKE, 1.0, 3.0, SURE), wait=True)
        stream.play(20)
        (ended,) = stream.ended
        assert (ended.onset_s, ended.offset_s) == (approx(1.0), approx(3.0))
        assert (ended.verified, ended.verifier_confidence) == (False, 0.0)

    def test_hours_of_something_suspicious_take_no_more_memory(self, rig: Rig) -> None:
        stream = Stream(rig.second_look(NO), (SMOKE, 1.0, 95.0, SURE), wait=True)
        stream.play(90)
        (candidate,) = stream.cascade._candidates
        assert len(candidate.questions) + len(candidate._held) + len(candidate._news) <= 1
