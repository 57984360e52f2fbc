from uuid import UUID

import pytest

from mould_watch.domain.condition import Level
from mould_watch.domain.document import Told
from mould_watch.domain.rules.kinds import threshold_rule_id
from mould_watch.domain.rules.settings import Direction, RuleSettings, ThresholdSettings
from mould_watch.domain.wish import NOT_WANTED, Wish, threshold_wish, wish_of

MINE, ROOMS = ("phone-2",), ("phone-1", "apprise:mail")
LIMIT = ThresholdSettings(
    rule_id=UUID(int=1), metric="co2_ppm", direction=Direction.ABOVE, threshold=1000, targets=MINE
)


@pytest.mark.parametrize(
    ("rule", "part", "targets"),
    [(None, None, None), (None, ROOMS, ROOMS), (MINE, ROOMS, MINE), (MINE, None, MINE)],
)
def test_a_rule_tells_its_own_else_those_of_its_part_else_the_homes(
    rule: tuple[str, ...] | None, part: tuple[str, ...] | None, targets: tuple[str, ...] | None
) -> None:
    assert wish_of(RuleSettings(targets=rule), Told(targets=part)).targets == targets
    if part is None:
        assert wish_of(RuleSettings(targets=rule)).targets == targets


@pytest.mark.parametrize(
    ("rule", "part", "is_wanted"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_what_a_rule_or_its_part_does_not_want_told_is_not(
    *, rule: bool, part: bool, is_wanted: bool
) -> None:
    assert wish_of(RuleSettings(notify=rule), Told(notify=part)).is_wanted is is_wanted


def test_of_a_threshold_that_is_gone_nothing_is_wanted() -> None:
    part = Told(targets=ROOMS)
    known = threshold_wish([LIMIT], threshold_rule_id(LIMIT.rule_id), part)
    assert known == Wish(targets=MINE, severity=Level.WARNING)
    assert threshold_wish([LIMIT], threshold_rule_id(UUID(int=2)), part) == NOT_WANTED


@pytest.mark.parametrize("level", Level)
def test_it_is_told_as_serious_as_the_user_finds_it(level: Level) -> None:
    assert Wish().told_level(level) is level
    assert Wish(severity=Level.WATCH).told_level(level).rank <= Level.WATCH.rank
    assert Wish(severity=Level.WARNING).told_level(level).rank <= Level.WARNING.rank
    assert Wish(severity=Level.HIGH).told_level(level).rank >= Level.HIGH.rank
    # found high, damage is still damage
    assert Wish(severity=Level.HIGH).told_level(Level.DAMAGE) is Level.DAMAGE
