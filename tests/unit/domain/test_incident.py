from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.condition import Level
from mould_watch.domain.incident import (
    LAWFUL,
    Incident,
    IncidentState,
    Step,
    after,
    retirement,
    steps,
)
from mould_watch.domain.verdict import Verdict
from tests.support.climate import NOON, hours

VERIFYING, OPEN, RECOVERING = (
    IncidentState.VERIFYING,
    IncidentState.OPEN,
    IncidentState.RECOVERING,
)
RESOLVED, DISMISSED, RETIRED = (
    IncidentState.RESOLVED,
    IncidentState.DISMISSED,
    IncidentState.RETIRED,
)
LIVE = (VERIFYING, OPEN, RECOVERING)
NONE, WATCH, WARNING, HIGH, DAMAGE = Level


def verdict(
    now: str = "between",
    level: Level = NONE,
    *,
    known: bool = True,
    had_breach: bool = True,
    verified: bool = False,
    recovered: bool = False,
) -> Verdict:
    return Verdict(
        rule_id="rule",
        is_known=known,
        level=WARNING if verified and level is NONE else level,
        is_breach=now == "breach",
        is_verified=verified,
        is_clear=now == "clear",
        is_recovered=recovered,
        breach_since=NOON if had_breach or verified else None,
    )


def incident(state: IncidentState, level: Level = WARNING, **more: Any) -> Incident:  # noqa: ANN401 - its other columns
    level = WATCH if state is VERIFYING else level
    opened_at = None if state is VERIFYING else NOON
    return Incident(UUID(int=1), "rule", state, level, NOON, opened_at, 3, **more)


def path(state: IncidentState | None, judged: Verdict) -> list[IncidentState]:
    return [step.to_state for step in steps(incident(state) if state else None, judged)]


BREACH = verdict("breach", verified=True)
RECOVERED = verdict("clear", verified=True, recovered=True)


@pytest.mark.parametrize(
    ("state", "judged", "expected"),
    [
        (None, verdict(had_breach=False), []),
        (None, verdict("breach"), []),
        (None, verdict("breach", WARNING), [VERIFYING]),
        (None, BREACH, [VERIFYING, OPEN]),
        (None, RECOVERED, []),
        (VERIFYING, verdict("breach", WARNING), []),
        (VERIFYING, verdict("clear"), []),
        (VERIFYING, verdict(had_breach=False), [DISMISSED]),
        (VERIFYING, RECOVERED, [DISMISSED]),
        (VERIFYING, BREACH, [OPEN]),
        (OPEN, BREACH, []),
        (OPEN, verdict(), []),
        (OPEN, verdict("breach", HIGH), [OPEN]),
        (OPEN, verdict("breach", WATCH), [OPEN]),
        (OPEN, verdict("clear"), [RECOVERING]),
        (OPEN, verdict("clear", HIGH), [RECOVERING]),
        (OPEN, RECOVERED, [RECOVERING, RESOLVED]),
        (RECOVERING, verdict("clear"), []),
        (RECOVERING, verdict(), []),
        (RECOVERING, verdict(level=HIGH), []),
        (RECOVERING, verdict("breach"), [OPEN]),
        (RECOVERING, RECOVERED, [RESOLVED]),
        # readings that came late: long breached, clear by now
        (None, verdict("clear", verified=True), [VERIFYING, OPEN, RECOVERING]),
    ],
)
def test_the_verdict_moves_the_incident(
    state: IncidentState | None, judged: Verdict, expected: list[IncidentState]
) -> None:
    assert path(state, judged) == expected


@pytest.mark.parametrize("state", [None, *IncidentState])
def test_missing_data_never_moves_an_incident(state: IncidentState | None) -> None:
    for now in ("breach", "clear", "between"):
        for flag in (True, False):
            judged = verdict(
                now,
                WARNING,
                known=False,
                had_breach=flag,
                verified=flag,
                recovered=now == "clear" and not flag,
            )
            assert path(state, judged) == []


def test_it_watches_while_verifying_and_keeps_its_level_when_it_ends() -> None:
    levels = [step.level for step in steps(None, verdict("breach", HIGH, verified=True))]
    assert levels == [WATCH, HIGH]
    ending = steps(incident(OPEN, HIGH), RECOVERED)
    assert [step.level for step in ending] == [HIGH, HIGH]
    assert steps(incident(VERIFYING), RECOVERED)[0].level is WATCH


