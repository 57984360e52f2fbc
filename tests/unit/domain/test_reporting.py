"""How often a device reports."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.reporting import MINUTES_KEPT, ReportingTimes

START = datetime(2026, 11, 22, tzinfo=UTC)


def every(interval_s: float, count: int, start: datetime = START) -> list[datetime]:
    return [start + n * timedelta(seconds=interval_s) for n in range(count)]


@pytest.mark.parametrize("interval_s", [60, 300, 3600, 86400])
def test_a_regular_reporter_is_known_after_21_reports(interval_s: float) -> None:
    times = ReportingTimes(every(interval_s, 20))
    assert times.interval_s is None
    times.note(START + 20 * timedelta(seconds=interval_s))
    assert times.interval_s == interval_s


def test_what_comes_in_a_burst_is_one_report() -> None:
    bursts = [at + timedelta(seconds=s) for at in every(3600, 30) for s in range(25)]
    assert ReportingTimes(bursts).interval_s == 3600


def test_a_device_that_reports_each_few_seconds_counts_as_each_minute() -> None:
    assert ReportingTimes(every(5, 1000)).interval_s == 60


def test_a_few_outages_of_ours_do_not_make_a_device_slow() -> None:
    times = every(600, 60)
    later = every(600, 60, times[-1] + timedelta(hours=8))
    last = every(600, 60, later[-1] + timedelta(hours=2))
    assert ReportingTimes([*times, *later, *last]).interval_s == 600


def test_a_device_that_reports_on_change_is_known_by_its_long_pauses() -> None:
    quick = every(120, 10)
    slow = every(3600, 10, quick[-1] + timedelta(hours=1))
    assert ReportingTimes([*quick, *slow, *every(3600, 3, slow[-1])]).interval_s == 3600


def test_a_changed_habit_is_learned_anew_and_memory_is_bounded() -> None:
    times = ReportingTimes(every(3600, 1000))
    times_then = every(300, MINUTES_KEPT + 1, START + timedelta(days=60))
    for at in times_then:
        times.note(at)
    assert times.interval_s == 300
    assert len(times._minutes) == MINUTES_KEPT


@given(
    st.lists(st.integers(0, 2000), min_size=1, max_size=600).flatmap(
        lambda minutes: st.tuples(st.just(minutes), st.permutations(minutes))
    ),
    st.data(),
)
def test_order_and_repetition_do_not_matter(
    given_minutes: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    """Invariant 6."""
    minutes, shuffled = given_minutes
    again = data.draw(st.lists(st.sampled_from(minutes), max_size=20))
    in_order = ReportingTimes(START + timedelta(minutes=m) for m in sorted(minutes))
    as_it_came = ReportingTimes(START + timedelta(minutes=m) for m in [*shuffled, *again])
    kept = set(minutes) if len(set(minutes)) <= MINUTES_KEPT else None
    assert as_it_came.interval_s == in_order.interval_s
    assert list(as_it_came._minutes) == list(in_order._minutes)
    assert kept is None or len(in_order._minutes) == len(kept)
