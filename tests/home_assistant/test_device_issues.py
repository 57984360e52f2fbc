"""Repairs about the sensors that rooms use."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components.mould_watch.const import DOMAIN
from custom_components.mould_watch.issues import IssueKind, issue_id
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup, room
from tests.home_assistant.messages import device as known_device
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


QOS_KINDS = [kind for kind in IssueKind if kind.value.startswith("qos_")]
ANNOUNCED = "mqtt:discovery"


@pytest.mark.parametrize(
    ("source_instance", "native_id", "maker", "kind"),
    [
        ("mqtt:zigbee2mqtt", ADDRESS, "Aqara", IssueKind.QOS_ZIGBEE2MQTT),
        ("mqtt:my zigbee", ADDRESS, "Aqara", IssueKind.QOS_ZIGBEE2MQTT),
        (ANNOUNCED, f"zigbee2mqtt_{ADDRESS}", "Aqara", IssueKind.QOS_ZIGBEE2MQTT),
        ("mqtt:json", "mould-watch/readings/attic", None, IssueKind.QOS_PLAIN_JSON),
        ("mqtt:numbers", "Attic", None, IssueKind.QOS_PLAIN_JSON),
        (ANNOUNCED, "a4cf12f03246", "Espressif", IssueKind.QOS_ESPHOME),
        (ANNOUNCED, "a4cf12f03246:probe", "espressif", IssueKind.QOS_ESPHOME),
        ("mqtt:shelly", "shellyht-208500", None, IssueKind.QOS_SHELLY),
        ("mqtt:shelly", "shelly1-A1B2C3:ext0", None, IssueKind.QOS_SHELLY),
        # they send with QoS 1, or cannot be told to
        ("mqtt:shelly", "shellyplusht-b8d61a8b17cc", None, None),
        ("mqtt:shelly", "shellyhtg3-54320464e2a8", None, None),
        ("mqtt:tasmota", "bath:AM2301", None, None),
        ("mqtt:tasmota", "bridge:0x2916", None, None),
        ("mqtt:theengs", "A4:C1:38:AB:CD:EF", "Xiaomi", None),
        ("mqtt:ruuvi", "CB:B8:33:4C:88:4F", None, None),
        (ANNOUNCED, "rtl_433-7", "rtl_433", None),
        (ANNOUNCED, "unknown", None, None),
    ],
)
async def test_each_kind_of_sensor_has_its_own_way_to_qos_1_or_is_not_complained_about(
    backend: Backend,
    setup: Setup,
    shown: Any,  # noqa: ANN401
    *,
    source_instance: str,
    native_id: str,
    maker: str | None,
    kind: IssueKind | None,
) -> None:
    backend.devices = [
        device(native_id, "It", source_instance=source_instance, manufacturer=maker, qos=0)
    ]
    entry = await setup(room("Bathroom", sources=source(native_id, source_instance)))
    found = [one for one in QOS_KINDS if shown(one, entry.entry_id) is not None]
    assert found == ([] if kind is None else [kind])


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
