"""Why something in the network cannot be reached, in words for people."""

import os
import re
import socket
import ssl
from typing import Final

_ERROR_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")
_NAME_UNKNOWN: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5)})


def network_reason(error: OSError, place: str, host: str | None = None) -> str:
    """Return a clause such as "nothing answers at broker.lan:1883 (connection refused)".

    `place` is what was to be reached ("broker.lan:1883"), `host` the name alone. Neither may
    hold a secret, and nothing else of an address gets into the words.
    """
    error = _of_one_kind(error)
    match error:
        case socket.gaierror(errno=number) if number in _NAME_UNKNOWN:
            return f"the name {host or place} is not known"
        case socket.gaierror():
            return f"the name {host or place} cannot be looked up now"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {place} is not to be trusted ({error.verify_message})"
        case ssl.SSLError():
            reason = getattr(error, "reason", None) or "no reason given"  # only OpenSSL sets it
            words = reason.replace("_", " ").lower()
            return f"no encrypted connection to {place} comes about ({words})"
        case ConnectionRefusedError():
            return f"nothing answers at {place} (connection refused)"
        case FileNotFoundError():
            return f"nothing answers at {place} (there is no such socket)"
        case TimeoutError():
            return f"{place} does not answer in time"
        case ConnectionError():
            return f"{place} has ended the connection"
        case _:
            return f"{place} cannot be reached ({_own_words(error)})"


def _of_one_kind(error: OSError) -> OSError:
    """Return one error for a name with several addresses that all fail alike.

    asyncio puts their texts into one error without a number.
    """
    numbers = set(_ERROR_NUMBER.findall(str(error)))
    if error.errno is None and len(numbers) == 1:
        number = int(numbers.pop())
        # makes a ConnectionRefusedError of its number
        return OSError(number, os.strerror(number))
    return error


def _own_words(error: OSError) -> str:
    text = (error.strerror or str(error)).strip().partition("\n")[0]
    return text[:1].lower() + text[1:] if text else type(error).__name__
