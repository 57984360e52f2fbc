"""What a phone is told, in the words of the companion apps (Android and iOS both)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .const import DOMAIN

# Android freezes a channel's loudness at its first use: one channel a severity, so that the
# household can make each as loud as it likes. A channel is its name, which is translated.
_CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "none": ("channel_information", "low"),
    "watch": ("channel_information", "low"),
    "warning": ("channel_warning", "default"),
    "high": ("channel_high", "high"),
    "damage": ("channel_damage", "high"),
}

# What breaks through a phone's focus mode on iOS, as it waits for no morning either. Never
# "critical": it sounds in the night, and iOS cannot replace it by its tag.
_TIME_SENSITIVE: Final = frozenset({"high", "damage"})

# Android shows three.
_BUTTONS_MAXIMUM: Final = 3
_OPEN: Final = "open"
_PRESS: Final = re.compile(r"MOULD_WATCH_(SEEN|SNOOZE)_([^_]+)_([^_]+)")

GROUP: Final = DOMAIN
_QUIET_KINDS: Final = frozenset({"recovery"})
_SUMMARY: Final = "summary"
SUMMARY_TAG: Final = f"{DOMAIN}_summary"


@dataclass(frozen=True, slots=True)
class Press:
    """A button of a notification."""

    action: str
    incident_id: str
    notification_id: str


def tag_of(notification: Mapping[str, Any]) -> str:
    """Return the tag under which a phone shows a notification.

    What comes of one incident replaces what came before; summaries replace each other.
    """
    if notification["kind"] == _SUMMARY:
        return SUMMARY_TAG
    return f"{DOMAIN}_{notification['incident_id']}"


def push_data(
    notification: Mapping[str, Any],
    *,
    entity_id: str | None,
    repeated: bool,
    confirms: bool,
    texts: Mapping[str, str],
) -> dict[str, Any]:
    """Return message, title and data of anything but a clearing.

    A recovery, and what may be on the phone already (`repeated`), replaces what the tag shows
    without a sound. `confirms`: the phone is asked to say that it arrived.
    """
    is_quiet = notification["kind"] in _QUIET_KINDS
    silent = is_quiet or repeated
    severity = str(notification["severity"])
    loud = "time-sensitive" if severity in _TIME_SENSITIVE else "active"
    # a dashboard path works for everybody, not only administrators
    path = f"/history?entity_id={entity_id}" if entity_id else "/"
    data: dict[str, Any] = {
        "tag": tag_of(notification),
        "group": GROUP,
        **_channel("none" if is_quiet else severity, texts),
        "alert_once": silent,
        "push": {"interruption-level": "passive" if silent else loud},
        # iOS, then Android
        "url": path,
        "clickAction": f"entityId:{entity_id}" if entity_id else path,
    }
    if not silent:
        # Wakes an Android phone from its doze. No `ttl` of 0, which would have the push
        # service throw the warning away where the phone is off or without network.
        data["priority"] = "high"
    if confirms:
        data["confirmation"] = True
    if actions := _actions(notification, path):
        data["actions"] = actions
    return {"message": str(notification["body"]), "title": str(notification["title"]), "data": data}


def own_data(
    message: str, title: str, *, tag: str, repeated: bool, texts: Mapping[str, str]
) -> dict[str, Any]:
    """Return a notification of the integration itself, about its backend."""
    return {
        "message": message,
        "title": title,
        "data": {
            "tag": tag,
            "group": GROUP,
            **_channel("warning", texts),
            "alert_once": repeated,
            "push": {"interruption-level": "passive" if repeated else "active"},
            "url": "/",
            "clickAction": "/",
        },
    }


def clear_data(tag: str) -> dict[str, Any]:
    """Return what removes a notification from the phone."""
    return {"message": "clear_notification", "title": None, "data": {"tag": tag}}


def trial_data(message: str, title: str) -> dict[str, Any]:
    """Return a notification for trying the way to a phone."""
    return {"message": message, "title": title, "data": {"tag": f"{DOMAIN}_test"}}


def press_of(action: object) -> Press | None:
    """Return what a button's action means; None: it is not one of ours that comes back."""
    found = _PRESS.fullmatch(action) if isinstance(action, str) else None
    if found is None:
        return None
    return Press(found[1].lower(), found[2], found[3])


def _channel(severity: str, texts: Mapping[str, str]) -> dict[str, str]:
    key, importance = _CHANNELS.get(severity, _CHANNELS["warning"])
    return {"channel": texts[key], "importance": importance}


def _actions(notification: Mapping[str, Any], path: str) -> Sequence[dict[str, str]]:
    """Return the buttons; one that is not known is left out: the backend may be newer."""
    actions = []
    for button in notification.get("buttons") or ():
        if button["action"] == _OPEN:
            # "URI" is Android's word, and does on iOS as well
            actions.append({"action": "URI", "title": button["title"], "uri": path})
            continue
        action = "_".join(
            (
                "MOULD_WATCH",
                str(button["action"]).upper(),
                str(notification["incident_id"]),
                str(notification["notification_id"]),
            )
        )
        if press_of(action) is not None:
            actions.append({"action": action, "title": button["title"]})
    return actions[:_BUTTONS_MAXIMUM]
