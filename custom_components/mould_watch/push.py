"""What a phone is told, in the words of the companion apps (Android and iOS both)."""

from collections.abc import Mapping
from typing import Any, Final

# Android freezes a channel's loudness at its first use: one channel a severity, so that the
# household can make each as loud as it likes. The names are for ever.
_CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "none": ("Mould Watch: information", "low"),
    "watch": ("Mould Watch: information", "low"),
    "warning": ("Mould Watch: warning", "default"),
    "high": ("Mould Watch: high risk", "high"),
    "damage": ("Mould Watch: damage", "high"),
}

# What breaks through a phone's focus mode on iOS. Never "critical": it sounds in the night, and
# iOS cannot replace it by its tag.
_TIME_SENSITIVE: Final = frozenset({"high"})


def push_data(
    notification: Mapping[str, Any], *, tag: str, entity_id: str | None, repeated: bool
) -> dict[str, Any]:
    """Return message, title and data of an alarm or a recovery.

    A recovery, and an alarm that may be on the phone already, replaces what the tag shows
    without a sound.
    """
    recovery = notification["kind"] == "recovery"
    silent = recovery or repeated
    severity = str(notification["severity"])
    loud = "time-sensitive" if severity in _TIME_SENSITIVE else "active"
    channel, importance = _CHANNELS.get("none" if recovery else severity, _CHANNELS["warning"])
    data: dict[str, Any] = {
        "tag": tag,
        "group": "mould_watch",
        "channel": channel,
        "importance": importance,
        "alert_once": silent,
        "push": {"interruption-level": "passive" if silent else loud},
        # iOS, then Android; a dashboard path works for everybody, not only administrators
        "url": f"/history?entity_id={entity_id}" if entity_id else "/",
        "clickAction": f"entityId:{entity_id}" if entity_id else "/",
    }
    if not silent:
        # Wakes an Android phone from its doze. No `ttl` of 0, which would have the push
        # service throw the warning away where the phone is off or without network.
        data["priority"] = "high"
    if buttons := notification.get("buttons"):
        data["actions"] = [
            {"action": button["action"], "title": button["title"]} for button in buttons
        ]
    return {"message": str(notification["body"]), "title": str(notification["title"]), "data": data}


def clear_data(tag: str) -> dict[str, Any]:
    """Return what removes a notification from the phone."""
    return {"message": "clear_notification", "title": None, "data": {"tag": tag}}


def trial_data(message: str, title: str) -> dict[str, Any]:
    """Return a notification for trying the way to a phone."""
    return {"message": message, "title": title, "data": {"tag": "mould_watch_test"}}
