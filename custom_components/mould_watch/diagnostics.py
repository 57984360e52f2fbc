"""What to attach to a bug report: no token, no address, no names of people or things."""

from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant

from .document import rooms_of
from .runtime import MouldWatchConfigEntry, MouldWatchRuntime
from .watched_devices import watched_of

TO_REDACT: Final = {
    CONF_TOKEN,
    CONF_URL,
    "name",
    "native_id",
    "phones",
    "registry_id",
    "services",
    "targets",
    "title",
    "unique_id",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: MouldWatchConfigEntry
) -> dict[str, Any]:
    """Return the entry's configuration and the state of its parts."""
    del hass
    runtime = entry.runtime_data
    data = runtime.coordinator.data
    diagnostics: dict[str, Any] = {
        "entry": {"data": dict(entry.data), "options": dict(entry.options)},
        "rooms": [
            {
                "configuration": dict(subentry.data),
                "condition": _condition(runtime, room_id),
            }
            for room_id, subentry in rooms_of(entry).items()
        ],
        "watched": [dict(subentry.data) for subentry in watched_of(entry).values()],
        "connected": runtime.coordinator.last_update_success,
        "read_only": runtime.configuration.reader,
        "health": dict(data.health),
        "devices": [
            {
                "name": device.name,
                "manufacturer": device.manufacturer,
                "model": device.model,
                "metrics": sorted(device.metrics),
                "qos": device.qos,
                "available": device.available,
                "last_seen_at": device.last_seen_at and device.last_seen_at.isoformat(),
                "reporting_interval_s": device.reporting_interval_s,
                "clock_wrong": device.clock_wrong,
            }
            for device in data.devices.values()
        ],
        "forwarding": runtime.forwarder.diagnostics(),
        "notifications": runtime.notifier.diagnostics(),
        "reports_waiting": runtime.reports.waiting,
    }
    redacted: dict[str, Any] = async_redact_data(diagnostics, TO_REDACT)
    return redacted


def _condition(runtime: MouldWatchRuntime, room_id: str) -> dict[str, Any] | None:
    room = runtime.coordinator.data.rooms.get(room_id)
    if room is None:
        return None
    condition = room.condition
    return {
        "level": condition.level,
        "reason": condition.reason,
        "at_risk": condition.at_risk,
        "surface_humidity_pct": condition.surface_humidity_pct,
        "evidence": dict(condition.evidence),
        "mould_index": dict(condition.mould_index),
        "first_growth": dict(condition.first_growth),
        "coverage": condition.coverage,
    }
