"""A dashboard for the flat, made over Home Assistant's own interface as a user's would be."""

from collections.abc import Sequence

from .home_assistant_api import HomeAssistantApi, Json

_PATH = "demo-flat"


async def make_dashboard(api: HomeAssistantApi, rooms: Sequence[str]) -> None:
    """Make a dashboard of the rooms, and let it be the first page."""
    entities = await api.entities()
    devices = {device["id"]: device["name"] for device in await api.devices()}
    by_room: dict[str, dict[str, str]] = {room: {} for room in rooms}
    for entity in entities:
        room = devices.get(entity["device_id"])
        if entity["platform"] == "mould_watch" and room in by_room:
            by_room[room][entity["translation_key"]] = entity["entity_id"]
    await api.command(
        "lovelace/dashboards/create",
        url_path=_PATH,
        title="Flat",
        icon="mdi:home-heart",
        show_in_sidebar=True,
        require_admin=False,
    )
    sections = [_section(room, by_room[room]) for room in rooms]
    view = {"title": "Flat", "type": "sections", "max_columns": 3, "sections": sections}
    await api.command("lovelace/config/save", url_path=_PATH, config={"views": [view]})
    await api.command("frontend/set_user_data", key="core", value={"default_panel": _PATH})


def _section(room: str, entities: dict[str, str]) -> Json:
    """Return a room's section: its state, and how damp air and surface have been."""
    tiles: list[Json] = [
        {"type": "tile", "entity": entities[key], "name": name, "grid_options": {"columns": 6}}
        for key, name in (
            ("mould_risk", "Mould risk"),
            ("mould_level", "Level"),
            ("reason", "Why"),
            ("surface_humidity", "At the surface"),
            ("temperature", "Temperature"),
            ("humidity", "Humidity"),
        )
    ]
    graph = {
        "type": "history-graph",
        "hours_to_show": 1,
        "entities": [
            {"entity": entities["surface_humidity"], "name": "at the surface"},
            {"entity": entities["humidity"], "name": "in the air"},
        ],
    }
    return {"type": "grid", "cards": [{"type": "heading", "heading": room}, *tiles, graph]}
