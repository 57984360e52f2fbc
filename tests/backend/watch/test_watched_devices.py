"""A device that the user watches by a threshold: judged at each reading, named by the user."""

from uuid import uuid4

from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import NOON, hours
from tests.support.rooms import SOURCE, HomeForTests, Row, SettableClock

RULE_ID = str(uuid4())
RULE = f"threshold:{RULE_ID}"


async def watch(home: HomeForTests, device_id: int, *limits: float) -> int:
    """Write what the document says of the device; return its subject."""
    await home.connection.execute(
        "INSERT INTO device_config (device_id, config) VALUES ($1, $2) "
        "ON CONFLICT (device_id) DO UPDATE SET config = EXCLUDED.config",
        device_id,
        {
            "source": {"kind": "device", "source_instance": SOURCE, "native_id": "fridge"},
            "name": "Fridge",
            "thresholds": [
                {
                    "rule_id": RULE_ID,
                    "metric": "temperature_c",
                    "direction": "above",
                    "threshold": limit,
                }
                for limit in limits
            ],
        },
    )
    subject_id: int = await home.connection.fetchval(
        "INSERT INTO subject (device_id) VALUES ($1) "
        "ON CONFLICT (device_id) DO UPDATE SET device_id = EXCLUDED.device_id RETURNING id",
        device_id,
    )
    await home.connection.execute(
        "INSERT INTO evaluation_request (subject_id, from_ts) VALUES ($1, $2)", subject_id, NOON
    )
    return subject_id


async def condition(home: HomeForTests, subject_id: int) -> dict[str, object]:
    found = await home.connection.fetchval(
        "SELECT condition FROM condition WHERE subject_id = $1", subject_id
    )
    assert isinstance(found, dict)
    return found


async def test_each_reading_of_a_watched_device_is_judged(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    fridge = await home.device("fridge")
    subject_id = await watch(home, fridge, 8.0)
    await evaluator.evaluate_waiting()
    assert RULE in (await condition(home, subject_id))["unknown_rules"]  # type: ignore[operator]

    await home.write(fridge, [Row(NOON, None, temperature_c=9.5)])
    clock.set(NOON)
    await evaluator.evaluate_waiting()
    found = await condition(home, subject_id)
    assert RULE not in found["unknown_rules"]  # type: ignore[operator]
    rows = await home.fetch(
        "SELECT state::text, level::text FROM incident WHERE rule_id = $1", RULE
    )
    assert [dict(row) for row in rows] == [{"state": "open", "level": "warning"}]
    message = await home.connection.fetchval(
        "SELECT message FROM notification JOIN incident ON incident.id = incident_id "
        "WHERE rule_id = $1",
        RULE,
    )
    assert message["room"] == "Fridge"


async def test_a_threshold_taken_away_ends_its_incident_and_the_asking(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    fridge = await home.device("fridge")
    subject_id = await watch(home, fridge, 8.0)
    await home.write(fridge, [Row(NOON, None, temperature_c=9.5)])
    clock.set(NOON)
    await evaluator.evaluate_waiting()
    await watch(home, fridge)
    clock.advance(hours(0.1))
    await evaluator.evaluate_waiting()
    assert (
        await home.connection.fetchval("SELECT state::text FROM incident WHERE rule_id = $1", RULE)
        == "retired"
    )
    await home.write(fridge, [Row(NOON + hours(0.2), None, temperature_c=12.0)])
    asked = await home.fetch("SELECT FROM evaluation_request WHERE subject_id = $1", subject_id)
    assert asked == []


async def test_what_a_new_device_had_stored_up_alarms_nobody_within_its_grace(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    """A freezer's logger is switched on and sends two warm days at once; then it cools down."""
    fridge = await home.device("fridge")
    await home.connection.execute(
        "UPDATE device SET first_seen_at = $1 WHERE id = $2", NOON, fridge
    )
    await watch(home, fridge, 8.0)
    backlog = [Row(NOON - hours(48 - n), None, temperature_c=19.0) for n in range(49)]
    await home.write(fridge, backlog)

    async def opened() -> int:
        await evaluator.evaluate_waiting()
        rows = await home.fetch("SELECT FROM incident WHERE opened_at IS NOT NULL")
        return len(rows)

    assert await opened() == 0
    clock.set(NOON + hours(0.4))
    await home.write(fridge, [Row(clock.now(), None, temperature_c=15.0)])
    assert await opened() == 0
    # still so when the half an hour is over: that is news
    clock.set(NOON + hours(0.6))
    await home.write(fridge, [Row(clock.now(), None, temperature_c=14.0)])
    assert await opened() == 1