def test_an_open_incident_follows_the_level_up_and_down() -> None:
    now = incident(OPEN, WATCH)
    seen = []
    for level in (WARNING, HIGH, HIGH, DAMAGE, WARNING):
        for step in steps(now, verdict("breach", level)):
            assert (step.from_state, step.to_state) == (OPEN, OPEN)
            seen.append(step.level)
            now = after(now, step, NOON)
    assert seen == [WARNING, HIGH, DAMAGE, WARNING]
    assert now.sequence == 3 + len(seen)


def test_it_opens_again_at_the_level_of_now() -> None:
    (step,) = steps(incident(RECOVERING, WARNING), verdict("breach", HIGH))
    assert (step.to_state, step.level) == (OPEN, HIGH)
    (step,) = steps(incident(RECOVERING, HIGH), verdict("breach"))
    assert (step.to_state, step.level) == (OPEN, HIGH)


@pytest.mark.parametrize(
    ("from_state", "handled", "level", "is_kept"),
    [
        (OPEN, WARNING, HIGH, False),
        (OPEN, HIGH, WARNING, True),
        # it was seen at high: warning, then high again is nothing new
        (OPEN, HIGH, HIGH, True),
        (RECOVERING, WARNING, WARNING, True),
        (RECOVERING, WARNING, HIGH, False),
    ],
)
def test_only_a_level_above_the_one_that_was_seen_wants_to_be_seen_again(
    from_state: IncidentState, handled: Level, level: Level, *, is_kept: bool
) -> None:
    before = incident(
        from_state,
        acknowledged_at=NOON,
        snoozed_until=NOON + hours(3),
        handled_level=handled,
    )
    now = after(before, Step(from_state, OPEN, level), NOON + hours(1))
    assert (now.acknowledged_at is not None) == is_kept
    assert (now.snoozed_until is not None) == is_kept
    assert (now.handled_level is not None) == is_kept


def test_ending_keeps_that_it_was_seen() -> None:
    before = incident(RECOVERING, acknowledged_at=NOON, handled_level=WARNING)
    ended = after(before, Step(RECOVERING, RESOLVED, WARNING), NOON)
    assert ended == replace(before, state=RESOLVED, sequence=4)


def test_it_is_opened_once_however_often_it_opens_again() -> None:
    begun = Incident(UUID(int=1), "rule", VERIFYING, WATCH, NOON, None, 1)
    opened = after(begun, Step(VERIFYING, OPEN, WARNING), NOON + hours(1))
    again = after(opened, Step(RECOVERING, OPEN, WARNING), NOON + hours(5))
    assert (opened.opened_at, again.opened_at) == (NOON + hours(1), NOON + hours(1))


@pytest.mark.parametrize("state", LIVE)
def test_taking_the_room_away_retires_its_incident(state: IncidentState) -> None:
    live = incident(state)
    step = retirement(live)
    assert (step.from_state, step.to_state, step.level) == (state, RETIRED, live.level)
    assert (state, RETIRED) in LAWFUL


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    now = draw(st.sampled_from(["breach", "clear", "between"]))
    return verdict(
        now,
        draw(st.sampled_from(Level)),
        known=draw(st.booleans()),
        had_breach=draw(st.booleans()),
        verified=draw(st.booleans()),
        recovered=now == "clear" and draw(st.booleans()),
    )


incidents = st.builds(incident, st.sampled_from(LIVE), st.sampled_from([WATCH, WARNING, HIGH]))


@given(st.none() | incidents, verdicts())
def test_every_step_is_lawful_and_follows_the_one_before(
    before: Incident | None, judged: Verdict
) -> None:
    taken = steps(before, judged)
    assert all((step.from_state, step.to_state) in LAWFUL for step in taken)
    assert all(one.to_state == other.from_state for one, other in pairwise(taken))
    assert not taken or taken[0].from_state == (before.state if before else None)
    # the database asks for this: only an open incident moves in level
    levels = [before.level if before else WATCH, *(step.level for step in taken)]
    for (one, other), step in zip(pairwise(levels), taken, strict=True):
        assert one == other or step.to_state is OPEN
        assert one != other or step.from_state != step.to_state


@given(incidents, verdicts())
def test_judging_the_same_again_moves_nothing(before: Incident, judged: Verdict) -> None:
    now = before
    for step in steps(before, judged):
        now = after(now, step, NOON)
    if now.state.is_live:
        assert steps(now, judged) == ()


@pytest.mark.parametrize(
    "contradiction",
    [
        {"is_breach": True, "is_clear": True},
        {"is_recovered": True},
        {"is_verified": True, "level": WARNING},
        {"is_verified": True, "breach_since": NOON},
    ],
)
def test_a_verdict_does_not_contradict_itself(contradiction: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="rule x"):
        Verdict(rule_id="x", is_known=True, **contradiction)
