"""Repairs about the sensors that rooms use: what makes them lose readings, or tell a wrong time.

Only what the user can put right: a sensor whose firmware knows no other QoS is shown, and not
complained about. One repair for each kind, naming the sensors: however many, it is one to ignore.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from .const import CONF_OUTDOOR, CONF_SOURCES
from .document import rooms_of
from .issues import IssueKind, clear_issue, raise_issue
from .models import Device
from .runtime import MouldWatchConfigEntry

_ZIGBEE_ADDRESS: Final = re.compile(r"0x[0-9a-f]{16}")
_PLAIN_JSON: Final = "mqtt:json"

_CHECKS: Final[Mapping[IssueKind, Callable[[Device], bool]]] = {
    IssueKind.QOS_ZIGBEE2MQTT: lambda device: (
        device.qos == 0 and _ZIGBEE_ADDRESS.fullmatch(device.native_id) is not None
    ),
    IssueKind.QOS_PLAIN_JSON: lambda device: (
        device.qos == 0 and device.source_instance == _PLAIN_JSON
    ),
    IssueKind.DEVICE_CLOCK_WRONG: lambda device: device.clock_wrong,
}


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
    for kind, concerns in _CHECKS.items():
        names = sorted(device.name for device in watched if concerns(device))
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
