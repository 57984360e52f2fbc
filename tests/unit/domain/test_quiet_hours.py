"""The hours in which a household is not to be disturbed, in its own time zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.configuration import QuietHours
from mould_watch.domain.quiet_hours import quiet_until
from tests.support.climate import NOON, hours

NIGHT = QuietHours(start="22:00", end="07:00")
REST = QuietHours(start="13:00", end="15:00")


def at(hour: int, minute: int = 0, day: int = 20) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(21, 59), None),
        (at(22), at(7, day=21)),
        (at(23, 30), at(7, day=21)),
        (at(0), at(7)),
        (at(6, 59), at(7)),
        (at(7), None),
    ],
)
def test_they_may_span_midnight(moment: datetime, expected: datetime | None) -> None:
    assert quiet_until(moment, NIGHT, "UTC") == expected


def test_they_may_be_in_the_day() -> None:
    assert quiet_until(at(14), REST, "UTC") == at(15)
    assert quiet_until(at(15), REST, "UTC") is None


def test_they_are_local() -> None:
    assert quiet_until(at(21), NIGHT, "Europe/Berlin") == at(6, day=21)
    assert quiet_until(at(21), NIGHT, "America/New_York") is None


def test_they_follow_the_change_of_the_clocks() -> None:
    # the night in which Berlin's clocks go back: it lasts ten hours
    evening = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    assert quiet_until(evening, NIGHT, "Europe/Berlin") == datetime(2026, 10, 25, 6, tzinfo=UTC)
    # and forward: it lasts eight
    evening = datetime(2026, 3, 28, 21, 0, tzinfo=UTC)
    assert quiet_until(evening, NIGHT, "Europe/Berlin") == datetime(2026, 3, 29, 5, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["", "Nowhere/At_All", "../etc/passwd", "a\x00b"])
def test_an_unknown_time_zone_counts_as_utc(zone: str) -> None:
    assert quiet_until(at(23), NIGHT, zone) == at(7, day=21)


def test_there_may_be_none() -> None:
    assert quiet_until(at(23), None, "UTC") is None
    assert quiet_until(at(23), QuietHours(start="08:00", end="08:00"), "UTC") is None


@given(
    minutes=st.integers(0, 2 * 365 * 24 * 60),
    start=st.times(),
    end=st.times(),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_their_end_lies_ahead_within_a_day_and_is_no_quiet_time(
    minutes: int, start: datetime, end: datetime, zone: str
) -> None:
    quiet = QuietHours(start=f"{start:%H:%M}", end=f"{end:%H:%M}")
    moment = NOON + timedelta(minutes=minutes)
    until = quiet_until(moment, quiet, zone)
    if until is not None:
        assert moment < until <= moment + hours(26)
        assert quiet_until(until, quiet, zone) is None
