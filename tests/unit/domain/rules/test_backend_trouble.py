"""The backend's own troubles: the broker away, the spool filling, dead letters arriving."""

from datetime import datetime, timedelta

import pytest

from mould_watch.domain.condition import Level
from mould_watch.domain.rules.backend_trouble import (
    judge_broker_away,
    judge_dead_letters,
    judge_spool_filling,
)
from mould_watch.domain.rules.listening import PartReport
from mould_watch.domain.verdict import Verdict
from tests.support.climate import NOON, hours

MINUTES_15 = timedelta(minutes=15)


def broker(*, well: bool, since: datetime, counted_from: datetime | None = None) -> Verdict:
    report = PartReport(well, since, NOON)
    return judge_broker_away(
        report, NOON, severity=Level.WARNING, counted_from=counted_from
    ).verdict


def test_the_broker_may_be_away_for_a_quarter_of_an_hour() -> None:
    assert not broker(well=False, since=NOON - timedelta(minutes=14)).is_verified
    assert broker(well=False, since=NOON - MINUTES_15).is_verified
    jumped = NOON - timedelta(minutes=1)
    assert not broker(well=False, since=NOON - hours(5), counted_from=jumped).is_verified


def test_the_broker_is_back_when_it_stays() -> None:
    assert not broker(well=True, since=NOON - timedelta(minutes=29)).is_recovered
    assert broker(well=True, since=NOON - timedelta(minutes=30)).is_recovered


def test_of_a_broker_nobody_speaks_of_nothing_is_known() -> None:
    assert not judge_broker_away(None, NOON, severity=Level.WARNING).verdict.is_known


@pytest.mark.parametrize(
    ("share", "level", "recovered"),
    [
        (0.0, Level.NONE, True),
        (0.29, Level.NONE, True),
        (0.4, Level.NONE, False),
        (0.5, Level.WARNING, False),
        (0.8, Level.HIGH, False),
    ],
)
def test_a_spool_that_fills_is_told_before_it_is_full(
    share: float, level: Level, *, recovered: bool
) -> None:
    verdict = judge_spool_filling(share, NOON).verdict
    assert (verdict.level, verdict.is_recovered) == (level, recovered)
    assert not judge_spool_filling(None, NOON).verdict.is_known


def letters(newest: datetime | None, count: int) -> Verdict:
    return judge_dead_letters(newest, count, NOON, severity=Level.WATCH).verdict


def test_ten_dead_letters_of_which_one_is_recent_are_news() -> None:
    assert letters(NOON, 10).is_verified
    assert not letters(NOON, 9).is_verified
    assert not letters(NOON - hours(1), 10).is_breach


def test_a_day_without_a_dead_letter_is_the_end_of_it() -> None:
    assert letters(NOON - hours(1), 10).is_clear
    assert not letters(NOON - hours(23), 1).is_recovered
    assert letters(NOON - hours(24), 0).is_recovered
    assert letters(None, 0).is_recovered
