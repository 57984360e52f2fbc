"""What is told of a room in Home Assistant reaches the backend, and what follows comes back."""

from datetime import timedelta
from typing import Any

import pytest

from demo_flat.home_assistant_api import HomeAssistantError
from tests.support.home_assistant import DRY, House, eventually

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

    await eventually(is_judged, timeout_s=20, what="the room to be judged")
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

    await eventually(is_new, timeout_s=20, what="the index to begin anew")
