"""The circuit breaker of a route, with a clock of the test's own."""

import pytest

from mould_watch.notify.breaker import Breakers, BreakerSettings, BreakerState

_SETTINGS = BreakerSettings(failures=3, initial_s=10, maximum_s=40)


class _Time:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _opened() -> tuple[Breakers, _Time]:
    time = _Time()
    breakers = Breakers(_SETTINGS, time)
    assert [breakers.of("mail").failed("down") for _ in range(3)] == [False, False, True]
    return breakers, time


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breakers, _ = _opened()
    assert breakers.of("mail").state is BreakerState.OPEN
    assert breakers.split(frozenset({"mail", "chat"})) == (frozenset({"chat"}), frozenset())
    assert breakers.health()["mail"]["reason"] == "down"
    assert breakers.shortest_rest_s() is not None


def test_a_success_in_between_counts_from_the_start() -> None:
    breakers = Breakers(_SETTINGS, _Time())
    for _ in range(5):
        assert not breakers.of("mail").failed("down")
        assert not breakers.of("mail").failed("down")
        assert not breakers.succeeded("mail")
    assert breakers.health() == {}


def test_after_its_rest_one_probes_and_only_one() -> None:
    breakers, time = _opened()
    time.now_s += 11
    assert breakers.split(frozenset({"mail"})) == (frozenset(), frozenset({"mail"}))
    breakers.of("mail").probe()
    assert breakers.split(frozenset({"mail"})) == (frozenset(), frozenset())
    assert breakers.health()["mail"]["state"] == "half_open"
    breakers.end_probe("mail")  # it came to no answer: the next may
    assert breakers.split(frozenset({"mail"}))[1] == {"mail"}


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_lets_it_rest_for_longer() -> None:
    breakers, time = _opened()
    rests = []
    for _ in range(6):
        rests.append(breakers.of("mail").rest_s)
        time.now_s += rests[-1]
        breakers.of("mail").probe()
        assert breakers.of("mail").failed("still down")
    assert all(5 <= rest <= 40 for rest in rests)
    assert max(rests) > 10
    time.now_s += 41
    breakers.of("mail").probe()
    assert breakers.succeeded("mail")
    assert breakers.split(frozenset({"mail"})) == (frozenset({"mail"}), frozenset())


def test_those_on_their_way_when_it_opened_prolong_nothing() -> None:
    breakers, _ = _opened()
    rest_s = breakers.of("mail").rest_s
    assert not breakers.of("mail").failed("down")
    assert breakers.of("mail").rest_s == rest_s


def test_one_that_says_how_long_rests_at_once_and_so_long() -> None:
    time = _Time()
    breakers = Breakers(_SETTINGS, time)
    assert breakers.of("chat").failed("http_429", 300)
    assert breakers.of("chat").rest_s == 300
    assert not breakers.of("chat").failed("http_429", 17), "of one that was on its way"
    assert breakers.of("chat").rest_s == 300
    assert not breakers.of("chat").failed("http_429", 400)
    assert breakers.of("chat").rest_s == 400
    time.now_s += 400
    assert breakers.split(frozenset({"chat"})) == (frozenset(), frozenset({"chat"}))
    breakers.of("chat").probe()
    assert breakers.succeeded("chat")
    assert breakers.health() == {}


@pytest.mark.parametrize("retry_after_s", [0.0, 1.0])
def test_one_that_asks_for_a_short_rest_again_and_again_gets_a_longer_one(
    retry_after_s: float,
) -> None:
    """Behind a proxy whose service is down every answer may say "Retry-After: 0"."""
    time = _Time()
    breakers = Breakers(_SETTINGS, time)
    rests = []
    for _ in range(10):
        breakers.of("mail").failed("http_503", retry_after_s)
        rests.append(breakers.of("mail").rest_s)
        assert rests[-1] >= retry_after_s
        time.now_s += rests[-1]
        breakers.of("mail").probe()
    assert rests[0] == retry_after_s
    assert all(rest >= 5 for rest in rests[3:])
    assert max(rests) > 10
