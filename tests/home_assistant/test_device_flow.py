"""Watching a single device: choosing it, giving it limits, changing them."""

from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM

from custom_components.mould_watch import subentry_flow
from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import Backend, device
from tests.home_assistant.conftest import MockConfigEntry, Setup, set_sensor
from tests.support.waiting import until

FRIDGE = {"kind": "device", "source_instance": "mqtt", "native_id": "0xf0"}
CHOICE = "device:mqtt:0xf0|temperature_c"
MORE = {"severity": "warning", "silent": "usual"}
TOLD = {"notify": True, "who": "as_home"}
FORM: dict[str, Any] = {"name": "Fridge", "above": 8, "more": MORE, "told": TOLD}
type Register = Callable[..., er.RegistryEntry]


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


@pytest.fixture(autouse=True)
def _fridge(backend: Backend) -> None:
    backend.devices.append(device("0xf0", "Kitchen fridge", "temperature_c", "battery_pct"))


async def _start(hass: HomeAssistant, entry: MockConfigEntry) -> Any:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "device"), context={"source": SOURCE_USER}
    )


async def _change(hass: HomeAssistant, entry: MockConfigEntry) -> Any:  # noqa: ANN401 - a flow result has many shapes
    (subentry,) = entry.subentries.values()
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "device"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )


async def _go_on(hass: HomeAssistant, result: Any, data: dict[str, Any]) -> Any:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.subentries.async_configure(result["flow_id"], data)


def _labels(result: Any) -> dict[str, str]:  # noqa: ANN401 - a flow result has many shapes
    options = result["data_schema"].schema["what"].config["options"]
    return {option["value"]: option["label"] for option in options}


