"""Whom each rule tells, and as how serious: its own targets, else its room's or device's."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from mould_watch.storage.told import told_targets
from tests.support.climate import DAMP_DAY, DAMP_PCT, NOON, hours
from tests.support.damp_rooms import becomes_damp
from tests.support.rooms import SOURCE, HomeForTests, RoomForTests, Row
from tests.support.watched_values import MINUTE, Household, too_damp

COLD = {"kind": "fixed", "temperature_c": 0.0, "humidity_pct": 80.0}
WARM, HOT = UUID(int=11), UUID(int=12)


def too_warm(rule_id: UUID, threshold: float, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any part of a threshold
    return {
        "rule_id": str(rule_id),
        "metric": "temperature_c",
        "direction": "above",
        "threshold": threshold,
        **settings,
    }


async def fridge(household: Household, **config: Any) -> int:  # noqa: ANN401 - any part of a device
    """Watch a fridge that is in no room."""
    connection = household.home.connection
    device_id = await household.home.device("fridge")
    await connection.execute(
        "UPDATE device SET first_seen_at = $1, last_seen_at = $2 WHERE id = $3",
        NOON - hours(48),
        NOON,
        device_id,
    )
    await say(household, device_id, **config)
    await connection.execute("INSERT INTO subject (device_id) VALUES ($1)", device_id)
    await ask(household)
    return device_id


async def say(household: Household, device_id: int, **config: Any) -> None:  # noqa: ANN401 - any part of a device
    """Store what the document says of the fridge."""
    source = {"kind": "device", "source_instance": SOURCE, "native_id": "fridge"}
    await household.home.connection.execute(
        "INSERT INTO device_config (device_id, config) VALUES ($1, $2)"
        " ON CONFLICT (device_id) DO UPDATE SET config = EXCLUDED.config",
        device_id,
        {"source": source, "name": "Fridge", **config},
    )


async def ask(household: Household) -> None:
    await household.home.connection.execute(
        "INSERT INTO evaluation_request (subject_id, from_ts) SELECT id, $1 FROM subject", NOON
    )


async def hears_of_everything(home: HomeForTests) -> None:
    """Say that the broker is there, and has been."""
    await home.connection.execute(
        "INSERT INTO backend_state (part, is_well, since, reported_at)"
        " VALUES ('broker', true, $1, $2)",
        NOON - hours(9000),
        NOON + hours(9000),
    )


async def told(home: HomeForTests) -> dict[str, set[str]]:
    """Return who is told, or is to be, of each rule."""
    rows = await home.fetch(
        "SELECT rule_id, target FROM notification JOIN incident ON incident.id = incident_id"
        " WHERE kind = 'alarm' AND notification.state <> 'cancelled'"
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["rule_id"], set()).add(row["target"])
    return found


async def test_each_threshold_of_a_device_tells_its_own_and_nobody_else(
    household: Household,
) -> None:
    device_id = await fridge(
        household,
        targets=["phone-3"],
        thresholds=[
            too_warm(WARM, 8.0),
            too_warm(HOT, 15.0, targets=["phone-2", "apprise:mail"]),
        ],
    )
    await household.home.write(device_id, [Row(NOON, None, temperature_c=19.0)])
    await household.go_on()
    assert await told(household.home) == {
        f"threshold:{WARM}": {"phone-3"},
        f"threshold:{HOT}": {"phone-2", "mail"},
    }
    await household.go_on(MINUTE)
    assert household.kinds("phone-2") == household.kinds("phone-3") == ["alarm"]
    # whom the home tells is not named for it
    assert household.kinds("phone-1") == []
    assert await told_targets(household.home.connection) >= {"phone-1", "phone-2", "apprise:mail"}


async def test_what_is_watched_is_called_by_its_own_name_and_only_once(
    household: Household,
) -> None:
    named = [too_warm(WARM, 8.0, name="Fridge"), too_warm(HOT, 15.0, name="Freezer shelf")]
    device_id = await fridge(household, thresholds=named)
    await household.home.write(device_id, [Row(NOON, None, temperature_c=19.0)])
    await household.go_on()
    rows = await household.home.fetch("SELECT message ->> 'title' AS title FROM notification")
    assert {row["title"] for row in rows} == {
        "Fridge: the temperature is 19 °C, above 8 °C",
        "Freezer shelf: the temperature is 19 °C, above 15 °C",
    }


async def test_who_is_named_for_a_rule_may_change_while_it_is_told(household: Household) -> None:
    limit = too_warm(WARM, 8.0, targets=["phone-2"])
    device_id = await fridge(household, targets=["phone-3"], thresholds=[limit])
    await household.home.write(device_id, [Row(NOON, None, temperature_c=19.0)])
    await household.go_on()
    assert await told(household.home) == {f"threshold:{WARM}": {"phone-2"}}
    # naming nobody any more, it is told to those of its device again
    await say(household, device_id, targets=["phone-3"], thresholds=[too_warm(WARM, 8.0)])
    await ask(household)
    await household.go_on()
    assert await told(household.home) == {f"threshold:{WARM}": {"phone-3"}}


async def test_silence_of_a_device_tells_its_own(household: Household) -> None:
    await hears_of_everything(household.home)
    rules = {"silent": {"hours": 1, "targets": ["phone-2"]}}
    await fridge(household, targets=["phone-3"], rules=rules)
    await household.go_on(hours(2))
    assert await told(household.home) == {"silent": {"phone-2"}}


async def test_each_rule_of_a_room_tells_its_own(household: Household) -> None:
    room = await household.home.room(
        "Bath",
        targets=["phone-3"],
        rules={"mould_level": {"targets": ["phone-2"]}},
        metric_thresholds=[too_damp(WARM), too_damp(HOT) | {"targets": ["apprise:mail"]}],
    )
    await room.measure(NOON, DAMP_DAY)
    await household.go_on()
    assert await told(household.home) == {
        "mould_level": {"phone-2"},
        f"threshold:{WARM}": {"phone-3"},
        f"threshold:{HOT}": {"mail"},
    }


async def test_trouble_of_the_backend_tells_those_of_its_rule(household: Household) -> None:
    await household.home.configure(
        phones=["phone-1"], rules={"spool_filling": {"targets": ["phone-2"]}}
    )
    await household.home.connection.execute(
        "INSERT INTO backend_state (part, is_well, since, reported_at, detail)"
        " VALUES ('spool', true, $1, $2, $3)",
        NOON,
        NOON + hours(1),
        {"share": 0.6},
    )
    await household.home.connection.execute("INSERT INTO subject (is_backend) VALUES (true)")
    await ask(household)
    await household.go_on()
    assert await told(household.home) == {"spool_filling": {"phone-2"}}


async def damp(household: Household, **rule: object) -> RoomForTests:
    """Return a room whose mould has come to level warning, told of as `rule` says."""
    room = await household.home.room("Bath", rules={"mould_level": rule})
    await room.measure(NOON, DAMP_DAY)
    await household.go_on()
    return room


@pytest.mark.parametrize(
    ("severity", "severities"), [(None, ["warning"]), ("watch", []), ("high", ["high"])]
)
async def test_mould_is_told_as_serious_as_the_household_finds_it_and_shown_as_it_is(
    household: Household, severity: str | None, severities: list[str]
) -> None:
    room = await damp(household, **({} if severity is None else {"severity": severity}))
    assert [one["severity"] for one in await room.notifications()] == severities
    condition = await room.condition()
    assert condition is not None
    assert (condition["level"], condition["incident"]["level"]) == ("warning", "warning")
    # what is high waits neither for company nor for the morning
    assert household.kinds() == (["alarm"] if severity == "high" else [])


async def test_a_mould_rule_that_is_off_tells_nobody_and_makes_no_room_safe(
    household: Household,
) -> None:
    room = await damp(household, enabled=False)
    condition = await room.condition()
    assert condition is not None
    assert (condition["level"], condition["at_risk"]) == ("warning", True)
    assert (condition["incidents"], await room.notifications()) == ([], [])


async def test_mould_that_is_a_warning_at_most_is_told_once_however_far_it_comes(
    household: Household,
) -> None:
    room = await damp(household, severity="warning")
    await household.go_on(MINUTE)
    await household.home.connection.execute(
        "INSERT INTO mould_episode (room_id, began_at, reason, start_index)"
        " VALUES ($1, $2, 'told', 4)",
        room.room_id,
        household.clock.now(),
    )
    for _ in range(8):
        await household.measure(room, DAMP_PCT)
        await household.go_on(hours(1))
    condition = await room.condition()
    assert condition is not None
    assert condition["level"] == "damage"
    assert household.kinds() == ["alarm"]
    # it is told like any other that got worse, once the household wants that
    await room.configure()
    await household.go_on()
    assert household.kinds() == ["alarm", "step_up"]
    assert household.heard[-1]["severity"] == "damage"


async def test_wet_is_told_where_mould_that_is_no_less_serious_is_not(
    household: Household,
) -> None:
    """What explains another speaks for it to those only who hear of it."""
    wet = {"severity": "warning", "minutes": 0}
    await household.home.configure(phones=["phone-1"], outdoor=COLD)
    heard: dict[str, dict[str, set[str]]] = {}
    for name, mould in {
        "told": {},
        "not told": {"notify": False},
        "only shown": {"severity": "watch"},
        "told to another": {"targets": ["phone-2"]},
    }.items():
        room = await household.home.room(
            name, protect="cold_wall", rules={"mould_level": mould, "condensation": wet}
        )
        await household.home.connection.execute("DELETE FROM notification")
        await room.measure(NOON, DAMP_DAY)
        await household.go_on()
        heard[name] = await told(household.home)
    assert heard == {
        "told": {"mould_level": {"phone-1"}},
        "not told": {"condensation": {"phone-1"}},
        "only shown": {"condensation": {"phone-1"}},
        "told to another": {"mould_level": {"phone-2"}, "condensation": {"phone-1"}},
    }


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        # as the home: the room without data says it to the same phones
        ({"rules": {"silent": {"hours": 7}}}, None),
        ({"targets": ["phone-1"], "rules": {"silent": {"hours": 7}}}, None),
        # named for the sensor, and not told of the room
        (
            {"targets": ["phone-1", "phone-2"], "rules": {"silent": {"hours": 7}}},
            {"phone-2"},
        ),
    ],
)
async def test_whoever_is_named_for_a_sensor_hears_of_it_unless_they_hear_of_its_room(
    household: Household, config: dict[str, Any], expected: set[str] | None
) -> None:
    await hears_of_everything(household.home)
    room = await household.home.room("Bath")
    device_id = room.device_id
    await household.home.connection.execute(
        "INSERT INTO subject (device_id) VALUES ($1)", device_id
    )
    await household.home.connection.execute(
        "UPDATE device SET last_seen_at = $1, first_seen_at = $1 WHERE id = $2", NOON, device_id
    )
    await say(household, device_id, **config)
    await becomes_damp(household, room)
    await ask(household)
    for _ in range(20):
        await household.go_on(timedelta(minutes=30))
    heard = await told(household.home)
    assert heard.pop("no_data") == {"phone-1"}
    assert heard.get("silent") == expected


async def test_who_is_told_of_anything_is_whom_the_document_names_now(home: HomeForTests) -> None:
    await home.configure(phones=["phone-1", "apprise:mail"])
    room = await home.room("Bath", targets=["phone-old"])
    await room.configure(targets=["phone-2"])
    gone = await home.room("Attic", targets=["phone-gone"])
    await gone.archive()
    # what is only shown, or cannot be said to anybody, is shown inside Home Assistant
    assert await told_targets(home.connection) == {
        "persistent",
        "phone-1",
        "phone-2",
        "apprise:mail",
    }
