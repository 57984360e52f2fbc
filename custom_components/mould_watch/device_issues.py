"""Repairs about the sensors that rooms use: what makes them lose readings, or tell a wrong time.

Only what the user can put right: a sensor whose firmware knows no other QoS is shown, and not
complained about. One repair for each kind, naming the sensors: however many, it is one to ignore.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from .const import CONF_OUTDOOR, CONF_SOURCES
from .document import rooms_of
from .issues import IssueKind, clear_issue, raise_issue
from .models import Device
from .runtime import MouldWatchConfigEntry

# by its own messages, or announced by an instance whose base topic the backend was not told
_OF_ZIGBEE2MQTT: Final = re.compile(r"(zigbee2mqtt_)?0x[0-9a-f]{16}(:.*)?")
# what users write or wire up themselves
_OWN_SENDERS: Final = ("mqtt:json", "mqtt:numbers")
_ANNOUNCED: Final = "mqtt:discovery"
_MAKER_OF_ESPS: Final = "espressif"
_SHELLY: Final = "mqtt:shelly"
# they send with QoS 1 and know no other
_LATER_SHELLY: Final = re.compile(r"shelly(plus|pro|blu|wall|[a-z0-9]+g[0-9]-)")


def _qos_way(device: Device) -> IssueKind | None:
    """Return the repair that says how a sensor gets QoS 1; None: it has it, or there is no way.

    There is none for Tasmota, OpenMQTTGateway, Theengs, Ruuvi's gateways, and firmware that
    announces itself and is not known: they send with QoS 0, and no setting of theirs changes it.
    """
    if device.qos != 0:
        return None
    if _OF_ZIGBEE2MQTT.fullmatch(device.native_id):
        return IssueKind.QOS_ZIGBEE2MQTT
    if device.source_instance in _OWN_SENDERS:
        return IssueKind.QOS_PLAIN_JSON
    maker = (device.manufacturer or "").casefold()
    if device.source_instance == _ANNOUNCED and maker == _MAKER_OF_ESPS:
        return IssueKind.QOS_ESPHOME
    if device.source_instance == _SHELLY and not _LATER_SHELLY.match(device.native_id):
        return IssueKind.QOS_SHELLY
    return None


_QOS_KINDS: Final = (
    IssueKind.QOS_ZIGBEE2MQTT,
    IssueKind.QOS_PLAIN_JSON,
    IssueKind.QOS_ESPHOME,
    IssueKind.QOS_SHELLY,
)


@callback
def follow_devices(hass: HomeAssistant, entry: MouldWatchConfigEntry) -> None:
    """Keep the repairs in step with what the backend tells, and with the rooms."""

    @callback
    def check() -> None:
        runtime = entry.runtime_data
        if runtime.coordinator.last_update_success:
            _check(hass, entry, runtime.coordinator.data.devices.values())

    entry.async_on_unload(entry.runtime_data.coordinator.async_add_listener(check))
    entry.async_on_unload(entry.runtime_data.async_add_subentry_listener(check))
    check()


@callback
def _check(hass: HomeAssistant, entry: MouldWatchConfigEntry, devices: Iterable[Device]) -> None:
    used = _used(entry)
    watched = [device for device in devices if device.key in used]
    concerned: dict[IssueKind, list[str]] = {
        kind: [device.name for device in watched if _qos_way(device) is kind] for kind in _QOS_KINDS
    }
    concerned[IssueKind.DEVICE_CLOCK_WRONG] = [
        device.name for device in watched if device.clock_wrong
    ]
    for kind, found in concerned.items():
        names = sorted(found)
        if names:
            raise_issue(hass, kind, entry.entry_id, devices=", ".join(names))
        else:
            clear_issue(hass, kind, entry.entry_id)


def _used(entry: MouldWatchConfigEntry) -> set[tuple[str, str]]:
    """Return the devices of the backend that rooms or the outdoor air take values from."""
    sources: list[Any] = []
    for subentry in rooms_of(entry).values():
        sources += subentry.data[CONF_SOURCES].values()
    sources += (entry.options.get(CONF_OUTDOOR) or {}).values()
    return {
        (source["source_instance"], source["native_id"])
        for source in sources
        if isinstance(source, Mapping) and source.get("kind") == "device"
    }
