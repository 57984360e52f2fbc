"""The forms that set an entry up: started with a backend's address, step by step."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import TOKEN, Backend

ROOM_ID = "6f6c9a53-7f0e-4e13-8d8b-0c1d8f2f9a01"
SOURCE = {"kind": "device", "source_instance": "mqtt", "native_id": "0x01"}
HOME: dict[str, Any] = {"outdoor_kind": "none", "phones": [], "send_test": False}


def stored_document(owner: str, *names: str) -> dict[str, Any]:
    return {
        "owner": owner,
        "revision": 7,
        "home": {
            "outdoor": {"kind": "fixed", "temperature_c": -5.0, "humidity_pct": 80.0},
            "phones": [],
            "language": "de",
        },
        "rooms": [
            {
                "room_id": ROOM_ID[:-1] + str(number),
                "name": name,
                "sources": {"temperature": SOURCE, "humidity": SOURCE},
                "protect": "cellar",
                "f_rsi": None,
                "damp_hours": 4.0,
                "notify": True,
            }
            for number, name in enumerate(names)
        ],
    }


async def start_setup(hass: HomeAssistant, backend: Backend, **data: str) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["step_id"] == "user"
    return await go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN, **data})


async def go_on(hass: HomeAssistant, result: ConfigFlowResult, **data: Any) -> ConfigFlowResult:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.flow.async_configure(result["flow_id"], data)


async def choose_step(hass: HomeAssistant, result: ConfigFlowResult, step: str) -> ConfigFlowResult:
    assert result["type"] is FlowResultType.MENU
    return await go_on(hass, result, next_step_id=step)
