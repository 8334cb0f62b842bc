import pytest

from hearing.limits import RateLimit


def test_a_rested_client_may_ask_a_few_times_at_once() -> None:
    limit = RateLimit(rate_per_s=2, at_once=3)
    assert [limit.wait_s("a", 10.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_what_is_asked_at_the_agreed_rate_is_always_answered() -> None:
    limit = RateLimit(rate_per_s=2, at_once=1)
    assert [limit.wait_s("a", 0.5 * number) for number in range(100)] == [0] * 100


def test_a_refused_request_does_not_prolong_the_wait() -> None:
    limit = RateLimit(rate_per_s=1, at_once=1)
    waits = [limit.wait_s("a", now_s) for now_s in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert waits == pytest.approx([0, 0.75, 0.5, 0.25, 0])


def test_one_client_does_not_use_up_what_another_may_ask() -> None:
    limit = RateLimit(rate_per_s=1, at_once=1)
    assert (limit.wait_s("a", 0.0), limit.wait_s("a", 0.0), limit.wait_s("b", 0.0)) == (0, 1, 0)


def test_a_long_rest_earns_no_more_than_the_burst() -> None:
    limit = RateLimit(rate_per_s=10, at_once=2)
    limit.wait_s("a", 0.0)
    assert [limit.wait_s("a", 1e6) for _ in range(3)] == [0, 0, 0.1]


def test_only_so_many_clients_are_remembered_and_the_quietest_is_forgotten() -> None:
    limit = RateLimit(rate_per_s=0.001, at_once=1)
    limit.wait_s("quiet", 0.0)
    limit.wait_s("busy", 0.0)
    for number in range(1_023):
        limit.wait_s(f"10.0.0.{number}", 1.0)
        assert limit.wait_s("busy", 1.0) > 0
    assert limit.wait_s("quiet", 1.0) == 0
