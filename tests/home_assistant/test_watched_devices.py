"""A watched device in use: what the backend gets of it, what it shows, and its repairs."""

from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir

from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import RegisterSensor, Setup
from tests.home_assistant.device_forms import CHOICE, FRIDGE, watched
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_fridge")


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
    ("one", "other", "home", "silence"),
    [
        (["a"], ["apprise:mail"], ["b"], ["a", "apprise:mail"]),
        # nobody hears less of one because another is told of to somebody else
        (None, ["a"], ["b"], ["b", "apprise:chat", "a"]),
        (None, ["persistent"], [], ["apprise:chat", "persistent"]),
        (None, None, ["b"], None),
    ],
)
async def test_each_limit_tells_its_own_and_silence_all_who_are_named_for_anything(
    *,
    backend: Backend,
    setup: Setup,
    one: list[str] | None,
    other: list[str] | None,
    home: list[str],
    silence: list[str] | None,
) -> None:
    named: list[dict[str, Any]] = [
        {} if targets is None else {"targets": targets} for targets in (one, other)
    ]
    entry = await setup(
        watched(above=8.0, **named[0]),
        watched("Fridge battery", "battery_pct", below=10, **named[1]),
        options={"phones": home, "services": ["chat"]},
    )
    assert backend.document is not None
    (sent,) = backend.document["devices"]
    assert [threshold.get("targets") for threshold in sent["thresholds"]] == [one, other]
    assert sent.get("rules", {}).get("silent", {}).get("targets") == silence
    assert "targets" not in sent
    # and the backend gives the same back
    before = {s.unique_id: dict(s.data) for s in entry.subentries.values()}
    await entry.runtime_data.configuration.use_backend()
    assert {s.unique_id: dict(s.data) for s in entry.subentries.values()} == before


async def test_of_silence_are_told_only_those_who_are_told_of_anything(
    backend: Backend, setup: Setup
) -> None:
    entry = await setup(
        watched(above=8.0, targets=["a"], notify=False),
        watched("Fridge battery", "battery_pct", below=10, targets=["b"]),
    )
    assert backend.document is not None
    assert backend.document["devices"][0]["rules"] == {"silent": {"targets": ["b"]}}
    before = {s.unique_id: dict(s.data) for s in entry.subentries.values()}
    await entry.runtime_data.configuration.use_backend()
    assert {s.unique_id: dict(s.data) for s in entry.subentries.values()} == before


async def test_who_is_told_of_silence_alone_is_not_lost_beside_a_limit(
    backend: Backend, setup: Setup
) -> None:
    entry = await setup(
        watched(above=8.0, targets=["a"]), watched("Fridge there", None, targets=["b"])
    )
    assert backend.document is not None
    (sent,) = backend.document["devices"]
    assert sent["thresholds"][0]["targets"] == ["a"]
    assert sent["rules"] == {"silent": {"targets": ["a", "b"]}}
    await entry.runtime_data.configuration.use_backend()
    await backend.wait_for("configure", lambda m: m["document"]["revision"] > 1)
    assert {s.unique_id for s in entry.subentries.values()} == {CHOICE, "device:mqtt:0xf0|"}
    (again,) = backend.document["devices"]
    assert again["thresholds"] == sent["thresholds"]
    assert set(again["rules"]["silent"]["targets"]) == {"a", "b"}


async def test_a_device_as_an_earlier_version_stored_it_keeps_whom_it_tells(
    backend: Backend, setup: Setup
) -> None:
    """Then all limits of a device, and its silence, told the device's own."""
    entry = await setup(watched(above=8.0))
    assert backend.document is not None
    backend.document["devices"][0]["targets"] = ["a", "apprise:mail"]
    await entry.runtime_data.configuration.use_backend()
    (subentry,) = entry.subentries.values()
    assert subentry.data["targets"] == ["a", "apprise:mail"]


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
    hass: HomeAssistant, setup: Setup, register_sensor: RegisterSensor
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


async def test_what_is_switched_off_is_not_said_to_be_well(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(watched(above=8.0), watched("Probe", None))
    await backend.tell_device("0xf0", condition={"incidents": [], "unknown_rules": []})

    def shown() -> list[str | None]:
        names = ("fridge_beyond_its_limit", "fridge_reports", "probe_reports")
        states = (hass.states.get(f"binary_sensor.{name}") for name in names)
        return [None if state is None else state.state for state in states]

    await until(lambda: shown() == ["off", "on", "on"])
    fridge, probe = entry.subentries.values()
    off = {**fridge.data, "enabled": False}
    hass.config_entries.async_update_subentry(entry, fridge, data=off)
    await until(lambda: shown() == ["unknown", "on", "on"])
    # the sensor is one, whatever is watched of it
    hass.config_entries.async_update_subentry(entry, probe, data={**probe.data, "silent": False})
    await until(lambda: shown() == ["unknown", "unknown", "unknown"])
    hass.config_entries.async_remove_subentry(entry, probe.subentry_id)
    await until(lambda: shown() == ["unknown", "on", None])


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
