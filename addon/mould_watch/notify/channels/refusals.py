"""What the "no" of a service means: later, never, or nobody knows, and why in a person's words."""

from http import HTTPStatus
from typing import Final

from mould_watch.notify.channel import Delivery, Outcome
from mould_watch.notify.channels.heard import Answer, Heard

_RATE_LIMITED_S: Final = 60.0
"""The wait after "too many requests" where the service does not say how long."""

_TEMPORARY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SMTP_AUTHENTICATION: Final = frozenset({530, 534, 535, 538})

# What services say by a word, whatever the status. Slack answers 200 to what it refuses, and
# AWS 400 to what it would take later, or if the clock were right. After Slack's list of the errors
# of chat.postMessage and the common errors of Amazon SNS.
_LATER: Final = frozenset(
    {
        "fatal_error",
        "internal_error",
        "ratelimited",
        "rate_limited",
        "request_timeout",
        "service_unavailable",
        "InternalError",
        "InternalFailure",
        "KMSThrottling",
        "KMSThrottlingException",
        "RequestExpired",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
    }
)
_NOT_ALLOWED: Final = frozenset(
    {
        "access_denied",
        "account_inactive",
        "action_prohibited",
        "invalid_auth",
        "invalid_token",
        "missing_scope",
        "no_permission",
        "not_authed",
        "not_in_channel",
        "restricted_action",
        "token_expired",
        "token_revoked",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_UNKNOWN_THERE: Final = frozenset(
    {
        "channel_is_archived",
        "channel_not_found",
        "is_archived",
        "no_service",
        "no_team",
        "user_not_found",
        "InvalidParameter",
        "NotFound",
        "NotFoundException",
    }
)


def refused(heard: Heard) -> Delivery:
    """Return what a "no" of the library means, from what was heard."""
    if heard.answer is not None:
        return _answered(heard.answer)
    if heard.smtp_status is not None:
        return _mail_refused(heard.smtp_status)
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


def _answered(answer: Answer) -> Delivery:
    status, word = answer.status, answer.word
    known = word if word in _LATER | _NOT_ALLOWED | _UNKNOWN_THERE else None
    code = known or f"http_{status}"
    said = f"the service answered {status}" + (f" ({known})" if known else "")
    retry_after_s = answer.retry_after_s
    is_later = status in _TEMPORARY or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if is_later or word in _LATER:
        if status == HTTPStatus.TOO_MANY_REQUESTS and retry_after_s is None:
            retry_after_s = _RATE_LIMITED_S
        return Delivery(Outcome.RETRY, code, said, retry_after_s, is_channel_wide=True)
    return Delivery(Outcome.FAILED, code, f"{said}: {_why(status, word)}")


def _why(status: int, word: str | None) -> str:
    """Return what is to be mended when a service refuses for good."""
    if word in _UNKNOWN_THERE or (
        word not in _NOT_ALLOWED and status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
    ):
        return (
            "it does not know what its address names (any more): the channel, chat or topic, or "
            "the token, is to be set anew"
        )
    if word in _NOT_ALLOWED or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return (
            "it does not accept the password, key or token in its address, or that may not "
            "write there"
        )
    return (
        "it does not take what it is sent; the channel, chat or topic in its address may be wrong"
    )


def _mail_refused(status: int) -> Delivery:
    said = f"the mail server answered {status}"
    if status in _SMTP_AUTHENTICATION:
        said += ": user name or password are wrong"
    if status < 500:  # noqa: PLR2004 - 4yz: try again, RFC 5321
        return Delivery(Outcome.RETRY, f"smtp_{status}", said, is_channel_wide=True)
    return Delivery(Outcome.FAILED, f"smtp_{status}", said)
