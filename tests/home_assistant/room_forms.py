"""The form of a room: opened for a new one or for one that is there, and what it offers."""

from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import HomeAssistant

from tests.home_assistant.conftest import MockConfigEntry

DEVICE = {"kind": "device", "source_instance": "mqtt", "native_id": "0x01"}
FORM: dict[str, Any] = {
    "room": "Bathroom",
    "humidity": "device:mqtt:0x01",
    "protect": "cold_wall",
    "surface": {},
    "more": {},
    "rules": {"mould_level": "usual", "condensation": "usual", "no_data": "usual"},
    "limits": {"humidity_severity": "warning", "temperature_severity": "warning"},
    "told": {"notify": True, "who": "as_home"},
}


async def start_room(hass: HomeAssistant, entry: MockConfigEntry) -> Any:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "room"), context={"source": SOURCE_USER}
    )


async def change_room(hass: HomeAssistant, entry: MockConfigEntry, title: str = "Bathroom") -> Any:  # noqa: ANN401 - a flow result has many shapes
    subentry = next(s for s in entry.subentries.values() if s.title == title)
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "room"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )


def options_of(result: Any, field: str) -> list[str]:  # noqa: ANN401 - a flow result has many shapes
    return [option["value"] for option in result["data_schema"].schema[field].config["options"]]


def opened_in(result: Any) -> list[str]:  # noqa: ANN401 - a flow result has many shapes
    """Return the sections of a form that are not folded away."""
    fields = {str(key): field for key, field in result["data_schema"].schema.items()}
    sections = {key: one for key, one in fields.items() if hasattr(one, "options")}
    return [key for key, one in sections.items() if not one.options.get("collapsed", True)]
