"""What is told of a room in Home Assistant reaches the backend, and what follows comes back."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo_flat.flat import Air
from demo_flat.home_assistant_api import HomeAssistantError
from tests.support.home_assistant import DRY, House, eventually
from tests.support.phone import next_push

# dry on a usual wall, and too damp on one that stays as cold as 9.5 °C
MILD = Air(20.0, 50.0)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_is_told_of_a_room_is_heard_and_answered(house: House) -> None:
    sensor = house.new_sensor("Cloakroom")
    await house.publish_past(sensor, DRY, begin=timedelta(hours=26))
    room = await house.add_room("Cloakroom", sensor)
    (device,) = [one for one in await house.api.devices() if one["name"] == "Cloakroom"]

    async def state(key: str) -> dict[str, Any]:
        entity_id = (await house.entity_ids(room)).get(key, "")
        return (await house.api.states()).get(entity_id, {"state": "", "attributes": {}})

    async def is_judged() -> bool:
        return bool((await state("mould_level"))["state"] == "none")

    await eventually(is_judged, timeout_s=60, what="the room to be judged")
    words = (await state("mould_risk"))["attributes"]["words"]
    assert words.startswith("The surface is at ")

    # the house takes a fixed temperature for the outside: a wall compared with it says nothing
    with pytest.raises(HomeAssistantError, match="cold_spot_no_outdoor_temperature"):
        await house.api.command(
            "call_service",
            domain="mould_watch",
            service="record_cold_spot",
            service_data={"device_id": device["id"], "surface_temperature": 12.5},
            return_response=True,
        )

    since = (await state("mould_index"))["attributes"]["since"]
    button = (await house.entity_ids(room))["cleaned"]
    await house.api.call("button", "press", {"entity_id": button})

    async def is_new() -> bool:
        found = (await state("mould_index"))["attributes"]["since"]
        return found is not None and found > since

    await eventually(is_new, timeout_s=60, what="the index to begin anew")


async def test_a_cold_spot_that_is_accepted_makes_the_wall_colder_and_the_room_a_risk(
    house: House,
) -> None:
    """The room's whole day is judged by it: damp where the usual wall would have been dry."""
    indoors, outdoors = house.new_sensor("Alcove"), house.new_sensor("Balcony")
    await house.publish_past(indoors, MILD, begin=timedelta(hours=29))
    # as the house's fixed outdoor air, so that nothing else in it changes
    await house.publish_past(outdoors, Air(5.0, 80.0), begin=timedelta(minutes=30))
    room = await house.add_room("Alcove", indoors)
    (device,) = [one for one in await house.api.devices() if one["name"] == "Alcove"]
    ids = await house.entity_ids(room)

    async def state(key: str) -> str:
        return str((await house.api.states())[ids[key]]["state"])

    async def record(surface_c: float, **more: str) -> dict[str, Any]:
        answer: dict[str, Any] = await house.api.command(
            "call_service",
            domain="mould_watch",
            service="record_cold_spot",
            service_data={"device_id": device["id"], "surface_temperature": surface_c, **more},
            return_response=True,
        )
        return dict(answer["response"])

    async def is_dry() -> bool:
        return await state("mould_risk") == "off"

    await eventually(is_dry, timeout_s=60, what="the room to be judged")
    # the usual cold wall: 5 + 0.7 x 15
    assert float(await state("surface_temperature")) == pytest.approx(15.5)
    async with house.changed_home(outdoor=outdoors.name):
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        with pytest.raises(HomeAssistantError, match="cold_spot_in_the_future"):
            await record(9.5, at=tomorrow)
        before = (datetime.now(UTC) - timedelta(days=9)).isoformat()
        with pytest.raises(HomeAssistantError, match="cold_spot_before_first_reading"):
            await record(9.5, at=before)
        with pytest.raises(HomeAssistantError, match="cold_spot_factor_out_of_range"):
            await record(21.0)

        minute_ago = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        answer = await record(9.5, at=minute_ago)
        assert answer == {
            "f_rsi": 0.3,
            "spread": 0.0,
            "readings": 1,
            "accepted": True,
            "is_used": True,
        }

        async def is_at_risk() -> bool:
            return await state("mould_risk") == "on"

        await eventually(
            lambda: _is_near(state, 9.5), timeout_s=60, what="the surface to be as cold as measured"
        )
        await eventually(is_at_risk, timeout_s=60, what="the room to be at risk")
        assert await state("mould_level") in {"warning", "high"}
        push = await next_push(house.phone, room.name)
        assert push.title is not None

        # a second reading, warmer: the median of both counts, and the answer says so
        assert (await record(11.0))["readings"] == 2
        await eventually(
            lambda: _is_near(state, 10.25), timeout_s=60, what="the surface by both readings"
        )


async def _is_near(state: Callable[[str], Awaitable[str]], surface_c: float) -> bool:
    shown = await state("surface_temperature")
    return shown not in {"unknown", "unavailable"} and float(shown) == pytest.approx(surface_c)
