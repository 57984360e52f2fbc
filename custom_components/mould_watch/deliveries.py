"""What was delivered here, by notification id: kept in Home Assistant's storage.

An id is written as `sending` before a phone is called and as `delivered` after it, so that
whatever is repeated is known, also after Home Assistant was killed.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .push import SUMMARY_TAG, tag_of
from .stored import OrderedStore

if TYPE_CHECKING:
    from .asking import Message

STORAGE_VERSION: Final = 1
KEPT_AFTER_CLOSING: Final = timedelta(days=30)
# so many incidents the backend is asked about when it is back
SHOWN_MAXIMUM: Final = 500
_CLOSING_KINDS: Final = frozenset({"recovery", "clear"})
# what a clearing clears
_INCIDENT: Final = "incident"
_SUMMARY: Final = "summary"


class Delivery(TypedDict):
    """What is kept of one notification id."""

    # "sending", "not_sent" (surely), "fallback" (shown in Home Assistant, the phone still to
    # come), "delivered"
    state: str
    lane: str
    # when its lane was closed; None: still open
    closed_at: str | None
    # under which it is shown
    tag: NotRequired[str]
    # delivered by a phone's action: whether a receipt will say that it arrived
    expects_receipt: NotRequired[bool | None]
    # its receipt has come
    is_confirmed: NotRequired[bool]


class _Stored(TypedDict):
    """What the Store keeps."""

    ids: dict[str, Delivery]


def delivery_store(hass: HomeAssistant, entry_id: str) -> OrderedStore[_Stored]:
    """Return the Store of an entry's notification ids."""
    return OrderedStore(hass, STORAGE_VERSION, f"{DOMAIN}.notifications.{entry_id}")


def lane_of(notification: Message) -> str:
    """Return the lane of a notification: its incident and its target."""
    return f"{notification['incident_id']}/{notification['target']}"


class Deliveries:
    """The notification ids of an entry, the oldest first."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Know nothing yet; `load` reads."""
        self._store = delivery_store(hass, entry_id)
        self._ids: dict[str, Delivery] = {}

    async def load(self) -> None:
        """Read the ids known."""
        if (stored := await self._store.async_load()) is not None:
            self._ids = stored["ids"]

    @callback
    def get(self, notification_id: str) -> Delivery | None:
        """Return what is kept of an id; None: it never came."""
        return self._ids.get(notification_id)

    @callback
    def last_under(self, tag: str, phone_id: str) -> str | None:
        """Return the notification that was last sent to a phone under a tag."""
        for notification_id, delivery in reversed(self._ids.items()):
            if _target(delivery) == phone_id and delivery.get("tag") == tag:
                return notification_id
        return None

    @callback
    def counts(self) -> dict[str, Any]:
        """Return how many are in each state."""
        states = [delivery["state"] for delivery in self._ids.values()]
        return {state: states.count(state) for state in sorted(set(states))}

    @callback
    def open_lanes(self) -> list[str]:
        """Return the lanes of which something may be shown, each once, the oldest first."""
        lanes = [one["lane"] for one in self._ids.values() if one["closed_at"] is None]
        return list(dict.fromkeys(lanes))

    @callback
    def shown_incidents(self) -> list[str]:
        """Return the newest incidents of which something may be shown."""
        incidents = (lane.partition("/")[0] for lane in self.open_lanes())
        return list(dict.fromkeys(incidents))[-SHOWN_MAXIMUM:]

    @callback
    def tags_cleared(self, notification: Message) -> list[str]:
        """Return the tags that a clearing takes from its target: the incident's, or a summary's.

        Where it does not say which, both. A summary that a later one, of others, has replaced
        there is shown no more.
        """
        tag = tag_of(notification)
        if notification.get("clears") == _INCIDENT:
            return [tag]
        lane = lane_of(notification)
        newest = {
            delivery["tag"]: delivery["lane"]
            for delivery in self._ids.values()
            if "tag" in delivery and _target(delivery) == str(notification["target"])
        }
        if notification.get("clears") == _SUMMARY:
            return [SUMMARY_TAG] if newest.get(SUMMARY_TAG, lane) == lane else []
        shown = [tag for tag, shown_lane in newest.items() if shown_lane == lane]
        return list(dict.fromkeys((tag, *shown)))

    async def keep(
        self,
        notification_id: str,
        notification: Message,
        state: str,
        expects_receipt: bool | None = None,  # noqa: FBT001 - as it is stored
    ) -> None:
        """Write the id's state at once; drop what its time is over.

        Always a new object: the one before may just be written by another thread.
        """
        now = dt_util.utcnow()
        lane = lane_of(notification)
        ids = {key: value for key, value in self._ids.items() if not _is_over(value, now)}
        # a receipt may come before the answer to what it is about
        is_confirmed = notification_id in ids and ids[notification_id].get("is_confirmed", False)
        ids[notification_id] = {
            "state": state,
            "lane": lane,
            "closed_at": None,
            "tag": tag_of(notification),
            "expects_receipt": expects_receipt,
            "is_confirmed": is_confirmed,
        }
        if state == "delivered" and notification["kind"] in _CLOSING_KINDS:
            closed: Delivery
            for key, delivery in ids.items():
                if delivery["lane"] == lane:
                    closed = {**delivery, "closed_at": now.isoformat()}
                    ids[key] = closed
        self._ids = ids
        await self._store.async_save({"ids": ids})

    async def confirm(self, notification_id: str) -> None:
        """Write that a receipt says it arrived."""
        known = self._ids.get(notification_id)
        if known is None or known.get("is_confirmed"):
            return
        confirmed: Delivery = {**known, "is_confirmed": True}
        self._ids = {**self._ids, notification_id: confirmed}
        await self._store.async_save({"ids": self._ids})


def _is_over(delivery: Mapping[str, Any], now: datetime) -> bool:
    closed_at = delivery["closed_at"]
    return closed_at is not None and now - datetime.fromisoformat(closed_at) > KEPT_AFTER_CLOSING


def _target(delivery: Delivery) -> str:
    return delivery["lane"].rpartition("/")[2]
