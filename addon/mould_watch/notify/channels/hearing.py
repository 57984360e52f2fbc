"""What a service answered, behind a library that says no more than "sent" or "not sent".

Apprise has every request made by the functions of requests, which make a session for each. A
session that listens is put in the place of theirs: it tells the try in whose context it sends
what came back, and changes nothing for anybody else. What is no HTTP (a mail server) is heard from
the library's log, none of whose lines goes any further: they may hold addresses with secrets.

A service that says "too many requests" is told to the library as one that cannot be reached: some
of its parts would wait and try once more by themselves, and the outbox does that. For the same
reason nothing is sent any more by a try that was given up.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Final

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from mould_watch.notify.channels.heard import Answer, Heard

_ANSWER_MAXIMUM_BYTES: Final = 16_384
_SMTP_STATUS: Final = re.compile(r"\((\d{3}), b['\"]")
_NEVER_ARRIVED: Final = re.compile(
    r"refused|Name or service|No route|unreachable|certificate|SSL|resolve", re.IGNORECASE
)
_SENT_AND_LOST: Final = re.compile(r"timed out|aborted|reset|unexpectedly closed", re.IGNORECASE)
_XML_CODE: Final = re.compile(rb"<Code>([A-Za-z_.]{3,60})</Code>")
_WORD: Final = re.compile(r"[A-Za-z_]{3,60}")


_HEARD: Final[ContextVar[Heard | None]] = ContextVar("heard", default=None)


@contextmanager
def hearing(heard: Heard) -> Iterator[None]:
    """Put what comes of this context's requests into `heard`."""
    token = _HEARD.set(heard)
    try:
        yield
    finally:
        _HEARD.reset(token)


def listen() -> None:
    """Listen to every request from now on, and to the libraries' logs; again changes nothing."""
    requests.sessions.Session = _ListeningSession  # type: ignore[misc]
    requests.Session = _ListeningSession  # type: ignore[misc]
    # urllib3, below requests, writes down the path of each request: it may hold a token
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not any(isinstance(handler, _Listener) for handler in logger.handlers):
            logger.addHandler(_Listener(logging.DEBUG))
    logging.getLogger("apprise").setLevel(logging.DEBUG)


class _ListeningSession(requests.Session):
    """Tells the try in whose context it sends what came back."""

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        heard = _HEARD.get()
        if heard is None:
            return super().send(request, **kwargs)
        if heard.is_over:
            raise requests.RequestException("nobody waits for the answer any more")
        try:
            response = super().send(request, **kwargs)
        except requests.RequestException as error:
            heard.fault = _fault(error)
            raise
        answer = _answer(response)
        # of several, the one that says "later"
        if answer is not None and (
            heard.answer is None
            or answer.retry_after_s is not None
            or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            heard.answer = answer
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            heard.is_over = True
            raise requests.RequestException("too many requests")
        return response


class _Listener(logging.Handler):
    """Hears the libraries' logs, each line in the context of the try that it is about."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; it goes nowhere else."""
        heard = _HEARD.get()
        if heard is not None:
            _take_line(heard, record.getMessage())


def _take_line(heard: Heard, line: str) -> None:
    """Keep what a line of the library's log says of a mail server."""
    if "Exception:" not in line or heard.answer is not None or heard.fault is not None:
        return
    if match := _SMTP_STATUS.search(line):
        status = int(match[1])
        # of several recipients, the one that says "later" (4yz)
        heard.smtp_status = min(status, heard.smtp_status or status)
    elif _NEVER_ARRIVED.search(line):
        heard.fault = "unreachable"
    elif _SENT_AND_LOST.search(line):
        heard.fault = "answer_lost"
    else:
        heard.fault = "connection"


def _answer(response: requests.Response) -> Answer | None:
    """Return what an answer says that is no success; None: it is one."""
    body = response.content[:_ANSWER_MAXIMUM_BYTES]
    said = _json(body)
    if (
        HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES
        and said.get("ok") is not False
    ):
        return None
    return Answer(response.status_code, _word(said, body), _retry_after_s(response.headers, said))


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:  # also of bytes that are no text
        return {}
    return said if isinstance(said, dict) else {}


def _word(said: Mapping[str, Any], body: bytes) -> str | None:
    """Return the machine word of an error: Slack's `error`, the `Code` of AWS."""
    if match := _XML_CODE.search(body):
        return match[1].decode()
    error = said.get("error", "" if said else body.decode("ascii", "replace").strip())
    return error if isinstance(error, str) and _WORD.fullmatch(error) else None


def _retry_after_s(headers: Mapping[str, str], said: Mapping[str, Any]) -> float | None:
    """Return the seconds that a service wants to be left alone; None: it does not say.

    The headers `Retry-After` (RFC 9110: seconds, or a date) and `X-RateLimit-Reset-After`, the
    lesser: some versions of an interface count one of them in milliseconds. Else the body's
    `retry_after` (Discord), or that of its `parameters` (Telegram).
    """
    named = [_seconds(headers.get(name)) for name in ("Retry-After", "X-RateLimit-Reset-After")]
    told = [seconds for seconds in named if seconds is not None]
    if told:
        return min(told)
    parameters = said.get("parameters")
    inner = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return _seconds(said.get("retry_after", inner))


def _seconds(value: object) -> float | None:
    """Return a number of seconds from now, not less than 0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(str(value))
        except ValueError:
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if seconds < float("inf") else None


def _fault(error: requests.RequestException) -> str:
    """Return whether a request without an answer may have arrived.

    Behind a proxy the loss of an answer is told as a fault of the proxy; what lies at its bottom
    says which it was.
    """
    if isinstance(error, requests.ReadTimeout | requests.exceptions.ChunkedEncodingError):
        return "answer_lost"
    causes = list(_causes(error))
    if any(isinstance(one, NewConnectionError | ConnectTimeoutError) for one in causes):
        return "unreachable"
    if any(isinstance(one, HTTPException | ConnectionResetError) for one in causes):
        return "answer_lost"
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return "unreachable"
    return "connection"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was made of: requests and urllib3 put them into each other."""
    yield error
    for one in (*error.args, getattr(error, "reason", None)):
        if isinstance(one, BaseException):
            yield from _causes(one)
