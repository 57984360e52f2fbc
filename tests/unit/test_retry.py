"""The one retry policy."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mould_watch.retry import Backoff


@given(st.integers(min_value=0), st.sampled_from([0.0, 0.5, 1.0]), st.integers())
def test_a_wait_stays_between_its_bounds_for_ever(failures: int, jitter: float, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - for a wait, not for a secret
    backoff = Backoff(initial_s=1.0, maximum_s=900.0, random=random, jitter=jitter)
    ceiling_s = 900.0 if failures > 10 else min(900.0, 2.0**failures)
    delay_s = backoff.delay_s(failures)
    assert ceiling_s * (1 - jitter) <= delay_s <= ceiling_s


def test_waits_grow_and_are_short_again_after_a_success() -> None:
    backoff = Backoff(initial_s=1.0, maximum_s=10.0, jitter=0.0)
    assert [backoff.next_delay_s() for _ in range(5)] == [1.0, 2.0, 4.0, 8.0, 10.0]
    backoff.reset()
    assert backoff.next_delay_s() == 1.0


def test_asking_for_a_wait_counts_nothing() -> None:
    backoff = Backoff(initial_s=1.0, jitter=0.0)
    backoff.delay_s(5)
    assert backoff.failures == 0
