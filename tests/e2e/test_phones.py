"""Three phones, two of one name: each transition is seen once on each, whatever happens between.

Alarms of severity "high": they are said again where no receipt comes, which must not show.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from demo_flat.phone import Answer
from demo_flat.processes import until
from mould_watch.storage.binaries import find_binaries
from tests.support.companion import CompanionApp
from tests.support.family import Family
from tests.support.home_assistant import House, Json, TestRoom, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOMS = (
    "Bakery",
    "Brewery",
    "Dairy",
    "Distillery",
    "Forge",
    "Foundry",
    "Glassworks",
    "Mill",
    "Sawmill",
    "Tannery",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def family(house: House) -> AsyncIterator[Family]:
    family = Family(house)
    await family.move_in(ROOMS)
    yield family
    await family.move_out()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def phones_answer(family: Family) -> AsyncIterator[None]:
    yield
    for app in family.apps:
        app.phone.answer = Answer.ACCEPTED
        app.confirms = True


async def arrived(app: CompanionApp, room: TestRoom, count: int) -> None:
    await until(
        lambda: len(app.about(room.name)) >= count,
        timeout_s=60,
        what=f"{count} notifications about {room.name} on {app.label}",
    )


async def rows(
    house: House, room: TestRoom, app: CompanionApp, fits: Callable[[list[Json]], bool]
) -> list[Json]:
    """Wait until a phone's notifications about a room are as wanted; return them, oldest first."""
    found: list[Json] = []

    async def is_so() -> bool:
        found[:] = [
            one
            for one in reversed(await house.notifications(room))
            if one["target"] == app.device_id
        ]
        return fits(found)

    await eventually(is_so, timeout_s=90, what=f"the notifications of {room.name} to fit")
    return found


def all_sent(found: list[Json]) -> bool:
    return bool(found) and all(one["state"] == "sent" for one in found)


def all_confirmed(found: list[Json]) -> bool:
    return all(one["confirmed_at"] or not one["expects_receipt"] for one in found)


async def incident(house: House, room: TestRoom) -> Json:
    incidents: list[Json] = (await house.backend.get("/v1/incidents"))["incidents"]
    return next(one for one in incidents if one["room_id"] == room.room_id)


async def test_each_transition_is_seen_once_on_every_phone_also_on_two_of_one_name(
    house: House, family: Family
) -> None:
    room = await family.room()
    await family.heat(room)
    for app in family.apps:
        await arrived(app, room, 1)
        await rows(house, room, app, all_sent)
    # one of the twins has the action, the other is told in plain text: its own, and only once
    tags = sorted(bool(twin.about(room.name)[0].tag) for twin in family.twins)
    assert tags == [False, True]
    await family.cool(room)
    for app in family.apps:
        await arrived(app, room, 2)
        found = await rows(house, room, app, lambda found: len(found) == 2 and all_sent(found))
        assert [one["kind"] for one in found] == ["alarm", "recovery"]
        assert len(app.about(room.name)) == 2
    for app in family.apps:
        if app.about(room.name)[0].tag:
            assert app.alerts(room.name) == 1
            assert len(app.shown(room.name)) == 1

    issues = (await house.api.command("repairs/list_issues"))["issues"]
    alike = [one for one in issues if one["translation_key"] == "phones_alike"]
    assert {one["translation_placeholders"]["phone"] for one in alike} == {"Twin phone"}


async def test_a_receipt_is_recorded_and_without_one_it_is_said_again_unheard(
    house: House, family: Family
) -> None:
    room = await family.room()
    family.anna.confirms = False
    await family.heat(room)
    await arrived(family.anna, room, 3)
    found = await rows(house, room, family.anna, lambda found: len(found) == 3 and all_sent(found))
    assert [one["via"] for one in found] == ["push", "push", "entity"]
    assert [one["confirmed_at"] for one in found] == [None] * 3
    alarm, again, by_entity = family.anna.about(room.name)
    # the same tag, silently: only the text by the entity is a second one
    assert alarm.tag == again.tag
    assert again.data["alert_once"] is True
    assert (by_entity.tag, by_entity.message) == (None, alarm.message)
    assert family.anna.alerts(room.name) == 2
    for twin in family.twins:
        if twin.about(room.name)[0].tag:
            (row,) = await rows(house, room, twin, all_sent)
            assert row["expects_receipt"] is True
            assert row["confirmed_at"] is not None
            assert len(twin.about(room.name)) == 1


async def test_seen_on_one_phone_clears_the_alarm_on_all(house: House, family: Family) -> None:
    room = await family.room()
    await family.heat(room)
    for app in family.apps:
        await arrived(app, room, 1)
    (alarm,) = family.anna.about(room.name)
    assert [one["title"] for one in alarm.data["actions"]] == [
        "Seen",
        "Remind me tomorrow",
        "Open",
    ]
    await family.anna.press(alarm, "Seen")
    tagged = [app for app in family.apps if app.about(room.name)[0].tag]

    async def is_seen() -> bool:
        seen = (await incident(house, room))["acknowledged_at"]
        return seen is not None and not any(app.shown(room.name) for app in tagged)

    await eventually(is_seen, timeout_s=60, what="the alarm to be cleared on all phones")
    assert all(len(app.about(room.name)) == 1 for app in family.apps)


