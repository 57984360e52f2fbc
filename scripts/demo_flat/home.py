"""Sets the home up through the integration's own flows, as a person would in the dialogs."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from .flow_driver import FlowDriver
from .home_assistant_api import HomeAssistantApi, HomeAssistantError, Json

DOMAIN = "mould_watch"
TRIAL_TAG = "mould_watch_test"
"""The tag of the notification that the set-up sends to try the way to a phone."""


@dataclass(frozen=True)
class Home:
    """What the entry's flow is told. `outdoor` is the name of a sensor; None: 5 °C, 80 %."""

    backend_url: str
    token: str
    outdoor: str | None
    phone_id: str
    send_test: bool = False


@dataclass(frozen=True)
class Room:
    """What a room's form is filled in with; `sensor` is the beginning of its label."""

    name: str
    sensor: str
    protect: str


async def configure(api: HomeAssistantApi, home: Home, rooms: Sequence[Room]) -> AsyncIterator[str]:
    """Set everything up; yield a line for each thing done."""
    entry_id, next_flow = await configure_home(api, home)
    yield "Mould Watch set up by its configuration flow"
    for room in rooms:
        await add_room(api, entry_id, room, next_flow)
        next_flow = None
        yield f"room “{room.name}” added (sensor {room.sensor}, protects: {room.protect})"


async def configure_home(api: HomeAssistantApi, home: Home) -> tuple[str, str | None]:
    """Go through the entry's flow; return the entry's id and the flow of the first room."""
    flow = FlowDriver(api)
    await flow.start(DOMAIN)
    flow.expect(kind="form", step_id="user")
    await flow.submit({"url": home.backend_url, "token": home.token})
    flow.expect(kind="form", step_id="home")
    await flow.fill(
        outdoor_kind="fixed" if home.outdoor is None else "measured",
        phones=[home.phone_id],
        send_test=home.send_test,
    )
    await _past_test(flow, is_sent=home.send_test)
    result = await _outdoors(flow, home.outdoor)
    next_flow = result.get("next_flow")
    return result["result"]["entry_id"], next_flow[1] if next_flow else None


async def change_home(
    api: HomeAssistantApi, entry_id: str, outdoor: str | None = None, **changes: object
) -> None:
    """Go through the options' flow; the outdoor air is that of a sensor `outdoor`, else fixed."""
    flow = FlowDriver(api, of="options/")
    await flow.start(entry_id)
    flow.expect(kind="form", step_id="home")
    await flow.fill(outdoor_kind="fixed" if outdoor is None else "measured", **changes)
    await _past_test(flow, is_sent=bool(changes.get("send_test")))
    await _outdoors(flow, outdoor)


async def _past_test(flow: FlowDriver, *, is_sent: bool) -> None:
    """Say that the test notification has arrived, if one was sent."""
    if is_sent:
        flow.expect(kind="menu", step_id="test_sent")
        await flow.choose("test_arrived")


async def _outdoors(flow: FlowDriver, outdoor: str | None) -> Json:
    """Say what the outdoor air is, which ends the flow; return its result."""
    if outdoor is None:
        flow.expect(kind="form", step_id="outdoor_fixed")
        result = await flow.fill(temperature=5, humidity=80)
    else:
        flow.expect(kind="form", step_id="outdoor_measured")
        result = await flow.fill(humidity=flow.option("humidity", outdoor))
    flow.expect(kind="create_entry")
    return result


async def add_room(
    api: HomeAssistantApi,
    entry_id: str,
    room: Room,
    flow_id: str | None = None,
    more: Json | None = None,
) -> Json:
    """Go through a room's flow, one begun already or a new one; return its subentry.

    `more` are fields of the section that is folded away.
    """
    await api.area(room.name)
    flow = FlowDriver(api, of="subentries/")
    if flow_id is None:
        await flow.start([entry_id, "room"])
    else:
        await flow.resume(flow_id)
    await past_menu(flow)
    flow.expect(kind="form", step_id="new_room")
    await flow.fill(
        room=room.name,
        humidity=flow.option("humidity", room.sensor),
        protect=room.protect,
        **(more or {}),
    )
    flow.expect(kind="create_entry")
    for subentry in await api.subentries(entry_id):
        if subentry["title"] == room.name:
            return subentry
    raise HomeAssistantError(f"the room {room.name} was made, and is not there")


async def past_menu(flow: FlowDriver) -> None:
    """Where rooms are archived a menu comes first: take a new one."""
    if flow.step["type"] == "menu":
        await flow.choose("new_room")
