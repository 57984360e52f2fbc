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
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4
from weakref import WeakValueDictionary

from homeassistant.components import persistent_notification
from homeassistant.core import CoreState, HomeAssistant, callback

from .const import DOMAIN, TARGET_PERSISTENT
from .deliveries import Deliveries, lane_of
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

RETRY_STOPPING_S: Final = 15
RETRY_ACTION_MISSING_S: Final = 300
RETRY_PUSH_S: Final = 30
# No receipt is asked for: nobody needs to act on them.
_UNCONFIRMED_KINDS: Final = frozenset({"recovery", "summary", "clear"})
_BY_ENTITY: Final = "entity"


class Notifier:
    """Delivers what the backend says, and answers each by its id."""

    def __init__(self, hass: HomeAssistant, entry: MouldWatchConfigEntry) -> None:
        """Belong to an entry."""
        self._hass = hass
        self._entry = entry
        self._deliveries = Deliveries(hass, entry.entry_id)
        self._under_way: set[str] = set()
        # A lane's lock lives as long as somebody holds it or waits for it.
        self._lanes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._started = asyncio.Event()
        self._asks_again = asyncio.Event()

    async def load(self) -> None:
        """Read the ids known."""
        await self._deliveries.load()

    @callback
    def start(self) -> None:
        """Home Assistant has started: notifications may come."""
        self._started.set()

    async def run(self, stream: Stream) -> None:
        """Say over this connection that notifications may come, once Home Assistant runs."""
        await self._started.wait()
        while True:
            self._asks_again.clear()
            await self._ready_to_deliver(stream)
            await self._asks_again.wait()

    @callback
    def ask_again(self) -> None:
        """Ask once more what the backend knows: its database may be an earlier one by now."""
        self._asks_again.set()

    async def _ready_to_deliver(self, stream: Stream) -> None:
        """Have notifications come, and take away what is shown of incidents that nobody knows.

        The backend's database is an earlier one, or another, and nobody else would ever do so.
        """
        try:
            answer = await stream.request(
                "ready_to_deliver", incidents=self._deliveries.shown_incidents()
            )
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
        return self._deliveries.get(notification_id) is not None

    async def confirm(self, notification_id: str) -> None:
        """Note that a notification arrived on its phone."""
        await self._deliveries.confirm(notification_id)

    @callback
    def last_under(self, tag: str, phone_id: str) -> str | None:
        """Return the notification that was last sent to a phone under a tag."""
        return self._deliveries.last_under(tag, phone_id)

    def diagnostics(self) -> dict[str, Any]:
        """Return counts."""
        return self._deliveries.counts()

    async def _deliver_and_answer(self, notification_id: str, notification: Message) -> None:
        lane = self._lanes.setdefault(lane_of(notification), asyncio.Lock())
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

    async def _take_away(self, incident_id: str) -> None:
        """Clear an incident from every target that may show it, as the backend would."""
        for lane in self._deliveries.open_lanes():
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
                    await self._deliveries.keep(clear["notification_id"], clear, "delivered")

    async def _deliver(self, notification_id: str, notification: Message) -> dict[str, Any]:
        """Deliver one notification and return the answer's fields."""
        if self._hass.state is CoreState.stopping:
            return _retry("stopping", "Home Assistant is stopping", RETRY_STOPPING_S)
        known = self._deliveries.get(notification_id)
        if known is not None and known["state"] == "delivered":
            if known.get("is_confirmed"):
                # the phone says it but once, and this database may never have heard it
                await self._entry.runtime_data.reports.add(
                    "notification_receipt", notification_id=notification_id
                )
            return {"outcome": "delivered", "expects_receipt": known.get("expects_receipt")}
        target = str(notification["target"])
        if target == TARGET_PERSISTENT:
            self._show_persistent(notification)
            await self._deliveries.keep(notification_id, notification, "delivered")
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
        known = self._deliveries.get(notification_id)
        before = "not_sent" if known is None else known["state"]
        await self._deliveries.keep(notification_id, notification, "sending")
        # What the backend repeats may be on the phone as well.
        repeated = before == "sending" or bool(notification.get("is_repetition"))
        pushes = await self._pushes(notification, phone, repeated=repeated)
        try:
            for push in pushes:
                await phone.push(**push)
        except PhoneCallError as err:
            if not err.may_have_arrived:
                # As if never tried: what nobody has heard must not come silently next time.
                await self._deliveries.keep(notification_id, notification, before)
            return _retry("push_failed", str(err), RETRY_PUSH_S)
        for kind in (IssueKind.PHONE_UNREACHABLE, IssueKind.PHONES_ALIKE):
            clear_issue(self._hass, kind, self._entry.entry_id, phone.device_id)
        if before == "fallback":
            persistent_notification.async_dismiss(self._hass, tag_of(notification))
        expects_receipt = None
        if notification["kind"] not in _UNCONFIRMED_KINDS:
            expects_receipt = phone.confirms
        await self._deliveries.keep(notification_id, notification, "delivered", expects_receipt)
        return {"outcome": "delivered", "expects_receipt": expects_receipt}

    async def _deliver_by_entity(
        self, notification_id: str, notification: Message, phone: Phone
    ) -> dict[str, Any]:
        """Deliver as plain text, by the way that tells what goes wrong."""
        await self._deliveries.keep(notification_id, notification, "sending")
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
        await self._deliveries.keep(notification_id, notification, "delivered")
        return {"outcome": "delivered"}

    async def _deliver_otherwise(
        self, notification_id: str, notification: Message, phone: Phone
    ) -> dict[str, Any]:
        """Deliver though the phone's action is missing: somebody must hear of it."""
        if notification["kind"] == "clear":
            self._dismiss(notification)
            await self._deliveries.keep(notification_id, notification, "delivered")
            return {"outcome": "delivered"}
        raise_issue(
            self._hass,
            IssueKind.PHONES_ALIKE if phone.shares_name else IssueKind.PHONE_UNREACHABLE,
            self._entry.entry_id,
            phone.device_id,
            phone=phone.name,
        )
        known = self._deliveries.get(notification_id)
        if known is None or known["state"] != "fallback":
            self._show_persistent(notification)
            await self._deliveries.keep(notification_id, notification, "fallback")
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
        await self._deliveries.keep(notification_id, notification, "delivered")
        return {"outcome": "delivered"}

    async def _pushes(
        self, notification: Message, phone: Phone, *, repeated: bool
    ) -> list[dict[str, Any]]:
        """Return message, title and data of what the phone is pushed."""
        if notification["kind"] == "clear":
            return [clear_data(tag) for tag in self._deliveries.tags_cleared(notification)]
        push = push_data(
            notification,
            entity_id=self._entry.runtime_data.risk_entity_id(str(notification["room_id"])),
            repeated=repeated,
            confirms=phone.confirms and notification["kind"] not in _UNCONFIRMED_KINDS,
            texts=await common_texts(self._hass),
        )
        return [push]

    @callback
    def _dismiss(self, notification: Message) -> None:
        for tag in self._deliveries.tags_cleared(notification):
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


def _retry(code: str, message: str, after_s: int) -> dict[str, Any]:
    return {"outcome": "retry", "code": code, "message": message, "retry_after_s": after_s}
