"""Telling of what is configured and not in Home Assistant any more."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import CONF_OUTDOOR, CONF_SOURCES
from .document import rooms_of
from .issues import IssueKind, clear_issue, clear_issues_except, raise_issue
from .watched_devices import CONF_SOURCE, watched_of


@callback
def report_missing_sources(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Raise a repair for each part of the entry whose entity is gone; take the others back."""
    registry = er.async_get(hass)

    def is_gone(source: Mapping[str, Any]) -> bool:
        return (
            source["kind"] == "entity"
            and registry.entities.get_entry(source["registry_id"]) is None
        )

    outdoor = entry.options.get(CONF_OUTDOOR) or {}
    if any(is_gone(source) for source in outdoor.values() if isinstance(source, Mapping)):
        raise_issue(hass, IssueKind.OUTDOOR_MISSING, entry.entry_id)
    else:
        clear_issue(hass, IssueKind.OUTDOOR_MISSING, entry.entry_id)
    rooms = {
        room_id: subentry.title
        for room_id, subentry in rooms_of(entry).items()
        if any(is_gone(source) for source in subentry.data[CONF_SOURCES].values())
    }
    for room_id, title in rooms.items():
        raise_issue(hass, IssueKind.SOURCE_MISSING, entry.entry_id, room_id, room=title)
    clear_issues_except(hass, IssueKind.SOURCE_MISSING, entry.entry_id, frozenset(rooms))
    devices = {
        key: subentry.title
        for key, subentry in watched_of(entry).items()
        if is_gone(subentry.data[CONF_SOURCE])
    }
    for key, title in devices.items():
        raise_issue(hass, IssueKind.WATCHED_MISSING, entry.entry_id, key, device=title)
    clear_issues_except(hass, IssueKind.WATCHED_MISSING, entry.entry_id, frozenset(devices))