async def test_a_press_waits_for_the_backend_and_through_a_restart_of_home_assistant(
    house: House, family: Family
) -> None:
    room = await family.room()
    await family.heat(room)
    await arrived(family.anna, room, 1)
    (alarm,) = family.anna.about(room.name)
    await rows(house, room, family.anna, all_sent)
    await house.backend.process.kill()
    await family.anna.press(alarm, "Remind me tomorrow")
    await house.home_assistant.stop()
    await house.backend.start()
    await house.backend.wait_ready()
    await house.start_home_assistant()

    async def is_put_off() -> bool:
        return (await incident(house, room))["snoozed_until"] is not None

    await eventually(is_put_off, timeout_s=60, what="the incident to be put off")
    until_ = datetime.fromisoformat((await incident(house, room))["snoozed_until"])
    assert until_ > datetime.now(UTC)
    await until(
        lambda: not family.anna.shown(room.name), timeout_s=60, what="the alarm to be cleared"
    )
    assert len(family.anna.about(room.name)) == 1


async def test_home_assistant_that_dies_in_the_middle_shows_it_once(
    house: House, family: Family
) -> None:
    room = await family.room()
    for app in family.apps:
        app.phone.answer = Answer.SILENT
    await family.heat(room)
    # every phone has it, and nobody has heard so
    for app in family.apps:
        await arrived(app, room, 1)
    await house.home_assistant.process.kill()
    for app in family.apps:
        app.phone.answer = Answer.ACCEPTED
    await house.start_home_assistant()
    for app in family.apps:
        await rows(house, room, app, all_sent)
        pushes = app.about(room.name)
        if pushes[0].tag:
            assert app.alerts(room.name) == 1
            assert len(app.shown(room.name)) == 1


async def test_a_database_from_an_earlier_dump_alerts_nobody_twice(
    house: House, family: Family
) -> None:
    room = await family.room()
    await house.home_assistant.stop()
    await family.heat(room)
    await rows(
        house, room, family.anna, lambda found: [one["state"] for one in found] == ["pending"]
    )
    dump = house.backend.folder / "before.dump"
    await _postgres(house, "pg_dump", "-Fc", "-f", str(dump), house.backend.database.address)
    await house.start_home_assistant()
    for app in family.apps:
        await arrived(app, room, 1)
        await rows(house, room, app, lambda found: all_sent(found) and all_confirmed(found))
    # its database outlives it
    await house.backend.process.kill()
    await _restore(house, dump)
    await house.backend.start()
    await house.backend.wait_ready()
    for app in family.apps:
        # or it would be said again
        found = await rows(house, room, app, lambda found: all_sent(found) and all_confirmed(found))
        assert [one["kind"] for one in found] == ["alarm"]
        assert len(app.about(room.name)) == 1, "an id once delivered is answered from the Store"


async def test_a_database_from_before_an_alarm_leaves_no_second_one_on_any_phone(
    house: House, family: Family
) -> None:
    """It knows nothing of what the phones show, and finds the same again under another id."""
    room = await family.room()
    dump = house.backend.folder / "long-before.dump"
    await _postgres(house, "pg_dump", "-Fc", "-f", str(dump), house.backend.database.address)
    await family.heat(room)
    for app in family.apps:
        await arrived(app, room, 1)
        await rows(house, room, app, all_sent)
    tagged = [app for app in family.apps if app.about(room.name)[0].tag]
    await house.backend.process.kill()
    await _restore(house, dump)
    await house.backend.start()
    await house.backend.wait_ready()
    await until(
        lambda: not any(app.shown(room.name) for app in tagged),
        timeout_s=60,
        what="what nobody knows of any more to be taken away",
    )
    await family.heat(room)
    for app in family.apps:
        await rows(house, room, app, all_sent)
    assert [len(app.shown(room.name)) for app in tagged] == [1] * len(tagged)


@pytest.mark.parametrize("answer", [Answer.RATE_LIMITED, Answer.BROKEN, Answer.SILENT])
async def test_a_push_service_that_fails_is_told_by_the_notify_entity(
    house: House, family: Family, answer: Answer
) -> None:
    room = await family.room()
    family.anna.phone.answer = answer
    await family.heat(room)

    def has_told(found: list[Json]) -> bool:
        return any("push_failed" in (error or "") for error in _errors(found))

    found = await rows(house, room, family.anna, has_told)
    assert [one["via"] for one in found] == ["push", "push", "entity"]
    assert [one["state"] for one in found[:2]] == ["sent", "sent"], "the action hides it"
    # the others are told once, and do not wait for it
    for twin in family.twins:
        await rows(house, room, twin, all_sent)
        assert len(twin.about(room.name)) == 1


def _errors(found: list[Json]) -> list[str | None]:
    return [step["error"] for one in found if one["via"] == "entity" for step in one["steps"]]


async def _restore(house: House, dump: Any) -> None:  # noqa: ANN401 - a path
    """Put the dump in the place of the database."""
    server = house.backend.database
    connection = await asyncpg.connect(server.address_of("postgres"))
    try:
        await connection.execute("DROP DATABASE mould_watch WITH (FORCE)")
        await connection.execute("CREATE DATABASE mould_watch")
    finally:
        await connection.close()
    await _postgres(house, "pg_restore", "--exit-on-error", "-d", server.address, str(dump))


async def _postgres(house: House, program: str, *arguments: str) -> None:
    connection = await asyncpg.connect(house.backend.database.address)
    major = connection.get_server_version().major
    await connection.close()
    binaries = await find_binaries(major)
    process = await asyncio.create_subprocess_exec(
        str(binaries.program(program)), *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()
    assert process.returncode == 0, told.decode()
