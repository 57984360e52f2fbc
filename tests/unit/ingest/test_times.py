from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.times import SettledTime, nearest_utc, parse_time, settle

NOW = datetime(2026, 11, 22, 12, 0, 30, 123456, tzinfo=UTC)
WEEK_S = 7 * 86400.0


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-11-22T12:00:30.123456Z", NOW),
        ("2026-11-22T13:00:30.123456+01:00", NOW),
        ("2026-11-22T13:00:30+0100", NOW.replace(microsecond=0)),
        ("2026-11-22 12:00:30+00:00", NOW.replace(microsecond=0)),
        ("2026-11-22T12:00:30", NOW.replace(microsecond=0, tzinfo=None)),
        (1795348830123, datetime(2026, 11, 22, 12, 0, 30, 123000, UTC)),
        (1795348830, datetime(2026, 11, 22, 12, 0, 30, 0, UTC)),
        (1795348830.5, datetime(2026, 11, 22, 12, 0, 30, 500000, UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_every_form(sent: object, expected: datetime) -> None:
    parsed = parse_time(sent)
    assert parsed == expected
    assert parsed.tzinfo == expected.tzinfo


@pytest.mark.parametrize(
    "sent",
    ["", "yesterday", "2026-11-22", "12:00", "20261122", "2026-13-22T12:00:00", "2026-11-22T25:00",
     True, [], {}, 1e300, -1e300, 10**400, "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_what_is_no_time_is_undecodable(sent: object) -> None:
    with pytest.raises(UndecodableMessageError) as raised:
        parse_time(sent)
    assert raised.value.reason == "time_invalid"


@given(st.integers(min_value=-12 * 4, max_value=14 * 4), st.integers(min_value=-400, max_value=400))
def test_a_zoneless_time_of_any_zone_finds_its_utc(quarters: int, late_s: int) -> None:
    true = NOW - timedelta(seconds=late_s)
    zone = timezone(quarters * timedelta(minutes=15))
    assert nearest_utc(true.astimezone(zone).replace(tzinfo=None), NOW) == true


@given(st.datetimes())
def test_a_zoneless_time_never_fails(naive: datetime) -> None:
    nearest_utc(naive, NOW)


def _settle(at: datetime | None, *, backlog: bool = False, retained: bool = False) -> object:
    return settle(
        at,
        NOW,
        backlog=backlog,
        retained=retained,
        future_maximum_s=300,
        age_maximum_s=WEEK_S,
    )


def test_the_payload_decides_within_what_is_plausible() -> None:
    for at in (NOW, NOW - timedelta(days=7), NOW + timedelta(seconds=300)):
        for backlog in (False, True):
            assert _settle(at, backlog=backlog) == SettledTime(at, "payload", from_receipt=False)
            assert _settle(at, backlog=backlog, retained=True) == SettledTime(
                at, "payload", from_receipt=False
            )


def test_without_a_time_it_is_that_of_receipt_unless_it_waited() -> None:
    assert _settle(None) == SettledTime(NOW, "receipt", from_receipt=True)
    assert _settle(None, backlog=True) == SettledTime(NOW, "backlog", from_receipt=True)
    assert _settle(None, retained=True) is None
    assert _settle(None, retained=True, backlog=True) is None


@pytest.mark.parametrize(
    "at",
    [
        NOW + timedelta(seconds=301),
        NOW - timedelta(days=7, seconds=1),
        datetime(1970, 1, 1, tzinfo=UTC),
    ],
)
def test_a_wrong_clock_is_marked_and_never_invents_a_time_for_a_retained_message(
    at: datetime,
) -> None:
    assert _settle(at) == SettledTime(NOW, "device_clock_wrong", from_receipt=True)
    assert _settle(at, backlog=True) == SettledTime(NOW, "backlog", from_receipt=True)
    assert _settle(at, retained=True) is None


def test_a_zoneless_time_depends_on_its_receipt() -> None:
    naive = (NOW - timedelta(seconds=10)).replace(tzinfo=None)
    assert _settle(naive) == SettledTime(naive.replace(tzinfo=UTC), "payload", from_receipt=True)
