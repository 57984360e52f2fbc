"""What a broken sensor stored stays stored, and nothing is judged by it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from mould_watch.domain.climate import Metric
from mould_watch.domain.fault_patterns import Place
from mould_watch.storage.plausibility import hour_bands, moved_bins
from mould_watch.watch.plausible import PlausibleReadings
from tests.support.climate import NOON, hours
from tests.support.rooms import HomeForTests, Row

TEN_MINUTES = timedelta(minutes=10)
SIXTY_HOURS = timedelta(hours=60)


async def usable(
    home: HomeForTests,
    device_id: int,
    metric: Metric = "humidity_pct",
    *,
    back: timedelta = SIXTY_HOURS,
    place: Place = Place.INSIDE,
) -> dict[datetime, float | None]:
    read = await PlausibleReadings.read(
        home.connection, {"it": {device_id}}, {"it": place}, (NOON - back, NOON), NOON
    )
    return {sample.ts: getattr(sample, metric) for sample in read.samples("it", metric)}


def series(
    last_hours: float,
    humidity: Callable[[float], float],
    temperature: Callable[[float], float] = lambda back: 20.0 + back % 1,
) -> list[Row]:
    """Return rows every ten minutes; the functions take the hours before noon."""
    count = int(last_hours * 6)
    return [
        Row(
            NOON - number * TEN_MINUTES,
            humidity(number / 6),
            temperature_c=temperature(number / 6),
        )
        for number in range(count + 1)
    ]


async def heard_lately(home: HomeForTests, *device_ids: int) -> None:
    await home.connection.execute(
        "UPDATE device SET last_seen_at = $2 WHERE id = ANY ($1::integer[])",
        list(device_ids),
        NOON,
    )


async def test_a_wrapped_humidity_is_not_used_and_what_comes_after_it_is(
    home: HomeForTests,
) -> None:
    device_id = await home.device("tuya")

    def humidity(back: float) -> float:
        true = 60.0 + back % 3 if back > 20 or back < 3 else 70.0 + back % 5
        return true - 65.5 if true > 65.5 else true

    rows = series(30, humidity, lambda back: 20.0 + back % 5 / 10)
    await home.write(device_id, rows)
    kept = await usable(home, device_id)
    assert min(value or 0 for value in kept.values()) >= 60
    assert len(kept) == sum((row.humidity_pct or 0) >= 60 for row in rows)
    # its temperature is as good as before
    assert len(await usable(home, device_id, "temperature_c")) == len(rows)
    stored = await home.fetch("SELECT min(humidity_pct) AS least FROM readings")
    assert 4 < stored[0]["least"] < 5


async def test_a_dry_air_after_a_cold_draught_is_believed(home: HomeForTests) -> None:
    device_id = await home.device("draught")
    rows = series(
        5, lambda back: 60.0 if back > 2 else 12.0, lambda back: 20.0 if back > 2 else 5.0
    )
    await home.write(device_id, rows)
    assert min(value or 0 for value in (await usable(home, device_id)).values()) == 12


async def test_a_stuck_humidity_counts_only_while_another_sensor_lives(
    home: HomeForTests,
) -> None:
    stuck, other = await home.device("stuck"), await home.device("other")
    await home.write(stuck, series(48, lambda _: 55.3))
    assert len(await usable(home, stuck)) == 48 * 6 + 1
    await home.write(other, series(48, lambda back: 40.0 + back % 7))
    await heard_lately(home, stuck, other)
    kept = await usable(home, stuck)
    assert max(kept) < NOON - hours(48 - 25)
    assert len(await usable(home, stuck, "temperature_c")) == 48 * 6 + 1
    assert len(await usable(home, other)) == 48 * 6 + 1


async def test_a_saturated_sensor_is_not_used_inside_and_fog_is_outside(
    home: HomeForTests,
) -> None:
    device_id = await home.device("wet")
    await home.write(device_id, series(20, lambda _: 100.0))
    assert max(await usable(home, device_id)) < NOON - hours(6)
    assert max(await usable(home, device_id, place=Place.OUTSIDE)) == NOON


async def test_a_frozen_temperature_is_not_used_and_its_living_humidity_is(
    home: HomeForTests,
) -> None:
    device_id = await home.device("frozen")
    await home.write(device_id, series(40, lambda back: 50.0 + back % 12, lambda _: 20.5))
    assert max(await usable(home, device_id, "temperature_c")) < NOON - hours(14)
    assert max(await usable(home, device_id)) == NOON


async def test_invariant_6_readings_in_any_order_leave_the_same_usable_values(
    home: HomeForTests,
) -> None:
    rows = series(
        40,
        lambda back: 3.0 if back % 11 == 5 else 100.0 if 20 < back < 38 else 62.0 + back % 9,
        lambda back: 20.5 if back % 13 else 55.0,
    )
    in_order, shuffled = await home.device("in order"), await home.device("shuffled")
    await home.write(in_order, sorted(rows, key=lambda row: row.ts))
    Random(11).shuffle(rows)  # noqa: S311 - any order will do
    for start in range(0, len(rows), 40):
        await home.write(shuffled, rows[start : start + 40])
    metrics: tuple[Metric, ...] = ("humidity_pct", "temperature_c")
    for metric in metrics:
        expected = await usable(home, in_order, metric)
        assert expected
        assert len(expected) < len(rows)
        assert await usable(home, shuffled, metric) == expected
        # and a shorter window says the same of what is in it
        short = await usable(home, in_order, metric, back=hours(6))
        assert short == {ts: value for ts, value in expected.items() if ts >= NOON - hours(6)}


async def test_hours_of_a_device_with_two_topics_and_of_one_that_never_spoke(
    home: HomeForTests,
) -> None:
    one, two = await home.device("one"), await home.device("two")
    await home.write(one, [Row(NOON, 60.0, temperature_c=None), Row(NOON + hours(1), 10.0)])
    await home.write(two, [Row(NOON + timedelta(minutes=5), None, temperature_c=21.0)])
    bands = await hour_bands(
        home.connection, {"both": [one, two], "nobody": []}, NOON, NOON + hours(1)
    )
    assert list(bands) == ["both"]
    first, second = bands["both"]
    assert (first.start, first.fall) == (NOON, None)
    assert first.temperature_c is not None
    assert (first.temperature_c.least, first.temperature_c.most) == (21.0, 21.0)
    assert second.fall is not None
    assert (second.fall.from_pct, second.fall.to_pct) == (60.0, 10.0)
    assert second.fall.temperature_change_k is None
    assert second.fall.is_wrap
    assert await moved_bins(home.connection, [one], NOON, NOON + hours(1)) == frozenset()
