from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.notification import Lane
from mould_watch.domain.precedence import Related, heard_in, superseded_by
from mould_watch.domain.rules.kinds import RuleKind, kind_of, threshold_rule_id
from tests.support.climate import NOON

WATCH, WARNING, HIGH = Level.WATCH, Level.WARNING, Level.HIGH


def incident(
    kind: RuleKind, level: Level = WARNING, state: IncidentState = IncidentState.OPEN
) -> Incident:
    rule_id = threshold_rule_id(uuid4()) if kind is RuleKind.THRESHOLD else kind.value
    return Incident(uuid4(), rule_id, state, level, NOON, NOON, 2)


def speaks(one: Incident, *others: Incident, hears_broker: bool = True) -> bool:
    related = Related((one, *others), hears_broker)
    return superseded_by(one, related) is None


@pytest.mark.parametrize("mould", [RuleKind.MOULD_LEVEL, RuleKind.SURFACE_DAMP])
@pytest.mark.parametrize(
    ("level", "other_level", "is_heard"),
    [
        (WARNING, WARNING, False),
        (WARNING, HIGH, False),
        (HIGH, WARNING, True),
        (WARNING, WATCH, True),
    ],
)
def test_mould_speaks_for_condensation_that_is_no_worse(
    mould: RuleKind, level: Level, other_level: Level, *, is_heard: bool
) -> None:
    condensation = incident(RuleKind.CONDENSATION, level)
    assert speaks(condensation, incident(mould, other_level)) == is_heard
    assert speaks(incident(mould, other_level), condensation)


def test_a_room_without_data_speaks_for_its_silent_devices() -> None:
    silent, no_data = incident(RuleKind.SILENT, HIGH), incident(RuleKind.NO_DATA, WATCH)
    assert not speaks(silent, no_data)
    assert speaks(no_data, silent)


def test_without_data_an_open_mould_incident_still_speaks() -> None:
    assert speaks(incident(RuleKind.MOULD_LEVEL), incident(RuleKind.NO_DATA))
    assert speaks(incident(RuleKind.NO_DATA), incident(RuleKind.MOULD_LEVEL))


@pytest.mark.parametrize("kind", [RuleKind.SILENT, RuleKind.NO_DATA])
def test_a_broker_that_is_away_explains_what_is_heard_over_it(kind: RuleKind) -> None:
    away = incident(RuleKind.BROKER_AWAY)
    assert not speaks(incident(kind), away)
    assert speaks(incident(kind), away, hears_broker=False)


@pytest.mark.parametrize("state", [IncidentState.VERIFYING, IncidentState.RESOLVED])
def test_what_is_not_sure_or_over_silences_nobody(state: IncidentState) -> None:
    assert speaks(incident(RuleKind.SILENT), incident(RuleKind.NO_DATA, state=state))


def test_a_threshold_that_the_user_set_always_speaks() -> None:
    others = [incident(kind, HIGH) for kind in RuleKind]
    assert speaks(incident(RuleKind.THRESHOLD), *others)


PHONE, OTHER = Lane("home_assistant", "home", "phone"), Lane("home_assistant", "home", "other")


def test_what_was_said_to_a_target_speaks_there_as_grave_as_it_was_said() -> None:
    wet, mould = incident(RuleKind.CONDENSATION), incident(RuleKind.MOULD_LEVEL, HIGH)
    said = {mould.incident_id: {PHONE: WARNING}}
    assert not speaks(wet, *heard_in(PHONE, [wet, mould], said, is_asked_for=False))
    assert speaks(wet, *heard_in(OTHER, [wet, mould], said, is_asked_for=False))
    worse = incident(RuleKind.CONDENSATION, HIGH)
    assert speaks(worse, *heard_in(PHONE, [worse, mould], said, is_asked_for=False))


def test_what_is_only_shown_explains_what_nobody_asked_for_by_name() -> None:
    silent, no_data = incident(RuleKind.SILENT), incident(RuleKind.NO_DATA)
    assert not speaks(silent, *heard_in(PHONE, [silent, no_data], {}, is_asked_for=False))
    assert speaks(silent, *heard_in(PHONE, [silent, no_data], {}, is_asked_for=True))


incidents = st.builds(
    incident, st.sampled_from(RuleKind), st.sampled_from(Level), st.sampled_from(IncidentState)
)


@given(some=st.lists(incidents, max_size=8), hears_broker=st.booleans())
def test_of_all_that_is_open_something_speaks(some: list[Incident], *, hears_broker: bool) -> None:
    related = Related(tuple(some), hears_broker)
    is_open = [one for one in some if one.state.is_risk]
    assert not is_open or any(superseded_by(one, related) is None for one in is_open)


@given(st.lists(incidents, max_size=8).flatmap(st.permutations))
def test_the_order_they_are_read_in_does_not_matter(some: list[Incident]) -> None:
    by_id = sorted(some, key=lambda one: one.incident_id)
    for one in some:
        assert superseded_by(one, Related(tuple(some))) == superseded_by(one, Related(tuple(by_id)))


def test_the_id_of_a_rule_tells_its_kind() -> None:
    assert kind_of(threshold_rule_id(uuid4())) is RuleKind.THRESHOLD
    assert kind_of("no_data") is RuleKind.NO_DATA
    with pytest.raises(ValueError, match="'moon'"):
        kind_of("moon")
