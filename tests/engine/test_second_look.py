"""Second looks: every look ends within its limit, whatever the verifier does, and its failures are told once."""

import logging
import threading
from collections.abc import Iterator
from threading import Event, Thread
from time import monotonic

import numpy as np
import pytest

from hearing import second_look as module
from hearing.second_look import CROWDED, LATE, QUEUE, Look, SecondLook, Standing, Status
from hearing.verifier import Failure, Region, VerifierError
from tests.engine.fake_verifier import FakeCard, FakeClock, FakeVerifier

CLIP = np.zeros(1_600, np.int16)
REGION = Region("smoke_alarm", 0.0, 0.1, 0.9)


class Desk:
    """A second look with everything it tells."""

    def __init__(self, verifier: FakeVerifier) -> None:
        self.verifier = verifier
        self.told: list[Standing] = []
        self.second_look = SecondLook(FakeCard(), verifier, limit_s=20.0, told=self.told.append)

    def look(self) -> tuple[Look, Status]:
        look = self.second_look.submit(CLIP)
        return look, self.second_look.status(look, wait=True)

    def failures(self) -> list[str | None]:
        """What was told until now, once the thread has told all."""
        self.second_look.close()
        return [standing.failure.message if standing.failure else None for standing in self.told]


@pytest.fixture
def verifier() -> Iterator[FakeVerifier]:
    """A verifier that recognises a smoke alarm; no thread of a second look outlives the test."""
    before = set(threading.enumerate())
    fake = FakeVerifier((REGION,))
    yield fake
    fake.free.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def desk(verifier: FakeVerifier) -> Iterator[Desk]:
    made = Desk(verifier)
    yield made
    verifier.free.set()
    made.second_look.close()


def wait_until(what: Event) -> None:
    assert what.wait(5)


def test_a_clip_is_shown_to_the_verifier_in_a_thread_of_its_own(desk: Desk) -> None:
    threads = []

    def answer(_: object) -> tuple[Region, ...]:
        threads.append(threading.current_thread())
        return (REGION,)

    desk.verifier.answers = [answer]
    for _ in range(2):
        look, status = desk.look()
        assert (status, look.regions) == (Status.ANSWERED, (REGION,))
    assert desk.verifier.clips[0] is CLIP
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()
    assert desk.second_look.standing == Standing("local", None, looks=2)
    assert desk.told == []


def test_there_is_no_thread_before_the_first_look(desk: Desk) -> None:
    before = threading.active_count()
    assert Desk(desk.verifier).second_look.close()
    assert threading.active_count() == before


