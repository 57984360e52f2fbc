"""What phones answer: buttons pressed, and notifications that arrived."""

import uuid
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .phones import phone_id_of
from .push import press_of

if TYPE_CHECKING:
    from .notifications import Notifier
    from .reports import Reports

EVENT_ACTION: Final = "mobile_app_notification_action"
EVENT_RECEIVED: Final = "mobile_app_notification_received"
TOMORROW_AT: Final = time(8)
# Who asks for it in the night means the coming morning.
TOMORROW_IS_AWAY: Final = timedelta(hours=6)
_BUTTON_KEYS: Final = tuple(f"action_{number}_key" for number in range(1, 4))


class Responses:
    """Listens for the companion apps' events and makes reports of them."""

    def __init__(self, hass: HomeAssistant, notifier: Notifier, reports: Reports) -> None:
        """Report what is heard about the notifications of `notifier`."""
        self._hass = hass
        self._notifier = notifier
        self._reports = reports

    @callback
    def listen(self) -> CALLBACK_TYPE:
        """Listen, until what is returned is called."""
        removes = (
            self._hass.bus.async_listen(EVENT_ACTION, self._on_action),
            self._hass.bus.async_listen(EVENT_RECEIVED, self._on_received),
        )

        @callback
        def stop() -> None:
            for remove in removes:
                remove()

        return stop

    async def _on_action(self, event: Event[dict[str, Any]]) -> None:
        press = press_of(event.data.get("action"))
        if press is None:
            return
        more = {"until": tomorrow(dt_util.now()).isoformat()} if press.action == "snooze" else {}
        await self._reports.add(
            "incident_action",
            action_id=str(uuid.uuid4()),
            incident_id=press.incident_id,
            notification_id=press.notification_id,
            action=press.action,
            **more,
        )

    async def _on_received(self, event: Event[dict[str, Any]]) -> None:
        notification_id = self._notification_id(event.data)
        if notification_id is not None:
            await self._notifier.confirm(notification_id)
            await self._reports.add("notification_receipt", notification_id=notification_id)

    @callback
    def _notification_id(self, data: dict[str, Any]) -> str | None:
        """Return which notification arrived.

        The push service passes on what it knows, so it is read from the buttons; without any it
        is the last one that went to this phone under this tag.
        """
        for key in _BUTTON_KEYS:
            press = press_of(data.get(key))
            if press is not None and self._notifier.knows(press.notification_id):
                return press.notification_id
        phone_id = phone_id_of(self._hass, data)
        if phone_id is None:
            return None
        return self._notifier.last_under(str(data.get("tag")), phone_id)


def tomorrow(now: datetime) -> datetime:
    """Return when somebody wants to hear again who says "tomorrow" at `now`, local time."""
    day = (now + TOMORROW_IS_AWAY).date()
    morning = datetime.combine(day, TOMORROW_AT, now.tzinfo)
    if morning - now < TOMORROW_IS_AWAY:
        morning = datetime.combine(day + timedelta(days=1), TOMORROW_AT, now.tzinfo)
    return morning
