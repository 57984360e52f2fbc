"""E-mail, Discord, Slack, ntfy, Telegram, AWS SNS and the rest, through the library Apprise.

The receivers know nothing of notification ids: when an answer is lost, what is sent again may
arrive twice. That is counted (`unknown_outcomes`, `repeats`).
"""

import asyncio
import logging
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from mould_watch.domain.notification import APPRISE_CHANNEL
from mould_watch.errors import SettingsError
from mould_watch.notify.channel import ClaimedNotification, Delivery, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apprise

_THREADS: Final = 4
_RATE_LIMITED_S: Final = 60.0
"""The wait after "too many requests" where the service does not say how long."""

_STATUS: Final = re.compile(r"\berror=(\d{3,5})\b")
_SMTP_STATUS: Final = re.compile(r"\((\d{3}), b['\"]")
_RETRY_AFTER: Final = re.compile(r'"?retry[_-]after"?\s*[:=]\s*"?(\d+(?:\.\d+)?)', re.IGNORECASE)
_NEVER_ARRIVED: Final = re.compile(
    r"refused|NewConnectionError|NameResolution|ConnectTimeout|Name or service|No route|"
    r"unreachable|certificate|SSL|resolve",
    re.IGNORECASE,
)
_SENT_AND_LOST: Final = re.compile(
    r"timed out|aborted|RemoteDisconnected|reset|unexpectedly closed", re.IGNORECASE
)
_TEMPORARY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SMTP_AUTHENTICATION: Final = frozenset({530, 534, 535, 538})


@dataclass(slots=True)
class _Heard:
    """What the library said of one try: it tells no more than "no" otherwise."""

    has_begun: bool = False
    status: int | None = None
    smtp_status: int | None = None
    retry_after_s: float | None = None
    fault: str | None = None

    def take(self, line: str) -> None:
        """Keep of a line what says why; the line itself may hold secrets."""
        if (match := _STATUS.search(line)) and self.status is None:
            code = int(match[1])
            # ntfy adds two digits of its own
            self.status = code if code < 1000 else code // 100  # noqa: PLR2004 - three digits
        if match := _RETRY_AFTER.search(line):
            self.retry_after_s = float(match[1])
        if "Exception:" in line:
            if match := _SMTP_STATUS.search(line):
                self.smtp_status = int(match[1])
            elif _NEVER_ARRIVED.search(line):
                self.fault = "unreachable"
            elif _SENT_AND_LOST.search(line):
                self.fault = "answer_lost"
            else:
                self.fault = self.fault or "connection"


class _Listener(logging.Handler):
    """Hears the library's log, each line in the thread whose try it is about."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._heard: dict[int, _Heard] = {}

    @contextmanager
    def hearing(self, heard: _Heard) -> Iterator[None]:
        """Put what is said in this thread into `heard`."""
        thread = threading.get_ident()
        self._heard[thread] = heard
        try:
            yield
        finally:
            del self._heard[thread]

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; it goes nowhere else, because it may hold an address with its secrets."""
        heard = self._heard.get(threading.get_ident())
        if heard is not None:
            heard.take(record.getMessage())


class AppriseChannel:
    """Routes are the names of the services that are set: a target is `apprise:<name>`."""

    def __init__(self, services: Mapping[str, SecretStr], timeout_s: float) -> None:
        """Send to `services`, waiting at most `timeout_s` seconds for each answer.

        Raises SettingsError for an address that Apprise does not understand.
        """
        self._services = dict(services)
        self._timeout_s = timeout_s
        self._unknown: frozenset[str] = frozenset()
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="apprise")
        self._listener = _Listener()
        if services:
            self._listen()
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
        self._unknown = routes - frozenset(self._services)

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return after `timeout_s` seconds: the services are those of the settings."""
        await asyncio.sleep(timeout_s)

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
        heard = _Heard()
        work = asyncio.get_running_loop().run_in_executor(
            self._executor, self._send, address, claimed, heard
        )
        try:
            done, _ = await asyncio.wait({work}, timeout=self._timeout_s)
        finally:
            # one that has not begun never will; one that has goes on without us
            work.cancel()
        if not done:
            return self._unanswered(heard)
        error = work.exception()
        if error is not None:
            # the library's own fault; its words may hold the address
            return Delivery(Outcome.RETRY, "service_failed", type(error).__name__)
        return Delivery(Outcome.DELIVERED) if work.result() else _refused(heard)

    def _send(self, address: SecretStr, claimed: ClaimedNotification, heard: _Heard) -> bool:
        import apprise  # noqa: PLC0415 - half a second, and only for those who use it

        heard.has_begun = True
        with self._listener.hearing(heard):
            # a new one for each try: they keep the time of the last and wait for each other
            service = _service(address)
            if service is None:
                return False
            return bool(
                service.notify(
                    title=str(claimed.message.get("title") or "Mould Watch"),
                    body=str(claimed.message.get("body") or ""),
                    notify_type=apprise.NotifyType(_TYPES.get(claimed.severity, "info")),
                )
            )

    def _unanswered(self, heard: _Heard) -> Delivery:
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

    def _listen(self) -> None:
        """Hear the library's log, and let none of it reach ours."""
        logger = logging.getLogger("apprise")
        logger.propagate = False
        logger.setLevel(logging.DEBUG)
        logger.addHandler(self._listener)


# the words of the notification's severity -> how grave a service may colour it
_TYPES: Final = {"none": "success", "watch": "info", "warning": "warning", "high": "failure"}


def _service(address: SecretStr) -> apprise.NotifyBase | None:
    """Return the service behind an address, None when it is not understood."""
    import apprise  # noqa: PLC0415 - half a second, and only for those who use it

    asset = apprise.AppriseAsset(
        app_id="Mould Watch", secure_logging=True, storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    return apprise.Apprise.instantiate(address.get_secret_value(), asset=asset)


def _refused(heard: _Heard) -> Delivery:
    """Return what a "no" of the library means, from what it said before."""
    if heard.smtp_status is not None:
        return _mail_refused(heard.smtp_status)
    if heard.status is not None:
        return _http_refused(heard.status, heard.retry_after_s)
    match heard.fault:
        case "answer_lost":
            return Delivery(
                Outcome.NO_ANSWER,
                "answer_lost",
                "the connection ended before the service answered",
                is_channel_wide=True,
            )
        case None:
            return Delivery(Outcome.RETRY, "refused", "the service took it not, and says not why")
        case fault:
            return Delivery(
                Outcome.RETRY, fault, "the service cannot be reached", is_channel_wide=True
            )


def _http_refused(status: int, retry_after_s: float | None) -> Delivery:
    said = f"the service answered {status}"
    if status in _TEMPORARY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        if status == HTTPStatus.TOO_MANY_REQUESTS and retry_after_s is None:
            retry_after_s = _RATE_LIMITED_S
        return Delivery(Outcome.RETRY, f"http_{status}", said, retry_after_s, is_channel_wide=True)
    return Delivery(Outcome.FAILED, f"http_{status}", said)


def _mail_refused(status: int) -> Delivery:
    said = f"the mail server answered {status}"
    if status in _SMTP_AUTHENTICATION:
        said += ": user name or password are wrong"
    if status < 500:  # noqa: PLR2004 - 4yz: try again, RFC 5321
        return Delivery(Outcome.RETRY, f"smtp_{status}", said, is_channel_wide=True)
    return Delivery(Outcome.FAILED, f"smtp_{status}", said)