def test_handing_in_does_not_wait_for_the_answer(desk: Desk) -> None:
    desk.verifier.free.clear()
    started_s = monotonic()
    look = desk.second_look.submit(CLIP)
    assert desk.second_look.status(look) is Status.WAITING
    assert monotonic() - started_s < 1
    desk.verifier.free.set()
    assert desk.second_look.status(look, wait=True) is Status.ANSWERED


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (VerifierError("the other machine is switched off."), "the other machine is switched off."),
        (ValueError("odd"), "ValueError: odd"),
        (OSError("http://anna:secret@10.0.0.7/v1 gave up"), "OSError: http://***@10.0.0.7/… gave up"),
        (MemoryError(), "MemoryError: "),
        (SystemExit(1), "SystemExit: 1"),
    ],
)
def test_whatever_the_verifier_raises_is_a_failed_look_and_the_next_one_is_taken(
    desk: Desk, error: BaseException, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk.verifier.answers = [error, (REGION,)]
    look, status = desk.look()
    assert (status, look.regions) == (Status.FAILED, None)
    assert desk.look()[1] is Status.ANSWERED
    assert desk.failures() == [failure, None]
    assert desk.second_look.standing == Standing("local", None, looks=2, failures=1)
    assert "secret" not in caplog.text


def test_an_outage_is_told_and_logged_once_and_so_is_its_end(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    down, other = VerifierError("down."), VerifierError("wrong token.")
    desk.verifier.answers = [down, down, other, down, (REGION,), (REGION,), down, (REGION,)]
    for _ in range(8):
        desk.look()
    assert desk.failures() == ["down.", "wrong token.", "down.", None, "down.", None]
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "INFO", "WARNING", "INFO"]
    assert "Sounds are reported without a second look: down." in caplog.text
    assert desk.second_look.standing.failures == 5


def test_an_unexpected_error_is_logged_with_its_trace(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.verifier.answers = [ZeroDivisionError("inside")]
    desk.look()
    desk.look()
    assert caplog.text.count("Traceback") == 1
    assert "in verify" in caplog.text


def test_an_answer_after_the_limit_is_a_failure_and_still_there_to_be_seen(desk: Desk, clock: FakeClock) -> None:
    desk.verifier.free.clear()
    look = desk.second_look.submit(CLIP)
    wait_until(desk.verifier.looking)
    clock.now_s += 19.9
    assert desk.second_look.status(look) is Status.WAITING
    clock.now_s += 0.1
    assert desk.second_look.status(look, wait=True) is Status.FAILED
    assert (look.regions, look.done.is_set()) == (None, False)
    assert str(desk.second_look.standing.failure) == "no answer within 20 s", "though the verifier still hangs"
    desk.verifier.free.set()
    wait_until(look.done)
    assert desk.second_look.status(look) is Status.FAILED
    assert look.regions == (REGION,)
    assert desk.failures() == ["no answer within 20 s"]
    assert desk.told[0].failure == Failure(LATE, "no answer within 20 s", detail="20 s")
    assert desk.second_look.standing.failures == 1


def test_that_an_answer_is_late_is_told_though_nobody_has_waited_for_it(desk: Desk, clock: FakeClock) -> None:
    desk.verifier.free.clear()
    look = desk.second_look.submit(CLIP)
    wait_until(desk.verifier.looking)
    clock.now_s += 20
    desk.verifier.free.set()
    wait_until(look.done)
    assert desk.second_look.status(look) is Status.FAILED
    assert desk.failures() == ["no answer within 20 s"]


def test_an_answer_in_time_is_one_however_late_it_is_fetched(desk: Desk, clock: FakeClock) -> None:
    look = desk.second_look.submit(CLIP)
    wait_until(look.done)
    clock.now_s += 1_000
    assert desk.second_look.status(look) is Status.ANSWERED


def test_waiting_ends_with_the_limit(verifier: FakeVerifier) -> None:
    verifier.free.clear()
    with SecondLook(FakeCard(), verifier, limit_s=0.05) as second_look:
        started_s = monotonic()
        assert second_look.status(second_look.submit(CLIP), wait=True) is Status.FAILED
        assert 0.05 <= monotonic() - started_s < 2
        verifier.free.set()


def test_what_has_waited_too_long_is_not_looked_at_any_more(desk: Desk, clock: FakeClock) -> None:
    desk.verifier.free.clear()
    first, second = desk.second_look.submit(CLIP), desk.second_look.submit(CLIP)
    wait_until(desk.verifier.looking)
    clock.now_s += 20
    desk.verifier.free.set()
    wait_until(second.done)
    assert first.done.is_set()
    assert second.failed
    assert len(desk.verifier.clips) == 1
    assert desk.look()[1] is Status.ANSWERED


def test_a_full_queue_refuses_at_once(desk: Desk) -> None:
    desk.verifier.free.clear()
    first = desk.second_look.submit(CLIP)
    wait_until(desk.verifier.looking)
    waiting = [desk.second_look.submit(CLIP) for _ in range(QUEUE)]
    refused = desk.second_look.submit(CLIP)
    assert desk.second_look.status(refused) is Status.FAILED
    assert [standing.failure for standing in desk.told] == [Failure(CROWDED, "too many sounds wait for a second look")]
    desk.verifier.free.set()
    assert {desk.second_look.status(look, wait=True) for look in (first, *waiting)} == {Status.ANSWERED}
    assert len(desk.verifier.clips) == 1 + QUEUE
    assert desk.failures()[-1] is None


def test_a_thread_that_cannot_be_started_is_a_failure(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThread(Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(module, "Thread", NoThread)
        assert desk.look()[1] is Status.FAILED
    assert desk.look()[1] is Status.ANSWERED
    assert desk.failures() == ["no thread could be started: can't start new thread", None]


def test_someone_who_cannot_be_told_does_no_harm(verifier: FakeVerifier, caplog: pytest.LogCaptureFixture) -> None:
    def told(_: Standing) -> None:
        raise RuntimeError("the event loop is closed")

    verifier.answers = [VerifierError("down."), (REGION,)]
    with SecondLook(FakeCard(), verifier, told=told) as second_look:
        looks = [second_look.submit(CLIP) for _ in range(2)]
        assert [second_look.status(look, wait=True) for look in looks] == [Status.FAILED, Status.ANSWERED]
    assert "could not be told" in caplog.text


def test_many_threads_get_each_its_own_answer(desk: Desk) -> None:
    desk.verifier.answers = [lambda clip: (Region("smoke_alarm", 0, 1, float(clip[0])),)]
    answers: dict[int, float | None] = {}

    def ask(number: int) -> None:
        for mark in range(40 * number, 40 * number + 40):
            look = desk.second_look.submit(np.full(4, mark, np.int16))
            desk.second_look.status(look, wait=True)
            answers[mark] = look.regions[0].confidence if look.regions else None

    threads = [Thread(target=ask, args=(number,)) for number in range(QUEUE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {mark: mark for mark in range(40 * QUEUE)}
    assert desk.second_look.standing.looks == 40 * QUEUE


class TestClose:
    def test_it_ends_the_thread(self, desk: Desk) -> None:
        desk.look()
        assert any(thread.name == "second look" for thread in threading.enumerate())
        assert desk.second_look.close()
        assert not any(thread.name == "second look" for thread in threading.enumerate())
        assert desk.second_look.close()

    def test_what_waits_has_failed_at_once_and_nobody_is_blamed(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(module, "CLOSE_S", 0.1)
        desk.verifier.free.clear()
        looks = [desk.second_look.submit(CLIP) for _ in range(3)]
        wait_until(desk.verifier.looking)
        started_s = monotonic()
        assert not desk.second_look.close(), "its thread hangs in the verifier"
        assert {desk.second_look.status(look, wait=True) for look in looks} == {Status.FAILED}
        assert monotonic() - started_s < 1
        desk.verifier.free.set()
        assert desk.second_look.close()
        assert all(look.regions is None for look in looks)
        assert len(desk.verifier.clips) == 1
        assert (desk.told, caplog.records) == ([], [])

    def test_a_look_after_the_end_has_failed(self, desk: Desk) -> None:
        desk.second_look.close()
        assert desk.look()[1] is Status.FAILED
        assert desk.told == []

    def test_no_sound_is_kept(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "CLOSE_S", 0.1)
        desk.verifier.free.clear()
        desk.second_look.submit(CLIP)
        wait_until(desk.verifier.looking)
        desk.second_look.submit(CLIP)
        desk.second_look.close()
        assert not desk.second_look._queue
