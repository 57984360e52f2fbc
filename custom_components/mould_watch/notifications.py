"""Notifications, delivered inside Home Assistant: each id seen once, whatever is repeated.

Before the phone is called the id is written as `sending`, after it as `delivered`. An id found
as `sending` may or may not have reached the phone: it is sent again, silently, under the same
tag, so that it replaces itself.

Notifications of one incident for one phone are a lane: handled one after another, in the order
they came, so that an all-clear never overtakes the alarm it ends. Lanes do not wait for each
other.

A phone's action carries everything and hides a push service's failures; its notify entity
carries text and tells them. The backend says by which way; the entity is also used where there
is no action.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict
from uuid import uuid4
from weakref import WeakValueDictionary

from homeassistant.components import persistent_notification
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN, TARGET_PERSISTENT
from .errors import MouldWatchClientError, RefusedError
from .issues import IssueKind, clear_issue, raise_issue
from .phones import Phone, PhoneCallError, find_phone
from .push import clear_data, push_data, tag_of
from .texts import common_texts

if TYPE_CHECKING:
    from .asking import Message
    from .runtime import MouldWatchConfigEntry
    from .stream import Stream

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1
KEPT_AFTER_CLOSING: Final = timedelta(days=30)
RETRY_STOPPING_S: Final = 15
RETRY_ACTION_MISSING_S: Final = 300
RETRY_PUSH_S: Final = 30
# so many incidents the backend is asked about when it is back
SHOWN_MAXIMUM: Final = 500
_CLOSING_KINDS: Final = frozenset({"recovery", "clear"})
# No receipt is asked for: nobody needs to act on them.
_UNCONFIRMED_KINDS: Final = frozenset({"recovery", "summary", "clear"})
_BY_ENTITY: Final = "entity"


class _Delivery(TypedDict):
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


class _Stored(TypedDict):
    """What the Store keeps."""

    ids: dict[str, _Delivery]


def notification_store(hass: HomeAssistant, entry_id: str) -> Store[_Stored]:
    """Return the Store of an entry's notification ids."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.notifications.{entry_id}")


