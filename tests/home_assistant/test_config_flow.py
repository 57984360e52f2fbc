"""The entry flow: every step, every error, and that each error can be put right."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from homeassistant.config_entries import (
    SOURCE_HASSIO,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
    FlowType,
)
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.service_info.hassio import HassioServiceInfo

from custom_components.mould_watch.config_flow import normal_url
from custom_components.mould_watch.const import CONF_TAKE_OVER, DOMAIN
from custom_components.mould_watch.document import home_from_wire
from custom_components.mould_watch.home_flow import BACKEND_RULES
from tests.home_assistant.backend import TOKEN, Backend, device
from tests.home_assistant.conftest import Phone, Setup, room, room_id_of
from tests.support.waiting import until

ROOM_ID = "6f6c9a53-7f0e-4e13-8d8b-0c1d8f2f9a01"
SOURCE = {"kind": "device", "source_instance": "mqtt", "native_id": "0x01"}
HOME: dict[str, Any] = {"outdoor_kind": "none", "phones": [], "send_test": False}
type Register = Callable[..., Awaitable[Phone]]

pytestmark = pytest.mark.usefixtures("_unloaded")


def _document(owner: str, *names: str) -> dict[str, Any]:
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


async def _start(hass: HomeAssistant, backend: Backend, **data: str) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["step_id"] == "user"
    return await _go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN, **data})


async def _go_on(hass: HomeAssistant, result: ConfigFlowResult, **data: Any) -> ConfigFlowResult:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.flow.async_configure(result["flow_id"], data)


async def _choose(hass: HomeAssistant, result: ConfigFlowResult, step: str) -> ConfigFlowResult:
    assert result["type"] is FlowResultType.MENU
    return await _go_on(hass, result, next_step_id=step)


def _suggested(result: Any) -> dict[str, Any]:  # noqa: ANN401 - a flow result has many shapes
    """Return what a form starts with."""
    return {
        str(key.schema): key.description["suggested_value"]
        for key in result["data_schema"].schema
        if key.description and "suggested_value" in key.description
    }


async def test_straight_on_into_the_first_room(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    result = await _start(hass, backend, **{CONF_URL: f" 127.0.0.1:{backend.port}/ "})
    assert result["step_id"] == "home"
    result = await _go_on(hass, result, **HOME)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.unique_id == backend.backend_id
    assert entry.data == {CONF_URL: backend.url, CONF_TOKEN: TOKEN}
    assert entry.state is ConfigEntryState.LOADED
    flow_type, flow_id = result["next_flow"]
    assert flow_type is FlowType.CONFIG_SUBENTRIES_FLOW
    assert hass.config_entries.subentries.async_get(flow_id)["step_id"] == "new_room"
    await until(lambda: backend.owner == owner)
    assert backend.document is not None
    assert backend.document["home"] == {
        "phones": [],
        "language": "en",
        "time_zone": "US/Pacific",
        "temperature_unit": "°C",
    }


@pytest.mark.parametrize(
    ("break_it", "error"),
    [
        (lambda backend: setattr(backend, "token", "another"), {"base": "invalid_auth"}),
        (
            lambda backend: setattr(backend, "api", {"minimum": 0, "maximum": 0}),
            {"base": "backend_too_old"},
        ),
        (
            lambda backend: setattr(backend, "api", {"minimum": 2, "maximum": 2}),
            {"base": "backend_too_new"},
        ),
        (lambda backend: setattr(backend, "info", {"some": "thing"}), {"base": "not_mould_watch"}),
        (lambda backend: setattr(backend, "info", ["list"]), {"base": "not_mould_watch"}),
        (lambda backend: setattr(backend, "backend_id", None), {"base": "backend_starting"}),
    ],
)
async def test_an_error_is_said_and_can_be_put_right(
    hass: HomeAssistant,
    backend: Backend,
    break_it: Callable[[Backend], None],
    error: dict[str, str],
) -> None:
    healthy = dict(vars(backend))
    break_it(backend)
    result = await _start(hass, backend)
    assert result["errors"] == error
    for name in ("token", "api", "info", "backend_id"):
        setattr(backend, name, healthy[name])
    result = await _go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["step_id"] == "home"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1", {"base": "cannot_connect"}),
        ("ftp://127.0.0.1", {CONF_URL: "invalid_url"}),
        ("http://", {CONF_URL: "invalid_url"}),
        ("{backend}/elsewhere", {"base": "not_mould_watch"}),
    ],
)
async def test_a_wrong_address_is_said(
    hass: HomeAssistant, backend: Backend, url: str, error: dict[str, str]
) -> None:
    result = await _start(hass, backend, **{CONF_URL: url.format(backend=backend.url)})
    assert result["errors"] == error
    result = await _go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["step_id"] == "home"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("box:8099", "http://box:8099"),
        ("https://box/", "https://box"),
        ("http://box:8099/path/?a=b#c", "http://box:8099/path"),
    ],
)
def test_an_address_has_one_spelling(text: str, url: str) -> None:
    assert normal_url(text) == url


async def test_a_backend_is_set_up_once(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    await setup(room())
    result = await _start(hass, backend)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_weather_and_phones_are_preselected(
    hass: HomeAssistant, backend: Backend, mobile_app: Register
) -> None:
    phones = [await mobile_app("Pixel"), await mobile_app("iPhone")]
    weather = er.async_get(hass).async_get_or_create("weather", "test", "home")
    hass.states.async_set(weather.entity_id, "sunny", {})
    hass.states.async_set("weather.a_not_registered", "sunny", {})
    result = await _start(hass, backend)
    suggested = _suggested(result)
    assert suggested["outdoor_kind"] == "weather"
    assert suggested["weather"] == weather.entity_id
    assert set(suggested["phones"]) == {phone.device_id for phone in phones}
    result = await _go_on(hass, result, **{**suggested, "weather": "weather.a_not_registered"})
    assert result["errors"] == {"weather": "not_registered"}
    result = await _go_on(hass, result, outdoor_kind="weather")
    assert result["errors"] == {"weather": "weather_missing"}
    result = await _go_on(hass, result, **suggested)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].options == {
        "outdoor": {
            "kind": "weather",
            "weather": {"kind": "entity", "registry_id": weather.id},
        },
        "phones": suggested["phones"],
    }


async def test_outdoor_air_from_sensors(hass: HomeAssistant, backend: Backend) -> None:
    backend.devices.append(device("0x02", "Balcony"))
    backend.devices.append(device("0x03", "Shed", "humidity_pct"))
    result = await _start(hass, backend)
    result = await _go_on(hass, result, **{**HOME, "outdoor_kind": "measured"})
    assert result["step_id"] == "outdoor_measured"
    result = await _go_on(hass, result, humidity="device:mqtt:0x03")
    assert result["errors"] == {"temperature": "temperature_missing"}
    result = await _go_on(hass, result, humidity="device:mqtt:0x03", temperature="device:mqtt:0x02")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].options["outdoor"] == {
        "kind": "measured",
        "temperature": {"kind": "device", "source_instance": "mqtt", "native_id": "0x02"},
        "humidity": {"kind": "device", "source_instance": "mqtt", "native_id": "0x03"},
    }


async def test_outdoor_sensors_without_the_devices_of_the_backend(
    hass: HomeAssistant, backend: Backend, register_sensor: Callable[..., er.RegistryEntry]
) -> None:
    humidity = register_sensor("outside", "humidity", "80", "%")
    backend.refusals["devices"] = {"code": "database_unavailable"}
    result = await _start(hass, backend)
    result = await _go_on(hass, result, **{**HOME, "outdoor_kind": "measured"})
    assert result["data_schema"] is not None
    assert [o["value"] for o in result["data_schema"].schema["humidity"].config["options"]] == [
        f"entity:{humidity.id}"
    ]


async def test_fixed_outdoor_air_in_the_units_of_the_home(
    hass: HomeAssistant, backend: Backend
) -> None:
    from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM  # noqa: PLC0415

    hass.config.units = US_CUSTOMARY_SYSTEM
    result = await _start(hass, backend)
    result = await _go_on(hass, result, **{**HOME, "outdoor_kind": "fixed"})
    assert result["step_id"] == "outdoor_fixed"
    result = await _go_on(hass, result, temperature=23, humidity=80)
    assert result["result"].options["outdoor"] == {
        "kind": "fixed",
        "temperature_c": -5.0,
        "humidity_pct": 80,
    }


async def test_a_test_notification_is_really_sent(
    hass: HomeAssistant,
    backend: Backend,
    mobile_app: Register,
    record_calls: Callable[[str], list[Any]],
) -> None:
    phone = await mobile_app("Pixel")
    # without the entity, which is asked first
    for entity in er.async_entries_for_device(er.async_get(hass), phone.device_id):
        er.async_get(hass).async_remove(entity.entity_id)
    calls = record_calls(phone.action)
    result = await _start(hass, backend)
    result = await _go_on(hass, result, **{**HOME, "phones": [phone.device_id], "send_test": True})
    assert result["step_id"] == "test_sent"
    assert calls[0].data["title"] == "Mould Watch"
    assert "at risk" in calls[0].data["message"]
    result = await _choose(hass, result, "home")
    assert _suggested(result)["outdoor_kind"] == "none"
    result = await _go_on(hass, result, **{**HOME, "phones": [phone.device_id], "send_test": True})
    result = await _choose(hass, result, "test_arrived")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(calls) == 2


async def test_going_back_from_the_test_notification_keeps_what_was_chosen(
    hass: HomeAssistant, backend: Backend
) -> None:
    registry = er.async_get(hass)
    for name in ("away", "home"):
        entity = registry.async_get_or_create("weather", "test", name, object_id_base=name)
        hass.states.async_set(entity.entity_id, "sunny")
    chosen = sorted(hass.states.async_entity_ids("weather"))[1]
    result = await _start(hass, backend)
    weather = {"outdoor_kind": "weather", "weather": chosen, "phones": [], "send_test": True}
    result = await _choose(hass, await _go_on(hass, result, **weather), "home")
    assert _suggested(result)["outdoor_kind"] == "weather"
    assert _suggested(result)["weather"] == chosen


async def test_a_test_notification_that_fails_is_said(
    hass: HomeAssistant, backend: Backend, mobile_app: Register
) -> None:
    phone = await mobile_app("Pixel")
    await hass.config_entries.async_unload(phone.entry.entry_id)
    result = await _start(hass, backend)
    result = await _go_on(
        hass, result, **{**HOME, "phones": [phone.device_id, "gone"], "send_test": True}
    )
    assert result["errors"] == {"base": "test_failed"}
    fault = (result["description_placeholders"] or {})["error"]
    assert "Pixel has no notify action" in fault
    assert "gone" in fault
    result = await _go_on(hass, result, **HOME)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_push_that_does_not_get_through_is_said(
    hass: HomeAssistant, backend: Backend, mobile_app: Register
) -> None:
    # nothing listens at the phone's push address: the action would hide it
    phone = await mobile_app("Pixel")
    result = await _start(hass, backend)
    result = await _go_on(hass, result, **{**HOME, "phones": [phone.device_id], "send_test": True})
    assert result["errors"] == {"base": "test_failed"}


async def test_the_test_notification_goes_to_the_services_too(
    hass: HomeAssistant, backend: Backend
) -> None:
    from homeassistant.components import persistent_notification  # noqa: PLC0415

    backend.service_faults["mail"] = "the mail server answered 535"
    result = await _start(hass, backend)
    form = {**HOME, "services": ["chat", "mail"], "send_test": True}
    result = await _go_on(hass, result, **form)
    assert result["errors"] == {"base": "test_failed"}
    # the chat has got it
    fault = (result["description_placeholders"] or {})["error"]
    assert fault == "mail: the mail server answered 535"
    backend.service_faults.clear()
    result = await _go_on(hass, result, **form)
    assert result["step_id"] == "test_sent"
    told = backend.of("service_test")
    assert sorted(one["name"] for one in told) == ["chat", "chat", "mail", "mail"]
    assert (told[0]["title"], "at risk" in told[0]["body"]) == ("Mould Watch", True)
    assert not persistent_notification._async_get_or_create_notifications(hass)


async def test_a_backend_that_goes_before_the_test_is_said(
    hass: HomeAssistant, backend: Backend
) -> None:
    result = await _start(hass, backend)
    await backend.stop()
    result = await _go_on(hass, result, **{**HOME, "services": ["chat"], "send_test": True})
    assert result["errors"] == {"base": "test_failed"}
    assert (result["description_placeholders"] or {})["error"].startswith("chat: ")


async def test_the_user_may_be_faster_than_the_discovered_app(
    hass: HomeAssistant, backend: Backend
) -> None:
    await _discover(hass, backend)
    result = await _start(hass, backend)
    assert result["step_id"] == "home"


async def test_without_a_phone_the_test_is_shown_inside_home_assistant(
    hass: HomeAssistant, backend: Backend
) -> None:
    from homeassistant.components import persistent_notification  # noqa: PLC0415

    result = await _start(hass, backend)
    await _go_on(hass, result, **{**HOME, "send_test": True})
    assert "mould_watch_test" in persistent_notification._async_get_or_create_notifications(hass)


async def test_a_backend_with_rooms_gives_them_back(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    backend.document = _document(owner, "Cellar", "Bathroom")
    backend.owner, backend.revision = owner, 7
    result = await _start(hass, backend)
    assert _suggested(result)["outdoor_kind"] == "fixed"
    result = await _go_on(hass, result, **{**HOME, "outdoor_kind": "fixed"})
    result = await _go_on(hass, result, **_suggested(result))
    entry = result["result"]
    assert "next_flow" not in result
    assert {s.title: s.unique_id for s in entry.subentries.values()} == {
        "Cellar": ROOM_ID[:-1] + "0",
        "Bathroom": ROOM_ID[:-1] + "1",
    }
    cellar = next(s for s in entry.subentries.values() if s.title == "Cellar")
    assert dict(cellar.data) == {
        "sources": {"temperature": SOURCE, "humidity": SOURCE},
        "protect": "cellar",
        "damp_hours": 4.0,
    }
    # it goes on where the backend was, and archives nothing
    await until(lambda: backend.revision == 8)
    assert backend.archived == []


async def test_rooms_that_cannot_be_read_are_said(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    backend.document, backend.owner = _document(owner, "Cellar"), owner
    backend.refusals["restore"] = {"code": "database_unavailable", "message": "away"}
    result = await _start(hass, backend)
    assert result["errors"] == {"base": "refused"}
    backend.refusals.clear()
    result = await _go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["step_id"] == "home"


async def test_another_owner_can_be_watched_only(hass: HomeAssistant, backend: Backend) -> None:
    backend.document, backend.owner = _document("somebody", "Cellar"), "somebody"
    result = await _start(hass, backend)
    assert result["step_id"] == "other_owner"
    result = await _choose(hass, result, "read_only")
    entry = result["result"]
    assert "next_flow" not in result
    assert not entry.subentries
    assert entry.runtime_data.configuration.reader
    assert backend.of("configure") == []


async def test_another_owner_can_be_taken_over_with_its_rooms(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    backend.document, backend.owner = _document("somebody", "Cellar"), "somebody"
    backend.revision = 7
    backend.refusals["configure"] = {"code": "other_owner", "data": {"owner": "somebody"}}
    result = await _choose(hass, await _start(hass, backend), "take_over")
    result = await _go_on(hass, result, **HOME)
    entry = result["result"]
    await until(lambda: backend.owner == owner)
    assert [subentry.title for subentry in entry.subentries.values()] == ["Cellar"]
    assert backend.archived == []
    await until(lambda: CONF_TAKE_OVER not in entry.data)
    assert backend.of("configure")[-1]["choice"] == "use_this"


async def test_taking_over_what_cannot_be_read_ends_clearly(
    hass: HomeAssistant, backend: Backend
) -> None:
    backend.document, backend.owner = _document("somebody", "Cellar"), "somebody"
    backend.refusals["restore"] = {"code": "database_unavailable", "message": "away"}
    result = await _choose(hass, await _start(hass, backend), "take_over")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "refused"


async def test_reauth(hass: HomeAssistant, backend: Backend, setup: Setup) -> None:
    entry = await setup(room())
    backend.token = "new"
    await backend.drop()
    await until(lambda: bool(hass.config_entries.flow.async_progress()))
    (flow,) = hass.config_entries.flow.async_progress()
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {CONF_TOKEN: "bad"})
    assert result["errors"] == {"base": "invalid_auth"}
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {CONF_TOKEN: "new"})
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    await until(lambda: entry.runtime_data.coordinator.last_update_success)
    assert entry.data[CONF_TOKEN] == "new"


async def test_reauth_of_an_entry_that_is_not_loaded(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.token = "new"
    entry = await setup(wait=False)
    (flow,) = hass.config_entries.flow.async_progress()
    await hass.config_entries.flow.async_configure(flow["flow_id"], {CONF_TOKEN: "new"})
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure(hass: HomeAssistant, backend: Backend, setup: Setup) -> None:
    entry = await setup(room())
    result = await entry.start_reconfigure_flow(hass)
    assert _suggested(result) == {CONF_URL: backend.url}
    wrong = {CONF_URL: "http://127.0.0.1:1", CONF_TOKEN: TOKEN}
    result = await _go_on(hass, result, **wrong)
    assert result["errors"] == {"base": "cannot_connect"}
    await backend.stop()
    backend.port = 0
    await backend.start()
    result = await _go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data[CONF_URL] == backend.url


async def test_reconfigure_to_another_backend_is_refused(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    backend.backend_id = "another"
    result = await entry.start_reconfigure_flow(hass)
    result = await _go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "other_backend"


def _discovery(backend: Backend) -> HassioServiceInfo:
    return HassioServiceInfo(
        config={"host": "127.0.0.1", "port": backend.port, "auth_token": backend.token},
        name="Mould Watch app",
        slug="abcd_mould_watch",
        uuid="the-uuid",
    )


async def _discover(hass: HomeAssistant, backend: Backend) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_HASSIO}, data=_discovery(backend)
    )


async def test_the_app_is_found(hass: HomeAssistant, backend: Backend) -> None:
    result = await _discover(hass, backend)
    assert result["step_id"] == "hassio_confirm"
    assert result["description_placeholders"] == {"app": "Mould Watch app"}
    result = await _go_on(hass, result)
    result = await _go_on(hass, result, **HOME)
    entry = result["result"]
    # not the discovery's id: reinstalling the app must not remove the rooms
    assert entry.unique_id == backend.backend_id
    assert entry.data == {CONF_URL: backend.url, CONF_TOKEN: TOKEN}


async def test_an_app_that_still_starts_can_be_confirmed_later(
    hass: HomeAssistant, backend: Backend
) -> None:
    backend_id, backend.backend_id = backend.backend_id, None
    result = await _discover(hass, backend)
    assert result["step_id"] == "hassio_confirm"
    result = await _go_on(hass, result)
    assert result["errors"] == {"base": "backend_starting"}
    backend.backend_id = backend_id
    result = await _go_on(hass, result)
    assert result["step_id"] == "home"


async def test_a_rediscovered_app_brings_its_new_address(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.stop()
    backend.port, backend.token = 0, "new"
    await backend.start()
    result = await _discover(hass, backend)
    assert result["reason"] == "already_configured"
    await hass.async_block_till_done()
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    assert entry.data == {CONF_URL: backend.url, CONF_TOKEN: "new"}
    assert room_id_of(entry)


async def test_a_rediscovered_app_heals_an_entry_that_failed(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.token = "new"
    entry = await setup(wait=False)
    assert not hass.config_entries.async_loaded_entries(DOMAIN)
    await _discover(hass, backend)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_the_home_is_changed_by_the_options(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    fixed = {"kind": "fixed", "temperature_c": -5.0, "humidity_pct": 80.0}
    entry = await setup(room(), options={"outdoor": fixed, "phones": ["gone"]})
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["step_id"] == "home"
    assert _suggested(result)["outdoor_kind"] == "fixed"
    assert _suggested(result)["phones"] == []
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
    assert _suggested(result)["outdoor_kind"] == "measured"
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {**HOME, "outdoor_kind": "measured"}
    )
    assert _suggested(result) == {"humidity": "device:mqtt:0x01", "temperature": "same_device"}
    hass.config_entries.options.async_abort(result["flow_id"])
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(result["flow_id"], HOME)
    assert entry.options == {"phones": []}
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert _suggested(result)["outdoor_kind"] == "none"


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
    assert _suggested(result)["weather"] == weather.entity_id
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
