"""Changing the home later: outdoor air, quiet hours, services, what is only shown."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er

from custom_components.mould_watch.document import home_from_wire
from custom_components.mould_watch.home_flow import BACKEND_RULES
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup, room
from tests.home_assistant.entry_forms import HOME, SOURCE
from tests.home_assistant.forms import suggested_of
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_unloaded")


async def test_the_home_is_changed_by_the_options(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    fixed = {"kind": "fixed", "temperature_c": -5.0, "humidity_pct": 80.0}
    entry = await setup(room(), options={"outdoor": fixed, "phones": ["gone"]})
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["step_id"] == "home"
    assert suggested_of(result["data_schema"])["outdoor_kind"] == "fixed"
    assert suggested_of(result["data_schema"])["phones"] == []
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {**HOME, "outdoor_kind": "measured"}
    )
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {"humidity": "device:mqtt:0x01"}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await until(
        lambda: (
            backend.document is not None
            and backend.document["home"].get("outdoor")
            == {"kind": "measured", "temperature": SOURCE, "humidity": SOURCE}
        )
    )
    assert backend.connections == 1
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert suggested_of(result["data_schema"])["outdoor_kind"] == "measured"
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {**HOME, "outdoor_kind": "measured"}
    )
    assert suggested_of(result["data_schema"]) == {
        "humidity": "device:mqtt:0x01",
        "temperature": "same_device",
    }
    hass.config_entries.options.async_abort(result["flow_id"])
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(result["flow_id"], HOME)
    assert entry.options == {"phones": []}
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert suggested_of(result["data_schema"])["outdoor_kind"] == "none"


async def test_the_options_of_an_entry_that_is_not_loaded(
    hass: HomeAssistant, setup: Setup
) -> None:
    weather = er.async_get(hass).async_get_or_create("weather", "test", "home")
    outdoor = {
        "kind": "weather",
        "weather": {"kind": "entity", "registry_id": weather.id},
    }
    entry = await setup(room(), options={"outdoor": outdoor})
    await hass.config_entries.async_unload(entry.entry_id)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert suggested_of(result["data_schema"])["weather"] == weather.entity_id
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {**HOME, "outdoor_kind": "measured"}
    )
    assert result["step_id"] == "outdoor_measured"


@pytest.mark.parametrize(
    ("quiet_from", "quiet_until", "stored"),
    [
        ("22:00:00", "07:00:00", None),
        ("23:30:00", "06:15:00", {"start": "23:30", "end": "06:15"}),
        ("00:00:00", "00:00:00", {"start": "00:00", "end": "00:00"}),
        (None, None, None),
    ],
)
async def test_only_unusual_quiet_hours_are_stored(
    hass: HomeAssistant,
    *,
    setup: Setup,
    quiet_from: str | None,
    quiet_until: str | None,
    stored: dict[str, str] | None,
) -> None:
    entry = await setup(options={"quiet_hours": {"start": "20:00", "end": "09:00"}})
    result: Any = await hass.config_entries.options.async_init(entry.entry_id)
    shown = {
        str(key): key.description["suggested_value"]
        for key in result["data_schema"].schema
        if key.description
    }
    assert (shown["quiet_from"], shown["quiet_until"]) == ("20:00:00", "09:00:00")
    times = {"quiet_from": quiet_from, "quiet_until": quiet_until}
    form = {"outdoor_kind": "none", "send_test": False}
    form |= {key: value for key, value in times.items() if value is not None}
    await hass.config_entries.options.async_configure(result["flow_id"], form)
    assert entry.options.get("quiet_hours") == stored


async def test_half_of_the_quiet_hours_is_not_enough(hass: HomeAssistant, setup: Setup) -> None:
    entry = await setup()
    result: Any = await hass.config_entries.options.async_init(entry.entry_id)
    form = {"outdoor_kind": "none", "send_test": False, "quiet_from": "22:00:00"}
    result = await hass.config_entries.options.async_configure(result["flow_id"], form)
    assert result["errors"] == {"quiet_until": "quiet_incomplete"}


async def test_a_service_of_the_backend_is_told_beside_the_phones(
    hass: HomeAssistant, setup: Setup, backend: Backend
) -> None:
    entry = await setup()
    result: Any = await hass.config_entries.options.async_init(entry.entry_id)
    form = {"outdoor_kind": "none", "send_test": False, "phones": ["phone-1"]}
    wrong = form | {"services": ["E-Mail"]}
    result = await hass.config_entries.options.async_configure(result["flow_id"], wrong)
    assert result["errors"] == {"services": "service_name"}
    # a slip of the pen is found before the first alarm fails
    unknown = form | {"services": ["mial"]}
    result = await hass.config_entries.options.async_configure(result["flow_id"], unknown)
    assert result["errors"] == {"services": "service_unknown"}
    assert result["description_placeholders"]["services"] == "chat, mail"
    assert result["data_schema"].schema["services"].config["options"] == ["chat", "mail"]
    fields = [str(key) for key in result["data_schema"].schema]
    assert fields[2:4] == ["phones", "services"]
    right = form | {"services": ["mail", " apprise:chat ", "mail", ""]}
    await hass.config_entries.options.async_configure(result["flow_id"], right)
    assert entry.options["services"] == ["mail", "chat"]
    told = ["phone-1", "apprise:mail", "apprise:chat"]

    def home() -> dict[str, Any]:
        return dict(backend.document["home"]) if backend.document else {}

    await until(lambda: home().get("phones") == told)
    # and back again, where a stored document is taken over
    assert home_from_wire(home()) == dict(entry.options)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    await hass.config_entries.options.async_configure(result["flow_id"], form)
    assert "services" not in entry.options


async def test_trouble_of_the_backend_itself_may_be_only_shown(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    form = {"outdoor_kind": "none", "send_test": False, "tell_trouble": False}
    result: Any = await hass.config_entries.options.async_init(entry.entry_id)
    await hass.config_entries.options.async_configure(result["flow_id"], form)
    silent = {"notify": False}
    assert entry.options["rules"] == dict.fromkeys(BACKEND_RULES, silent)
    await backend.wait_for(
        "configure", lambda m: m["document"]["home"].get("rules") == entry.options["rules"]
    )
    result = await hass.config_entries.options.async_init(entry.entry_id)
    shown = {
        str(key): key.description["suggested_value"]
        for key in result["data_schema"].schema
        if key.description
    }
    assert shown["tell_trouble"] is False
    form["tell_trouble"] = True
    await hass.config_entries.options.async_configure(result["flow_id"], form)
    assert "rules" not in entry.options
