"""What can go wrong between Home Assistant and the backend."""

from collections.abc import Mapping
from typing import Any


class MouldWatchClientError(Exception):
    """The backend could not be asked, or did not do what was asked.

    `key` is the translation key of the message for the user.
    """

    key = "cannot_connect"


class CannotConnectError(MouldWatchClientError):
    """Nothing answers at the address, or the connection was lost."""


class NotMouldWatchError(MouldWatchClientError):
    """Something answers at the address, but it is not a Mould Watch backend."""

    key = "not_mould_watch"


class InvalidAuthError(MouldWatchClientError):
    """The backend does not know the token."""

    key = "invalid_auth"


class BackendTooOldError(MouldWatchClientError):
    """The backend speaks only older versions of the protocol."""

    key = "backend_too_old"


class BackendTooNewError(MouldWatchClientError):
    """The backend speaks only newer versions of the protocol."""

    key = "backend_too_new"


class ReplacedError(MouldWatchClientError):
    """A newer connection of this Home Assistant took this one's place."""


class RefusedError(MouldWatchClientError):
    """The backend answered a request with an error.

    `code` and `data` are those of docs/protocol.md; the message is English, for the log.
    """

    key = "refused"

    def __init__(self, code: str, message: str, data: Mapping[str, Any] | None = None) -> None:
        """Keep what the backend said."""
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data: Mapping[str, Any] = data or {}