def _suggested(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - a flow result has many shapes
    return {
        str(key.schema): key.description["suggested_value"]
        for key in schema.schema
        if key.description and "suggested_value" in key.description
    }


async def test_a_fridge_is_watched_in_two_steps(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await _start(hass, entry)
    assert _labels(result)[CHOICE] == "Kitchen fridge (MQTT): temperature"
    assert _labels(result)["device:mqtt:0xf0|"] == "Kitchen fridge (MQTT): only whether it reports"
    result = await _go_on(hass, result, {"what": CHOICE})
    assert result["step_id"] == "limits"
    assert _suggested(result["data_schema"]) == {"name": "Kitchen fridge"}
    assert result["data_schema"].schema["above"].config["unit_of_measurement"] == "°C"
    result = await _go_on(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert (subentry.title, subentry.unique_id) == ("Fridge", CHOICE)
    # what was not changed is not stored
    assert dict(subentry.data) == {"source": FRIDGE, "metric": "temperature_c", "above": 8}
    await until(lambda: bool((backend.document or {}).get("devices")))
    assert backend.document is not None
    (sent,) = backend.document["devices"]
    (threshold,) = sent.pop("thresholds")
    assert sent == {"source": FRIDGE, "name": "Fridge"}
    assert threshold.pop("rule_id")
    assert threshold == {
        "name": "Fridge",
        "metric": "temperature_c",
        "direction": "above",
        "threshold": 8,
    }


async def test_everything_a_user_can_say_reaches_the_backend(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await _go_on(hass, await _start(hass, entry), {"what": CHOICE})
    more = {
        "margin": 0.5,
        "count": 3,
        "minutes": 10,
        "severity": "high",
        "silent": "high",
        "silent_hours": 2,
    }
    told = {
        "notify": False,
        "who": "only_these",
        "phones": ["phone-1"],
        "services": ["mail"],
    }
    form = {"name": "Fridge", "above": 8, "below": 2, "more": more, "told": told}
    await _go_on(hass, result, form)
    await until(lambda: bool((backend.document or {}).get("devices")))
    assert backend.document is not None
    (sent,) = backend.document["devices"]
    assert sent["rules"] == {"silent": {"severity": "high", "hours": 2, "notify": False}}
    assert sent["targets"] == ["phone-1", "apprise:mail"]
    above, below = sent["thresholds"]
    assert above["rule_id"] != below["rule_id"]
    assert (above["recovery_threshold"], below["recovery_threshold"]) == (7.5, 2.5)
    for threshold in (above, below):
        assert threshold["count"] == 3
        assert threshold["minutes"] == 10
        assert threshold["severity"] == "high"
        assert threshold["notify"] is False
    # and the backend gives the same back to a new entry
    (subentry,) = entry.subentries.values()
    before = dict(subentry.data)
    await entry.runtime_data.configuration.use_backend()
    (after,) = entry.subentries.values()
    assert (dict(after.data), after.title, after.unique_id) == (before, "Fridge", CHOICE)


async def test_a_device_may_be_watched_only_for_its_reports(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await _go_on(hass, await _start(hass, entry), {"what": "device:mqtt:0xf0|"})
    assert "above" not in {str(key) for key in result["data_schema"].schema}
    more = {"silent": "usual", "silent_hours": 3}
    await _go_on(hass, result, {"name": "Fridge", "more": more, "told": TOLD})
    await until(lambda: bool((backend.document or {}).get("devices")))
    assert backend.document is not None
    assert backend.document["devices"] == [
        {"source": FRIDGE, "name": "Fridge", "rules": {"silent": {"hours": 3}}}
    ]
    await until(lambda: hass.states.get("binary_sensor.fridge_reports") is not None)
    assert hass.states.get("binary_sensor.fridge_beyond_its_limit") is None
    await entry.runtime_data.configuration.use_backend()
    (after,) = entry.subentries.values()
    assert dict(after.data) == {"source": FRIDGE, "silent_hours": 3}


async def test_two_values_of_one_device_are_one_device_to_the_backend(
    backend: Backend, setup: Setup
) -> None:
    await setup(
        watched(above=8.0, silent_hours=2),
        watched("Fridge battery", "battery_pct", below=10, notify=False),
    )
    assert backend.document is not None
    (sent,) = backend.document["devices"]
    assert [t["metric"] for t in sent["thresholds"]] == ["temperature_c", "battery_pct"]
    # of its silence is told as long as anything about it is
    assert sent["rules"] == {"silent": {"hours": 2}}
    assert "targets" not in sent


@pytest.mark.parametrize(
    ("one", "other", "home", "told"),
    [
        (["a"], ["apprise:mail"], ["b"], ["a", "apprise:mail"]),
        # nobody hears less of one because another is told of to somebody else
        (None, ["a"], ["b"], ["b", "apprise:chat", "a"]),
        (None, ["persistent"], [], ["apprise:chat", "persistent"]),
        (None, None, ["b"], None),
    ],
)
async def test_a_device_tells_all_who_are_named_for_anything_of_it(
    *,
    backend: Backend,
    setup: Setup,
    one: list[str] | None,
    other: list[str] | None,
    home: list[str],
    told: list[str] | None,
) -> None:
    named: list[dict[str, Any]] = [
        {} if targets is None else {"targets": targets} for targets in (one, other)
    ]
    await setup(
        watched(above=8.0, **named[0]),
        watched("Fridge battery", "battery_pct", below=10, **named[1]),
        options={"phones": home, "services": ["chat"]},
    )
    assert backend.document is not None
    assert backend.document["devices"][0].get("targets") == told


async def test_silence_that_is_only_shown_or_not_even_that(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(watched("Probe", None, silent_hours=3))
    more = {"silent": "off"}
    form = {"name": "Probe", "more": more, "told": {**TOLD, "notify": False}}
    await _go_on(hass, await _change(hass, entry), form)
    await backend.wait_for(
        "configure",
        lambda m: (
            m["document"]["devices"][0].get("rules")
            == {"silent": {"enabled": False, "notify": False}}
        ),
    )
    (subentry,) = entry.subentries.values()
    assert dict(subentry.data) == {"source": FRIDGE, "silent": False, "notify": False}
    result = await _change(hass, entry)
    assert _suggested(result["data_schema"].schema["more"].schema)["silent"] == "off"
    await entry.runtime_data.configuration.use_backend()
    (after,) = entry.subentries.values()
    assert dict(after.data) == {"source": FRIDGE, "silent": False, "notify": False}


async def test_an_entity_of_home_assistant_is_forwarded_in_the_metrics_unit(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: Register, owner: str
) -> None:
    pressure = register_sensor("barometer", "atmospheric_pressure", "29.92", "inHg")
    entry = await setup()
    result = await _start(hass, entry)
    choice = f"entity:{pressure.id}|pressure_hpa"
    assert _labels(result)[choice].endswith("pressure")
    result = await _go_on(hass, result, {"what": choice})
    await _go_on(hass, result, {"name": "Storm", "below": 990, "more": MORE, "told": TOLD})
    await hass.async_block_till_done()
    set_sensor(hass, pressure.entity_id, "29.00", "inHg", "atmospheric_pressure")
    await until(lambda: bool(backend.readings()))
    assert backend.readings()[-1]["metrics"] == {"pressure_hpa": pytest.approx(982.05, abs=0.01)}
    # its state is that of the backend's device of this Home Assistant
    told = device(pressure.id, "Barometer", "pressure_hpa", instance=f"ha:{owner}")
    await backend.send({"type": "device", "device": {**told, "condition": {"incidents": []}}})
    await until(
        lambda: (
            (s := hass.states.get("binary_sensor.storm_beyond_its_limit")) is not None
            and s.state == "off"
        )
    )


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({"name": " "}, {"name": "name_length"}),
        ({"name": "x" * 121}, {"name": "name_length"}),
        ({"above": None}, {"base": "limit_missing"}),
        ({"above": 2, "below": 8}, {"base": "limits_crossed"}),
        ({"told": {**TOLD, "services": ["mail"]}}, {"base": "told_as_home"}),
    ],
)
async def test_what_is_wrong_is_told_and_the_form_stays(
    hass: HomeAssistant, setup: Setup, form: dict[str, Any], errors: dict[str, str]
) -> None:
    entry = await setup()
    result = await _go_on(hass, await _start(hass, entry), {"what": CHOICE})
    wrong = {key: value for key, value in {**FORM, **form}.items() if value is not None}
    result = await _go_on(hass, result, wrong)
    assert result["errors"] == errors
    assert not entry.subentries
    await _go_on(hass, result, FORM)
    assert len(entry.subentries) == 1


async def test_a_refusal_of_the_backend_is_found_before_the_form_saves(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    backend.device_errors["Fridge"] = "no such thing"
    result = await _go_on(hass, await _start(hass, entry), {"what": CHOICE})
    result = await _go_on(hass, result, FORM)
    assert result["errors"] == {"base": "device_refused"}
    assert result["description_placeholders"]["message"] == "no such thing"
    backend.device_errors.clear()
    backend.refusals["check_configuration"] = {"code": "other_owner", "message": "no", "data": {}}
    result = await _go_on(hass, result, FORM)
    assert result["errors"] == {"base": "read_only"}
    backend.refusals["check_configuration"] = {
        "code": "revision_too_old",
        "message": "no",
        "data": {},
    }
    # settled by its own repair, not by this form
    assert (await _go_on(hass, result, FORM))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_backend_lost_while_the_form_is_open(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await _go_on(hass, await _start(hass, entry), {"what": CHOICE})
    await backend.stop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    assert (await _go_on(hass, result, FORM))["errors"] == {"base": "not_connected"}


async def test_the_limits_are_changed_and_the_device_stays(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(watched(above=8.0, margin=1.0, count=2, notify=False))
    result = await _change(hass, entry)
    assert result["step_id"] == "reconfigure"
    assert _suggested(result["data_schema"]) == {"name": "Fridge", "above": 8.0}
    assert _suggested(result["data_schema"].schema["more"].schema) == {
        "margin": 1.0,
        "count": 2,
        "severity": "warning",
        "silent": "usual",
    }
    assert _suggested(result["data_schema"].schema["told"].schema) == {
        "notify": False,
        "who": "as_home",
        "phones": [],
        "services": [],
    }
    backend.device_errors["Freezer"] = "no"
    form = {**FORM, "name": "Freezer", "above": -15}
    result = await _go_on(hass, result, form)
    assert result["errors"] == {"base": "device_refused"}
    backend.device_errors.clear()
    result = await _go_on(hass, result, form)
    assert result["reason"] == "reconfigure_successful"
    (subentry,) = entry.subentries.values()
    assert dict(subentry.data) == {"source": FRIDGE, "metric": "temperature_c", "above": -15}
    registry = dr.async_get(hass)
    await until(
        lambda: (
            {d.name for d in dr.async_entries_for_config_entry(registry, entry.entry_id)}
            == {"Freezer"}
        )
    )


async def test_temperatures_are_asked_for_in_the_homes_unit(
    hass: HomeAssistant, setup: Setup
) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    entry = await setup(watched(above=7.77, margin=0.55))
    result = await _change(hass, entry)
    shown = _suggested(result["data_schema"])["above"]
    margin = _suggested(result["data_schema"].schema["more"].schema)["margin"]
    assert (shown, margin) == (46.0, 1.0)
    more = {**MORE, "margin": margin}
    await _go_on(hass, result, {**FORM, "above": shown, "more": more})
    (subentry,) = entry.subentries.values()
    # shown rounded: left alone it does not move
    assert (subentry.data["above"], subentry.data["margin"]) == (7.77, 0.55)
    more["margin"] = 9
    await _go_on(hass, await _change(hass, entry), {**FORM, "above": 50, "more": more})
    assert (subentry.data["above"], subentry.data["margin"]) == (10.0, 5.0)


async def test_what_is_watched_already_is_not_offered_again(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.devices = [device("0xf0", "Fridge", "temperature_c")]
    entry = await setup(watched(above=8.0))
    assert set(_labels(await _start(hass, entry))) == {"device:mqtt:0xf0|"}
    backend.devices = []
    await backend.drop()
    await until(lambda: not entry.runtime_data.coordinator.data.devices)
    assert (await _start(hass, entry))["reason"] == "nothing_to_watch"


@pytest.mark.parametrize("start", [_start, _change])
async def test_an_entry_that_is_not_loaded_watches_no_device(
    hass: HomeAssistant, setup: Setup, start: Callable[..., Any]
) -> None:
    entry = await setup(watched(above=8.0))
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await start(hass, entry))["reason"] == "entry_not_loaded"


async def test_without_a_connection_or_as_a_reader_none_is_added(
    hass: HomeAssistant, backend: Backend, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subentry_flow, "CONNECTION_TIMEOUT_S", 0.05)
    backend.owner = "somebody"
    entry = await setup(wait=False)
    await until(lambda: entry.runtime_data.configuration.reader)
    assert (await _start(hass, entry))["reason"] == "read_only"
    await backend.stop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    assert (await _start(hass, entry))["reason"] == "not_connected"


async def test_a_device_the_backend_refuses_later_is_a_repair(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.device_errors["Fridge"] = "not now"
    entry = await setup(watched(above=8.0))
    issue_id = f"device_refused.{entry.entry_id}.device:mqtt:0xf0"
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None)
    backend.device_errors.clear()
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, title="Icebox")
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None)


async def test_a_watched_entity_that_is_gone_is_a_repair(
    hass: HomeAssistant, setup: Setup, register_sensor: Register
) -> None:
    sensor = register_sensor("probe", "temperature", "4", "°C")
    source = {"kind": "entity", "registry_id": sensor.id}
    entry = await setup(watched(source=source, above=8.0))
    (subentry,) = entry.subentries.values()
    issue_id = f"watched_missing.{entry.entry_id}.{subentry.unique_id}"
    er.async_get(hass).async_remove(sensor.entity_id)
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None)
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None)


async def test_what_a_watched_device_shows(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(watched(above=8.0))
    assert backend.document is not None
    rule = f"threshold:{backend.document['devices'][0]['thresholds'][0]['rule_id']}"

    def shown() -> tuple[str, str]:
        limit = hass.states.get("binary_sensor.fridge_beyond_its_limit")
        reports = hass.states.get("binary_sensor.fridge_reports")
        assert limit is not None
        assert reports is not None
        return limit.state, reports.state

    # nobody has judged it yet
    assert shown() == ("unknown", "unknown")
    await backend.tell_device("0xf0", condition={"incidents": [], "unknown_rules": [rule]})
    await until(lambda: shown() == ("unknown", "on"))
    await backend.tell_device("0xf0", condition={"incidents": [], "unknown_rules": []})
    await until(lambda: shown() == ("off", "on"))
    verifying = {"incident_id": "incident-1", "rule_id": rule, "state": "verifying"}
    await backend.tell_device("0xf0", condition={"incidents": [verifying]})
    await backend.tell_device("0xf0", condition={"incidents": [{**verifying, "state": "open"}]})
    await until(lambda: shown() == ("on", "on"))
    # without data it stays on while it is open
    silent = {"incident_id": "incident-2", "rule_id": "silent", "state": "open"}
    incidents = [{**verifying, "state": "recovering"}, silent]
    await backend.tell_device("0xf0", condition={"incidents": incidents, "unknown_rules": [rule]})
    await until(lambda: shown() == ("on", "off"))
    await backend.send({"type": "device_removed", "source_instance": "mqtt", "native_id": "0xf0"})
    await until(lambda: shown() == ("unavailable", "unavailable"))
    (registered,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert (registered.name, registered.model) == ("Fridge", "Watched device")


async def test_a_backend_with_devices_gives_them_to_a_new_entry(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    threshold = {
        "rule_id": "11111111-1111-1111-1111-111111111111",
        "name": "Fridge",
        "metric": "temperature_c",
        "direction": "above",
        "threshold": 8.0,
    }
    backend.owner, backend.revision = owner, 3
    backend.document = {
        "owner": owner,
        "revision": 3,
        "home": {},
        "rooms": [
            {
                "room_id": "22222222-2222-2222-2222-222222222222",
                "name": "Bathroom",
                "sources": {
                    "temperature": {**FRIDGE, "native_id": "0x01"},
                    "humidity": {**FRIDGE, "native_id": "0x01"},
                },
            }
        ],
        "devices": [{"source": FRIDGE, "name": "Fridge", "thresholds": [threshold]}],
    }
    result: Any = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"url": backend.url, "token": backend.token}
    )
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"outdoor_kind": "none", "send_test": False}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert {s.unique_id for s in entry.subentries.values() if s.subentry_type == "device"} == {
        CHOICE
    }
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)
