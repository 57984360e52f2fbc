"""What is read back of a window of readings."""

from datetime import timedelta

from mould_watch.storage.readings import window_samples
from tests.support.climate import DAMP_PCT, DRY_PCT, NOON, hours
from tests.support.rooms import HomeForTests, Row


async def test_of_a_flood_of_messages_the_last_of_each_half_minute_is_read(
    home: HomeForTests,
) -> None:
    device_id = await home.device("mad")
    await home.write(
        device_id,
        [Row(NOON - timedelta(milliseconds=200 * number), DRY_PCT) for number in range(3000)],
    )
    samples = await window_samples(home.connection, [device_id], NOON - hours(1), NOON, NOON)
    assert 20 <= len(samples[device_id]) <= 22
    assert max(sample.ts for sample in samples[device_id]) == NOON


async def test_one_metric_hides_no_other_and_the_future_not_the_present(
    home: HomeForTests,
) -> None:
    device_id = await home.device("two halves")
    second = timedelta(seconds=1)
    rows = [
        Row(NOON + second, None, temperature_c=20.0),
        Row(NOON + 2 * second, DAMP_PCT, temperature_c=None),
        Row(NOON + 4 * second, None, temperature_c=21.0),
        Row(NOON + 9 * second, DRY_PCT, temperature_c=None),
    ]
    await home.write(device_id, rows)
    samples = await window_samples(
        home.connection, [device_id], NOON, NOON + hours(1), NOON + 5 * second
    )
    assert [
        (sample.ts, sample.temperature_c, sample.humidity_pct)
        for sample in sorted(samples[device_id], key=lambda sample: sample.ts)
    ] == [(row.ts, row.temperature_c, row.humidity_pct) for row in rows[1:]]


async def test_the_end_of_the_window_is_part_of_it(home: HomeForTests) -> None:
    device_id = await home.device("edges")
    await home.write(device_id, [Row(NOON - hours(back), DRY_PCT) for back in range(4)])
    samples = await window_samples(
        home.connection, [device_id], NOON - hours(2), NOON - hours(1), NOON
    )
    assert {sample.ts for sample in samples[device_id]} == {NOON - hours(1), NOON - hours(2)}
