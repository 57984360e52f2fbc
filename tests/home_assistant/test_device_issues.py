"""Repairs about the sensors that rooms use."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components.mould_watch.const import DOMAIN
from custom_components.mould_watch.issues import IssueKind, issue_id
from tests.home_assistant.backend import Backend
from tests.home_assistant.backend import device as known_device
from tests.home_assistant.conftest import Setup, room
from tests.support.waiting import until

ADDRESS = "0x00158d0001020304"


def source(native_id: str, source_instance: str = "mqtt") -> dict[str, Any]:
    found = {"kind": "device", "source_instance": source_instance, "native_id": native_id}
    return {"temperature": found, "humidity": found}


def device(native_id: str, name: str, **values: object) -> dict[str, Any]:
    """Return a device that sends with QoS 1 unless said otherwise."""
    return known_device(native_id, name) | {"source_instance": "mqtt", "qos": 1} | values


@pytest.fixture
def shown(hass: HomeAssistant) -> Any:  # noqa: ANN401 - a function
    def of(kind: IssueKind, entry_id: str) -> ir.IssueEntry | None:
        return ir.async_get(hass).async_get_issue(DOMAIN, issue_id(kind, entry_id))

    return of


async def test_sensors_that_may_lose_readings_are_told_of_together_until_mended(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    shown: Any,  # noqa: ANN401
) -> None:
    backend.devices = [
        device(ADDRESS, "Bath sensor", qos=0),
        device("0x00158d0001020305", "Attic sensor", qos=0),
        device("0x00158d0001020306", "In no room", qos=0),
    ]
    entry = await setup(
        room("Bathroom", sources=source(ADDRESS)),
        room("Attic", sources=source("0x00158d0001020305")),
    )
    kind = IssueKind.QOS_ZIGBEE2MQTT
    issue = shown(kind, entry.entry_id)
    assert issue.translation_placeholders == {"devices": "Attic sensor, Bath sensor"}
    assert not issue.is_fixable
    state = hass.states.get("sensor.bathroom_watched_temperature")
    assert state is not None
    assert state.attributes["qos"] == 0

    await backend.send({"type": "device", "device": device(ADDRESS, "Bath sensor", qos=1)})
    await until(
        lambda: shown(kind, entry.entry_id).translation_placeholders == {"devices": "Attic sensor"}
    )
    await backend.send(
        {"type": "device", "device": device("0x00158d0001020305", "Attic sensor", qos=1)}
    )
    await until(lambda: shown(kind, entry.entry_id) is None)


async def test_one_that_was_ignored_stays_ignored(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    shown: Any,  # noqa: ANN401
) -> None:
    backend.devices = [device(ADDRESS, "Bath sensor", qos=0)]
    entry = await setup(room("Bathroom", sources=source(ADDRESS)))
    kind = IssueKind.QOS_ZIGBEE2MQTT
    ir.async_ignore_issue(hass, DOMAIN, issue_id(kind, entry.entry_id), ignore=True)
    await backend.send({"type": "device", "device": device(ADDRESS, "Bath sensor, new", qos=0)})
    await until(
        lambda: (
            shown(kind, entry.entry_id).translation_placeholders == {"devices": "Bath sensor, new"}
        )
    )
    assert shown(kind, entry.entry_id).dismissed_version is not None


async def test_a_sensor_whose_qos_nobody_can_change_is_not_complained_about(
    backend: Backend,
    setup: Setup,
    shown: Any,  # noqa: ANN401
) -> None:
    backend.devices = [
        device("DC4F22000000", "Tasmota", source_instance="mqtt:tasmota", qos=0),
        device("mould-watch/readings/attic", "attic", source_instance="mqtt:json", qos=0),
    ]
    entry = await setup(
        room("Bathroom", sources=source("DC4F22000000", "mqtt:tasmota")),
        room("Attic", sources=source("mould-watch/readings/attic", "mqtt:json")),
    )
    assert shown(IssueKind.QOS_ZIGBEE2MQTT, entry.entry_id) is None
    issue = shown(IssueKind.QOS_PLAIN_JSON, entry.entry_id)
    assert issue.translation_placeholders == {"devices": "attic"}


async def test_a_wrong_clock_is_told_of_until_it_is_right(
    backend: Backend,
    setup: Setup,
    shown: Any,  # noqa: ANN401
) -> None:
    backend.devices = [device(ADDRESS, "Bath sensor", clock_wrong=True)]
    entry = await setup(room("Bathroom", sources=source(ADDRESS)))
    kind = IssueKind.DEVICE_CLOCK_WRONG
    assert shown(kind, entry.entry_id).translation_placeholders == {"devices": "Bath sensor"}
    await backend.send({"type": "device", "device": device(ADDRESS, "Bath sensor")})
    await until(lambda: shown(kind, entry.entry_id) is None)
