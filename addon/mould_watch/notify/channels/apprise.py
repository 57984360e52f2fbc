"""E-mail, Discord, Slack, ntfy, Telegram, AWS SNS and the rest, through the library Apprise.

The receivers know nothing of notification ids: when an answer is lost, what is sent again may
arrive twice. That is counted (`unknown_outcomes`, `repeats`). Where an address has several
recipients, those that took it are left out of the next try.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from mould_watch.domain.notification import APPRISE_CHANNEL
from mould_watch.errors import SettingsError
from mould_watch.notify.channel import ClaimedNotification, Delivery, Outcome
from mould_watch.notify.channels.as_written import escaped, is_always_markdown
from mould_watch.notify.channels.heard import Heard
from mould_watch.notify.channels.recipients import Reached, Recipients, leaving_out
from mould_watch.notify.channels.refusals import refused
from mould_watch.storage.signals import Wakeup

if TYPE_CHECKING:
    import apprise

_THREADS: Final = 4


class AppriseChannel:
    """Routes are the names of the services that are set: a target is `apprise:<name>`."""

    def __init__(self, services: Mapping[str, SecretStr], timeout_s: float) -> None:
        """Send to `services`, waiting at most `timeout_s` seconds for each answer.

        Raises SettingsError for an address that Apprise does not understand.
        """
        self._services = dict(services)
        self._timeout_s = timeout_s
        self._unknown: frozenset[str] = frozenset()
        self._changed = Wakeup()
        self._recipients = Recipients()
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="apprise")
        if services:
            from mould_watch.notify.channels import hearing  # noqa: PLC0415 - as below

            hearing.listen()
        for name, address in services.items():
            if _service(address) is None:
                raise SettingsError(
                    f"the address of the service {name} (notify.apprise) is none that Apprise "
                    "understands; it is not shown, because it may hold a password. Addresses "
                    "look like mailto://user:password@example.org or ntfy://topic; see "
                    "https://github.com/caronc/apprise/wiki",
                    service=name,
                )

    @property
    def name(self) -> str:
        """Return the word that the notifications' column `channel` holds."""
        return APPRISE_CHANNEL

    @property
    def recognises_repeats(self) -> bool:
        """Return false: what is sent twice arrives twice."""
        return False

    def routes(self) -> frozenset[str]:
        """Return the names of the services, and of those asked for that are not set."""
        return frozenset(self._services) | self._unknown

    def asked_for(self, routes: frozenset[str]) -> None:
        """Take notifications for services that are not set, to fail them with that reason."""
        unknown = routes - frozenset(self._services)
        if unknown != self._unknown:
            self._unknown = unknown
            self._changed.set()

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return when others were asked for, or after `timeout_s` seconds.

        The services themselves are those of the settings.
        """
        await self._changed.wait(timeout_s)

    async def deliver(self, claimed: ClaimedNotification) -> Delivery:
        """Send once, in a thread of its own, and return what became of it."""
        address = self._services.get(claimed.route)
        if address is None:
            return Delivery(
                Outcome.FAILED,
                "unknown_service",
                f"no service with the name {claimed.route} is set (notify.apprise)",
            )
        if claimed.kind == "clear":
            # there is nothing to take back from a mailbox or a chat
            return Delivery(Outcome.DELIVERED, "nothing_to_clear")
        heard = Heard()
        reached = self._recipients.reached(claimed.notification_id)
        work = asyncio.get_running_loop().run_in_executor(
            self._executor, self._send, address, claimed, heard, reached
        )
        try:
            done, _ = await asyncio.wait({work}, timeout=self._timeout_s)
        finally:
            # one that has not begun never will; one that has goes on without us, sending no more
            work.cancel()
            heard.is_over = True
        if not done:
            return self._unanswered(heard)
        error = work.exception()
        if error is not None:
            # the library's own fault; its words may hold the address
            return Delivery(Outcome.RETRY, "service_failed", type(error).__name__)
        if work.result():
            self._recipients.done(claimed.notification_id)
            return Delivery(Outcome.DELIVERED)
        delivery = refused(heard)
        if not reached:
            return delivery
        return replace(delivery, message=f"{delivery.message}; others at this address have it")

    def _send(
        self, address: SecretStr, claimed: ClaimedNotification, heard: Heard, reached: Reached
    ) -> bool:
        import apprise  # noqa: PLC0415 - half a second, and only for those who use it

        from mould_watch.notify.channels.hearing import hearing  # noqa: PLC0415 - as above

        heard.has_begun = True
        with hearing(heard), leaving_out(reached):
            # a new one for each try: they keep the time of the last and wait for each other
            service = _service(address)
            if service is None:
                return False
            # it turns plain text into what the service reads: some take "<" for markup
            services = apprise.Apprise(asset=service.asset)
            services.add(service)
            title = str(claimed.message.get("title") or "Mould Watch")
            body = str(claimed.message.get("body") or "")
            body_format = apprise.NotifyFormat.TEXT
            if is_always_markdown(service.secure_protocol):
                title, body = escaped(title), escaped(body)
                body_format = apprise.NotifyFormat.MARKDOWN
            return bool(
                services.notify(
                    title=title,
                    body=body,
                    notify_type=apprise.NotifyType(_TYPES.get(claimed.severity, "info")),
                    body_format=body_format,
                )
            )

    def _unanswered(self, heard: Heard) -> Delivery:
        if heard.answer is not None:
            return refused(heard)  # the library holds it back, to try again by itself
        if not heard.has_begun:
            return Delivery(
                Outcome.RETRY,
                "busy",
                "earlier notifications still wait for their services",
                is_channel_wide=True,
            )
        return Delivery(
            Outcome.NO_ANSWER,
            "no_answer",
            f"the service did not answer within {self._timeout_s:g} s",
            is_channel_wide=True,
        )


# the words of the notification's severity -> how grave a service may colour it
_TYPES: Final = {"none": "success", "watch": "info", "warning": "warning", "high": "failure"}


def _service(address: SecretStr) -> apprise.NotifyBase | None:
    """Return the service behind an address, None when it is not understood."""
    import apprise  # noqa: PLC0415 - half a second, and only for those who use it

    asset = apprise.AppriseAsset(
        app_id="Mould Watch", secure_logging=True, storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    return apprise.Apprise.instantiate(address.get_secret_value(), asset=asset)
