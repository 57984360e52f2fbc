"""What any form of the integration suggests, and how a room's or a device's is filled in."""

from typing import Any

from homeassistant.core import HomeAssistant


async def fill_in(hass: HomeAssistant, result: Any, data: dict[str, Any]) -> Any:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.subentries.async_configure(result["flow_id"], data)


def suggested_of(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - a flow result has many shapes
    return {
        str(key.schema): key.description["suggested_value"]
        for key in schema.schema
        if key.description and "suggested_value" in key.description
    }
