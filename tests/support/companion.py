"""The companion app on a phone: what it sends to Home Assistant about notifications."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from demo_flat.home_assistant_api import HomeAssistantApi
from demo_flat.phone import Answer, Phone, Push

_APP_DEVICE_ID = "app-of-{}"


class CompanionApp:
    """A phone with its push service, registered with Home Assistant, and an app that answers.

    Like the one for Android it confirms what arrives, where it is asked to.
    """

    def __init__(self, label: str, hear: Callable[[Push], None] = lambda _push: None) -> None:
        """Describe it; `label` tells phones of one name apart. `hear` is told of each push."""
        self.label = label
        self._hear = hear
        self.phone = Phone(on_push=self._on_push)
        self.device_id = ""
        self.webhook_id = ""
        # whether it is asleep, or too old: it confirms nothing
        self.confirms = True
        self._address = ""
        self._confirming: set[asyncio.Task[None]] = set()

    async def register(self, api: HomeAssistantApi, name: str) -> None:
        """Register the phone under a name."""
        await self.phone.start()
        self._address = api.address
        self.device_id, self.webhook_id = await api.register_phone(
            name, self.phone.push_url, _APP_DEVICE_ID.format(self.label)
        )

    async def stop(self) -> None:
        """Close the push service."""
        await asyncio.gather(*self._confirming)
        await self.phone.stop()

    def about(self, room: str) -> list[Push]:
        """Return what arrived about a room, in order; clearing ones excepted."""
        return [
            push
            for push in self.phone.pushes
            if push.reached and push.title and push.title.startswith(f"{room}:")
        ]

    def shown(self, room: str) -> list[Push]:
        """Return what the phone shows about a room now."""
        return [
            push
            for push in self.phone.screen().shown.values()
            if push.title and push.title.startswith(f"{room}:")
        ]

    def alerts(self, room: str) -> int:
        """Return how often the phone made itself heard about a room."""
        alerts = 0
        shown: set[str | None] = set()
        for push in self.about(room):
            silent = push.tag in shown and bool(push.data.get("alert_once"))
            alerts += not silent
            shown.add(push.tag)
        return alerts

    async def press(self, push: Push, button: str) -> None:
        """Press the button of a notification that has this title."""
        (action,) = (one for one in push.data["actions"] if one["title"] == button)
        await self._fire("mobile_app_notification_action", {"action": action["action"]})

    def _on_push(self, push: Push) -> None:
        self._hear(push)
        if not (self.confirms and push.data.get("confirmation") and push.answer is Answer.ACCEPTED):
            return
        # what the push service for Android passes on, and nothing else
        buttons = {
            f"action_{number}_key": action["action"]
            for number, action in enumerate(push.data.get("actions", ()), 1)
        }
        content = {
            "message": push.message,
            "title": push.title,
            "tag": push.tag,
            "confirmation": "True",
            "webhook_id": self.webhook_id,
            "device_id": _APP_DEVICE_ID.format(self.label),
            **buttons,
        }
        task = asyncio.ensure_future(self._fire("mobile_app_notification_received", content))
        self._confirming.add(task)
        task.add_done_callback(self._confirming.discard)

    async def _fire(self, event_type: str, content: dict[str, Any]) -> None:
        body = {"type": "fire_event", "data": {"event_type": event_type, "event_data": content}}
        path = f"{self._address}/api/webhook/{self.webhook_id}"
        async with aiohttp.ClientSession() as session, session.post(path, json=body) as answer:
            answer.raise_for_status()