class Notifier:
    """Delivers what the backend says, and answers each by its id."""

    def __init__(self, hass: HomeAssistant, entry: MouldWatchConfigEntry) -> None:
        """Belong to an entry."""
        self._hass = hass
        self._entry = entry
        self._store = notification_store(hass, entry.entry_id)
        self._ids: dict[str, _Delivery] = {}
        self._under_way: set[str] = set()
        # A lane's lock lives as long as somebody holds it or waits for it.
        self._lanes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._started = asyncio.Event()

    async def load(self) -> None:
        """Read the ids known."""
        if (stored := await self._store.async_load()) is not None:
            self._ids = stored["ids"]

    @callback
    def start(self) -> None:
        """Home Assistant has started: notifications may come."""
        self._started.set()

    async def run(self, stream: Stream) -> None:
        """Say over this connection that notifications may come, once Home Assistant runs.

        What is shown of incidents that the backend knows nothing of is taken away: its database
        is an earlier one, or another, and nobody else would ever do so.
        """
        await self._started.wait()
        try:
            answer = await stream.request("ready_to_deliver", incidents=self._shown_incidents())
        except RefusedError as err:
            # notifications come all the same
            _LOGGER.debug("The backend did not say what it has forgotten: %s", err)
            return
        for incident_id in answer.get("forgotten") or ():
            await self._take_away(str(incident_id))

    @callback
    def take(self, message: Message) -> None:
        """Deliver in the background; a notification under way already answers once."""
        notification = message["notification"]
        notification_id = str(notification["notification_id"])
        if notification_id in self._under_way:
            return
        self._under_way.add(notification_id)
        # Not of the connection: a call once begun is finished whatever becomes of the network.
        self._entry.async_create_background_task(
            self._hass,
            self._deliver_and_answer(notification_id, notification),
            name=f"{DOMAIN} notification {notification_id}",
        )

    @callback
    def knows(self, notification_id: str) -> bool:
        """Say whether a notification was, or may have been, delivered here."""
        return notification_id in self._ids

    @callback
    def last_under(self, tag: str, phone_id: str) -> str | None:
        """Return the notification that was last sent to a phone under a tag."""
        for notification_id, delivery in reversed(self._ids.items()):
            if _target(delivery) == phone_id and delivery.get("tag") == tag:
                return notification_id
        return None

    def diagnostics(self) -> dict[str, Any]:
        """Return counts."""
        states = [delivery["state"] for delivery in self._ids.values()]
        return {state: states.count(state) for state in sorted(set(states))}

    async def _deliver_and_answer(self, notification_id: str, notification: Message) -> None:
        lane = self._lanes.setdefault(_lane(notification), asyncio.Lock())
        try:
            # Who waits is served in the order of arrival.
            async with lane:
                answer = await self._deliver(notification_id, notification)
        finally:
            self._under_way.discard(notification_id)
        try:
            await self._entry.runtime_data.client.stream.send(
                {
                    "type": "notification_result",
                    "notification_id": notification_id,
                    "code": None,
                    "message": None,
                    "retry_after_s": None,
                    "expects_receipt": None,
                    **answer,
                }
            )
        except MouldWatchClientError as err:
            # The backend asks again over its next connection and is answered from the Store.
            _LOGGER.debug("The answer to %s waits for the backend: %s", notification_id, err)

    @callback
    def _shown_incidents(self) -> list[str]:
        """Return the newest incidents of which something may be shown."""
        lanes = [one["lane"] for one in self._ids.values() if one["closed_at"] is None]
        return list(dict.fromkeys(lane.partition("/")[0] for lane in lanes))[-SHOWN_MAXIMUM:]

    async def _take_away(self, incident_id: str) -> None:
        """Clear an incident from every target that may show it, as the backend would."""
        open_lanes = {one["lane"] for one in self._ids.values() if one["closed_at"] is None}
        for lane in sorted(open_lanes):
            incident, _, target = lane.partition("/")
            if incident != incident_id:
                continue
            clear: Message = {
                "notification_id": str(uuid4()),
                "incident_id": incident_id,
                "target": target,
                "kind": "clear",
            }
            async with self._lanes.setdefault(lane, asyncio.Lock()):
                answer = await self._deliver(clear["notification_id"], clear)
                if answer["outcome"] == "failed":
                    # nothing can be shown on a phone that is gone
                    await self._keep(clear["notification_id"], clear, "delivered")

    async def _deliver(self, notification_id: str, notification: Message) -> dict[str, Any]:
        """Deliver one notification and return the answer's fields."""
        if self._hass.state is CoreState.stopping:
            return _retry("stopping", "Home Assistant is stopping", RETRY_STOPPING_S)
        known = self._ids.get(notification_id)
        if known is not None and known["state"] == "delivered":
            return {"outcome": "delivered", "expects_receipt": known.get("expects_receipt")}
        target = str(notification["target"])
        if target == TARGET_PERSISTENT:
            self._show_persistent(notification)
            await self._keep(notification_id, notification, "delivered")
            return {"outcome": "delivered"}
        phone = find_phone(self._hass, target)
        if phone is None:
            for kind in (IssueKind.PHONE_UNREACHABLE, IssueKind.PHONES_ALIKE):
                clear_issue(self._hass, kind, self._entry.entry_id, target)
            return {
                "outcome": "failed",
                "code": "phone_gone",
                "message": "the phone is not registered with Home Assistant any more",
            }
        if notification.get("via") == _BY_ENTITY:
            return await self._deliver_by_entity(notification_id, notification, phone)
        if phone.action is None:
            return await self._deliver_otherwise(notification_id, notification, phone)
        return await self._deliver_by_action(notification_id, notification, phone)

    async def _deliver_by_action(
        self, notification_id: str, notification: Message, phone: Phone
    ) -> dict[str, Any]:
        """Deliver with everything a notification has; the action hides a push that fails."""
        known = self._ids.get(notification_id)
        before = "not_sent" if known is None else known["state"]
        await self._keep(notification_id, notification, "sending")
        # What the backend repeats may be on the phone as well.
        repeated = before == "sending" or bool(notification.get("is_repetition"))
        pushes = await self._pushes(notification, phone, repeated=repeated)
        try:
            for push in pushes:
                await phone.push(**push)
        except PhoneCallError as err:
            if not err.may_have_arrived:
                # As if never tried: what nobody has heard must not come silently next time.
                await self._keep(notification_id, notification, before)
            return _retry("push_failed", str(err), RETRY_PUSH_S)
        for kind in (IssueKind.PHONE_UNREACHABLE, IssueKind.PHONES_ALIKE):
            clear_issue(self._hass, kind, self._entry.entry_id, phone.device_id)
        if before == "fallback":
            persistent_notification.async_dismiss(self._hass, tag_of(notification))
        expects_receipt = None
        if notification["kind"] not in _UNCONFIRMED_KINDS:
            expects_receipt = phone.confirms
        await self._keep(notification_id, notification, "delivered", expects_receipt)
        return {"outcome": "delivered", "expects_receipt": expects_receipt}

    async def _deliver_by_entity(
        self, notification_id: str, notification: Message, phone: Phone
    ) -> dict[str, Any]:
        """Deliver as plain text, by the way that tells what goes wrong."""
        await self._keep(notification_id, notification, "sending")
        try:
            reached = await phone.say(str(notification["title"]), str(notification["body"]))
        except PhoneCallError as err:
            return _retry("push_failed", str(err), RETRY_PUSH_S)
        if not reached:
            return _retry(
                "phone_entity_missing",
                f"{phone.name} has no notify entity that is available",
                RETRY_ACTION_MISSING_S,
            )
        await self._keep(notification_id, notification, "delivered")
        return {"outcome": "delivered"}

    async def _deliver_otherwise(
        self, notification_id: str, notification: Message, phone: Phone
    ) -> dict[str, Any]:
        """Deliver though the phone's action is missing: somebody must hear of it."""
        if notification["kind"] == "clear":
            self._dismiss(notification)
            await self._keep(notification_id, notification, "delivered")
            return {"outcome": "delivered"}
        raise_issue(
            self._hass,
            IssueKind.PHONES_ALIKE if phone.shares_name else IssueKind.PHONE_UNREACHABLE,
            self._entry.entry_id,
            phone.device_id,
            phone=phone.name,
        )
        known = self._ids.get(notification_id)
        if known is None or known["state"] != "fallback":
            self._show_persistent(notification)
            await self._keep(notification_id, notification, "fallback")
        try:
            reached = await phone.say(str(notification["title"]), str(notification["body"]))
        except PhoneCallError as err:
            return _retry("push_failed", str(err), RETRY_ACTION_MISSING_S)
        if not reached:
            return _retry(
                "phone_action_missing",
                f"{phone.name} takes no notifications now",
                RETRY_ACTION_MISSING_S,
            )
        await self._keep(notification_id, notification, "delivered")
        return {"outcome": "delivered"}

    async def _pushes(
        self, notification: Message, phone: Phone, *, repeated: bool
    ) -> list[dict[str, Any]]:
        """Return message, title and data of what the phone is pushed."""
        if notification["kind"] == "clear":
            return [clear_data(tag) for tag in self._tags_shown(notification)]
        push = push_data(
            notification,
            entity_id=self._entry.runtime_data.risk_entity_id(str(notification["room_id"])),
            repeated=repeated,
            confirms=phone.confirms and notification["kind"] not in _UNCONFIRMED_KINDS,
            texts=await common_texts(self._hass),
        )
        return [push]

    @callback
    def _tags_shown(self, notification: Message) -> list[str]:
        """Return every tag under which the target may show something of the incident.

        Not that of a summary that a later one, of others, has replaced there.
        """
        lane = _lane(notification)
        newest = {
            delivery["tag"]: delivery["lane"]
            for delivery in self._ids.values()
            if "tag" in delivery and _target(delivery) == str(notification["target"])
        }
        shown = [tag for tag, shown_lane in newest.items() if shown_lane == lane]
        return list(dict.fromkeys((tag_of(notification), *shown)))

    @callback
    def _dismiss(self, notification: Message) -> None:
        for tag in self._tags_shown(notification):
            persistent_notification.async_dismiss(self._hass, tag)

    @callback
    def _show_persistent(self, notification: Message) -> None:
        if notification["kind"] == "clear":
            self._dismiss(notification)
            return
        persistent_notification.async_create(
            self._hass,
            str(notification["body"]),
            title=str(notification["title"]),
            notification_id=tag_of(notification),
        )

    async def _keep(
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
        lane = _lane(notification)
        ids = {key: value for key, value in self._ids.items() if not _is_over(value, now)}
        ids[notification_id] = {
            "state": state,
            "lane": lane,
            "closed_at": None,
            "tag": tag_of(notification),
            "expects_receipt": expects_receipt,
        }
        if state == "delivered" and notification["kind"] in _CLOSING_KINDS:
            closed: _Delivery
            for key, delivery in ids.items():
                if delivery["lane"] == lane:
                    closed = {**delivery, "closed_at": now.isoformat()}
                    ids[key] = closed
        self._ids = ids
        await self._store.async_save({"ids": ids})


def _is_over(delivery: Mapping[str, Any], now: datetime) -> bool:
    closed_at = delivery["closed_at"]
    return closed_at is not None and now - datetime.fromisoformat(closed_at) > KEPT_AFTER_CLOSING


def _lane(notification: Message) -> str:
    return f"{notification['incident_id']}/{notification['target']}"


def _target(delivery: _Delivery) -> str:
    return delivery["lane"].rpartition("/")[2]


def _retry(code: str, message: str, after_s: int) -> dict[str, Any]:
    return {"outcome": "retry", "code": code, "message": message, "retry_after_s": after_s}
