import pytest

from mould_watch.domain.power import PowerSource, together

MAINS, BATTERY = PowerSource.MAINS, PowerSource.BATTERY


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, None, None),
        (None, MAINS, MAINS),
        (MAINS, MAINS, MAINS),
        (None, BATTERY, BATTERY),
        (MAINS, BATTERY, BATTERY),
    ],
)
def test_a_battery_counts_whoever_speaks_of_it(
    one: PowerSource | None, other: PowerSource | None, expected: PowerSource | None
) -> None:
    assert together(one, other) is expected
    assert together(other, one) is expected
