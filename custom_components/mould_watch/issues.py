"""Repairs: what the user can put right, said once and taken back by itself."""

from enum import StrEnum

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN


class IssueKind(StrEnum):
    """The kinds of issues; each is a translation key."""

    OTHER_OWNER = "other_owner"
    CONFIGURATION_CONFLICT = "configuration_conflict"
    BACKEND_TOO_OLD = "backend_too_old"
    BACKEND_TOO_NEW = "backend_too_new"
    ROOM_REFUSED = "room_refused"
    SOURCE_MISSING = "source_missing"
    DEVICE_REFUSED = "device_refused"
    WATCHED_MISSING = "watched_missing"
    OUTDOOR_MISSING = "outdoor_missing"
    PHONE_UNREACHABLE = "phone_unreachable"
    QOS_ZIGBEE2MQTT = "qos_zigbee2mqtt"
    QOS_PLAIN_JSON = "qos_plain_json"
    QOS_ESPHOME = "qos_esphome"
    QOS_SHELLY = "qos_shelly"
    DEVICE_CLOCK_WRONG = "device_clock_wrong"
    PHONES_ALIKE = "phones_alike"


_FIXABLE = frozenset({IssueKind.OTHER_OWNER, IssueKind.CONFIGURATION_CONFLICT})


def issue_id(kind: IssueKind, entry_id: str, about: str | None = None) -> str:
    """Return the id of an issue of an entry, about a room or phone where there are several."""
    return ".".join(part for part in (kind.value, entry_id, about) if part)


@callback
def raise_issue(
    hass: HomeAssistant,
    kind: IssueKind,
    entry_id: str,
    about: str | None = None,
    **placeholders: str,
) -> None:
    """Create the issue, or replace it."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(kind, entry_id, about),
        data={"entry_id": entry_id, **placeholders},
        is_fixable=kind in _FIXABLE,
        severity=ir.IssueSeverity.ERROR if kind in _FIXABLE else ir.IssueSeverity.WARNING,
        translation_key=kind.value,
        translation_placeholders=placeholders or None,
    )


@callback
def clear_issue(
    hass: HomeAssistant, kind: IssueKind, entry_id: str, about: str | None = None
) -> None:
    """Delete the issue if it is there."""
    ir.async_delete_issue(hass, DOMAIN, issue_id(kind, entry_id, about))


@callback
def clear_issues_except(
    hass: HomeAssistant, kind: IssueKind, entry_id: str, still: frozenset[str]
) -> None:
    """Delete the issues of a kind that are about anything but `still`."""
    prefix = issue_id(kind, entry_id) + "."
    for domain, found in list(ir.async_get(hass).issues):
        if domain == DOMAIN and found.startswith(prefix) and found[len(prefix) :] not in still:
            ir.async_delete_issue(hass, DOMAIN, found)


@callback
def clear_all_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Delete every issue of an entry."""
    for domain, found in list(ir.async_get(hass).issues):
        if domain == DOMAIN and entry_id in found.split("."):
            ir.async_delete_issue(hass, DOMAIN, found)
