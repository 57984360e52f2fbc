"""The form of a watched device: opened for a new one or a known one, and what is stored."""

from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, ConfigSubentryData
from homeassistant.core import HomeAssistant

from tests.home_assistant.conftest import MockConfigEntry

FRIDGE = {"kind": "device", "source_instance": "mqtt", "native_id": "0xf0"}
CHOICE = "device:mqtt:0xf0|temperature_c"
MORE = {"severity": "warning", "silent": "usual"}
TOLD = {"notify": True, "who": "as_home"}
FORM: dict[str, Any] = {"name": "Fridge", "above": 8, "more": MORE, "told": TOLD}


def watched(
    title: str = "Fridge", metric: str | None = "temperature_c", **data: object
) -> ConfigSubentryData:
    """Return a watched device, as it is stored."""
    source = data.pop("source", FRIDGE)
    stored: dict[str, object] = {"source": source} | data
    if metric is not None:
        stored["metric"] = metric
    assert isinstance(source, dict)
    identity = source.get("registry_id") or f"mqtt:{source.get('native_id')}"
    return ConfigSubentryData(
        data=stored,
        subentry_type="device",
        title=title,
        unique_id=f"{source['kind']}:{identity}|{metric or ''}",
    )


async def start_device(hass: HomeAssistant, entry: MockConfigEntry) -> Any:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "device"), context={"source": SOURCE_USER}
    )


async def change_device(hass: HomeAssistant, entry: MockConfigEntry) -> Any:  # noqa: ANN401 - a flow result has many shapes
    (subentry,) = entry.subentries.values()
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "device"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )


def labels_of(result: Any) -> dict[str, str]:  # noqa: ANN401 - a flow result has many shapes
    options = result["data_schema"].schema["what"].config["options"]
    return {option["value"]: option["label"] for option in options}
