"""The faults come from the seed alone."""

from hypothesis import given
from hypothesis import strategies as st

from tests.reliability.chaos.plan import FaultKind, counts, faults_counted, faults_for

KINDS = tuple(FaultKind)


@given(st.integers(), st.floats(0, 30))
def test_same_seed_same_faults(seed: int, minutes: float) -> None:
    assert faults_for(seed, minutes, KINDS) == faults_for(seed, minutes, KINDS)


@given(st.integers())
def test_another_order_of_the_kinds_changes_nothing(seed: int) -> None:
    assert faults_counted(seed, 40, KINDS) == faults_counted(seed, 40, KINDS[::-1])


@given(st.integers())
def test_no_kind_is_left_to_chance(seed: int) -> None:
    assert set(counts(faults_counted(seed, 2 * len(KINDS), KINDS)).values()) == {2}


def test_other_seeds_bring_other_faults() -> None:
    assert faults_counted(1, 40, KINDS) != faults_counted(2, 40, KINDS)


@given(st.integers(), st.floats(0.5, 30))
def test_a_run_takes_about_as_long_as_asked(seed: int, minutes: float) -> None:
    assert sum(fault.takes_s for fault in faults_for(seed, minutes, KINDS)) <= minutes * 60
