from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mould_watch.domain.condition import Evidence, Level
from mould_watch.domain.incident import LAWFUL, IncidentState, retirement, steps
from mould_watch.domain.surface_damp import Assessment
from tests.support.climate import NOON

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
NO_EVIDENCE = Evidence(
    damp_hours=0,
    damp_readings=0,
    required_damp_hours=6,
    required_damp_readings=6,
    window_hours=24,
    coverage=1,
)


def assessment(
    *,
    known: bool = True,
    now: str = "between",
    had_damp: bool = True,
    building_up: bool = False,
    verified: bool = False,
    recovered: bool = False,
) -> Assessment:
    return Assessment(
        is_known=known,
        surface=None,
        is_damp=now == "damp",
        is_dry=now == "dry",
        dry_hours=0,
        evidence=NO_EVIDENCE,
        damp_since=NOON if had_damp else None,
        is_building_up=building_up or verified,
        is_verified=verified,
        is_recovered=recovered,
    )


def path(state: IncidentState | None, judged: Assessment) -> list[IncidentState]:
    return [step.to_state for step in steps(state, judged)]


BREACH = assessment(now="damp", verified=True)
RECOVERED = assessment(now="dry", recovered=True, verified=True)


@pytest.mark.parametrize(
    ("state", "judged", "expected"),
    [
        (None, assessment(had_damp=False), []),
        (None, assessment(now="damp"), []),
        (None, assessment(now="damp", building_up=True), [VERIFYING]),
        (None, BREACH, [VERIFYING, OPEN]),
        (None, RECOVERED, []),
        (VERIFYING, assessment(now="damp", building_up=True), []),
        (VERIFYING, assessment(now="dry"), []),
        (VERIFYING, assessment(had_damp=False), [DISMISSED]),
        (VERIFYING, RECOVERED, [DISMISSED]),
        (VERIFYING, BREACH, [OPEN]),
        (OPEN, BREACH, []),
        (OPEN, assessment(), []),
        (OPEN, assessment(now="dry"), [RECOVERING]),
        (OPEN, RECOVERED, [RECOVERING, RESOLVED]),
        (RECOVERING, assessment(now="dry"), []),
        (RECOVERING, assessment(), []),
        (RECOVERING, assessment(now="damp"), [OPEN]),
        (RECOVERING, RECOVERED, [RESOLVED]),
        # readings that came late: long damp, dry by now
        (None, assessment(now="dry", verified=True), [VERIFYING, OPEN, RECOVERING]),
    ],
)
def test_the_rule_moves_the_incident(
    state: IncidentState | None, judged: Assessment, expected: list[IncidentState]
) -> None:
    assert path(state, judged) == expected


@pytest.mark.parametrize("state", [None, *IncidentState])
def test_missing_data_never_moves_an_incident(state: IncidentState | None) -> None:
    for now in ("damp", "dry", "between"):
        for flag in (True, False):
            judged = assessment(
                known=False, now=now, had_damp=flag, verified=flag, recovered=not flag
            )
            assert path(state, judged) == []


def test_it_watches_while_verifying_and_warns_at_most() -> None:
    levels = [step.level for step in steps(None, BREACH)]
    assert levels == [Level.WATCH, Level.WARNING]
    assert [step.level for step in steps(OPEN, RECOVERED)] == [Level.WARNING, Level.WARNING]
    assert steps(VERIFYING, RECOVERED)[0].level is Level.WATCH


@pytest.mark.parametrize("state", [VERIFYING, OPEN, RECOVERING])
def test_taking_the_room_away_retires_its_incident(state: IncidentState) -> None:
    step = retirement(state)
    assert (step.from_state, step.to_state) == (state, RETIRED)
    assert (state, RETIRED) in LAWFUL


assessments = st.builds(
    assessment,
    known=st.booleans(),
    now=st.sampled_from(["damp", "dry", "between"]),
    had_damp=st.booleans(),
    building_up=st.booleans(),
    verified=st.booleans(),
    recovered=st.booleans(),
)


@given(st.sampled_from([None, *IncidentState]), assessments)
def test_every_step_is_lawful_and_follows_the_one_before(
    state: IncidentState | None, judged: Assessment
) -> None:
    taken = steps(state, judged)
    assert all((step.from_state, step.to_state) in LAWFUL for step in taken)
    assert all(one.to_state == other.from_state for one, other in pairwise(taken))
    assert not taken or taken[0].from_state == state


@given(st.sampled_from([None, *IncidentState]), assessments)
def test_judging_the_same_again_moves_nothing(
    state: IncidentState | None, judged: Assessment
) -> None:
    taken = steps(state, judged)
    if taken and taken[-1].to_state.is_live:
        assert steps(taken[-1].to_state, judged) == ()


class Room(RuleBasedStateMachine):
    """A room through any sequence of judgements, beside a model of what may be said of it."""

    def __init__(self) -> None:
        super().__init__()
        self.state: IncidentState | None = None
        self.alarms = 0
        self.endings = 0
        self.has_opened = False

    @rule(judged=assessments)
    def is_judged(self, judged: Assessment) -> None:
        for step in steps(self.state, judged):
            if step.to_state is OPEN and not self.has_opened:
                self.has_opened = True
                self.alarms += 1
            self._enter(step.to_state)

    @precondition(lambda self: self.state is not None)
    @rule()
    def is_archived(self) -> None:
        assert self.state is not None
        self._enter(retirement(self.state).to_state)

    def _enter(self, state: IncidentState) -> None:
        assert (self.state, state) in LAWFUL
        if state in {RESOLVED, RETIRED} and self.has_opened:
            self.endings += 1
        if not state.is_live:
            self.has_opened = False
        self.state = state if state.is_live else None

    @invariant()
    def every_alarm_ends_once(self) -> None:
        assert self.endings == self.alarms - (1 if self.has_opened else 0)

    @invariant()
    def a_risk_has_been_alarmed(self) -> None:
        assert (self.state is not None and self.state.is_risk) == self.has_opened


TestRoom = Room.TestCase
