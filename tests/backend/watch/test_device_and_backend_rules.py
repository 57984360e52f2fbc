"""Silence, the broker, the spool and dead letters: judged and told on a real database."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mould_watch.storage.database import Connection, Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import NOON, hours
from tests.support.rooms import SOURCE, HomeForTests, Row, SettableClock
from tests.support.watched_values import MINUTE, Household

LONG = timedelta(days=400)


@pytest.fixture
async def household(
    home: HomeForTests, evaluator: Evaluator, database: Database, clock: SettableClock
) -> Household:
    await report(home, "broker", since=NOON - LONG)
    return Household(home, evaluator, database, clock)


async def report(
    home: HomeForTests, part: str, *, since: datetime, well: bool = True, **detail: object
) -> None:
    """Say how a part is, in a report that never grows old."""
    await home.connection.execute(
        "INSERT INTO backend_state (part, is_well, since, reported_at, detail)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (part) DO UPDATE"
        " SET is_well = EXCLUDED.is_well, since = EXCLUDED.since, detail = EXCLUDED.detail",
        part,
        well,
        since,
        NOON + LONG,
        detail,
    )


async def sensor(household: Household, **config: Any) -> int:  # noqa: ANN401 - any part of a device
    """Watch a battery sensor that was heard at noon and is in no room."""
    connection = household.home.connection
    device_id = await household.home.device("sensor")
    await connection.execute(
        "UPDATE device SET first_seen_at = $1, last_seen_at = $1,"
        " metrics = '{temperature_c,battery_pct}' WHERE id = $2",
        NOON,
        device_id,
    )
    source = {"kind": "device", "source_instance": SOURCE, "native_id": "sensor"}
    await connection.execute(
        "INSERT INTO device_config (device_id, config) VALUES ($1, $2)",
        device_id,
        {"source": source, "name": "Fridge", **config},
    )
    await connection.execute("INSERT INTO subject (device_id) VALUES ($1)", device_id)
    await ask(connection)
    await household.go_on()
    return device_id


async def ask(connection: Connection) -> None:
    await connection.execute(
        "INSERT INTO evaluation_request (subject_id, from_ts) SELECT id, $1 FROM subject", NOON
    )


async def incidents(household: Household) -> list[tuple[str, str, str]]:
    rows = await household.home.fetch(
        "SELECT rule_id, state::text, level::text FROM incident ORDER BY rule_id"
    )
    return [(row["rule_id"], row["state"], row["level"]) for row in rows]


async def wait_until(household: Household, at: datetime) -> None:
    while household.clock.now() < at:
        await household.go_on(min(timedelta(minutes=30), at - household.clock.now()))
    # what was written now goes when its group wait is over
    await household.go_on(2 * MINUTE)


async def test_a_battery_device_is_told_of_after_25_hours_and_not_before(
    household: Household,
) -> None:
    device_id = await sensor(household)
    await wait_until(household, NOON + hours(25) - 3 * MINUTE)
    assert await incidents(household) == []
    await wait_until(household, NOON + hours(25) + 2 * MINUTE)
    assert await incidents(household) == [("silent", "open", "warning")]
    assert household.kinds() == ["alarm"]
    assert household.heard[0]["title"] == "Fridge: has stopped sending"
    now = household.clock.now()
    await household.home.write(device_id, [Row(now, None)])
    await household.home.connection.execute("UPDATE device SET last_seen_at = $1", now)
    await wait_until(household, now + 3 * MINUTE)
    assert await incidents(household) == [("silent", "resolved", "warning")]
    assert household.kinds() == ["alarm", "recovery"]


@pytest.mark.parametrize(
    ("power_source", "interval_s", "limit"),
    [
        # it says that it has a battery, and never how full that is
        ("battery", 60, hours(25)),
        ("mains", 600, hours(1)),
        ("mains", 3600, hours(4)),
        # nobody says: it may sleep, unless it reports each minute
        (None, 600, hours(25)),
        (None, 60, hours(1)),
    ],
)
async def test_what_sends_no_charge_is_silent_after_what_is_known_of_its_power(
    household: Household, power_source: str | None, interval_s: float, limit: timedelta
) -> None:
    device_id = await sensor(household)
    await household.home.connection.execute(
        "UPDATE device SET metrics = '{temperature_c}', power_source = $1,"
        " reporting_interval_s = $2 WHERE id = $3",
        power_source,
        interval_s,
        device_id,
    )
    await ask(household.home.connection)
    await household.go_on()
    await wait_until(household, NOON + limit - 3 * MINUTE)
    assert await incidents(household) == []
    await wait_until(household, NOON + limit + 2 * MINUTE)
    assert await incidents(household) == [("silent", "open", "warning")]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"rules": {"silent": {"enabled": False}}}, []),
        ({"rules": {"silent": {"notify": False}}}, [("silent", "open", "warning")]),
        ({"notify": False}, [("silent", "open", "warning")]),
        ({"rules": {"silent": {"severity": "watch"}}}, [("silent", "open", "watch")]),
    ],
)
async def test_silence_is_switched_off_or_only_shown_for_each_device(
    household: Household, config: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    await sensor(household, **config)
    await wait_until(household, NOON + hours(26))
    assert await incidents(household) == expected
    assert household.heard == []


async def test_nobody_is_silent_while_the_broker_is_away(household: Household) -> None:
    await sensor(household)
    await report(household.home, "broker", since=NOON + hours(1), well=False)
    await wait_until(household, NOON + hours(40))
    assert [one for one in await incidents(household) if one[0] == "silent"] == []
    back = household.clock.now()
    await report(household.home, "broker", since=back)
    await wait_until(household, back + hours(24))
    assert [one for one in await incidents(household) if one[0] == "silent"] == []
    await wait_until(household, back + hours(25.1))
    assert ("silent", "open", "warning") in await incidents(household)


@pytest.fixture
async def backend(household: Household) -> Household:
    """The backend watched as well."""
    await household.home.connection.execute("INSERT INTO subject (is_backend) VALUES (true)")
    await ask(household.home.connection)
    return household


async def test_a_broker_that_is_away_is_told_after_a_quarter_of_an_hour(
    backend: Household,
) -> None:
    await report(backend.home, "broker", since=NOON, well=False)
    await wait_until(backend, NOON + timedelta(minutes=14))
    assert backend.heard == []
    await wait_until(backend, NOON + timedelta(minutes=18))
    assert [one["title"] for one in backend.heard] == ["Mould Watch: no sensor can be heard"]
    back = backend.clock.now()
    await report(backend.home, "broker", since=back)
    await wait_until(backend, back + timedelta(minutes=35))
    assert backend.kinds() == ["alarm", "recovery"]


async def test_a_spool_nearly_full_is_told_at_night_too(backend: Household) -> None:
    backend.clock.set(NOON + hours(12))
    await report(backend.home, "spool", since=NOON, share=0.85)
    await backend.go_on()
    assert backend.kinds() == ["alarm"]
    assert backend.heard[0]["severity"] == "high"


@pytest.mark.parametrize(("severity", "kinds"), [(None, []), ("warning", ["alarm"])])
async def test_dead_letters_are_shown_and_told_to_who_wants_it(
    backend: Household, severity: str | None, kinds: list[str]
) -> None:
    if severity is not None:
        await backend.home.configure(
            phones=["phone-1"], rules={"dead_letters": {"severity": severity}}
        )
    async with backend.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO dead_letter_count (day, kind, topic, reason, count)"
            " VALUES ($1, 1, 't', 'not_json', 10)",
            NOON.date(),
        )
        await connection.execute(
            "INSERT INTO dead_letter (day, kind, number, received_at, source, topic, reason,"
            " detail, payload, payload_size, payload_sha256, fingerprint)"
            " VALUES ($1, 1, 1, $2, 'mqtt', 't', 'not_json', 'd', '', 0, $3, 1)",
            NOON.date(),
            NOON,
            bytes(32),
        )
    await ask(backend.home.connection)
    await backend.go_on()
    await backend.go_on(MINUTE)
    assert await incidents(backend) == [("dead_letters", "open", severity or "watch")]
    assert backend.kinds() == kinds
