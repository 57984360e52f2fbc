import errno
import os
import socket
import ssl

import pytest

from mould_watch.reachability import network_reason


def _several(*numbers: int) -> OSError:
    """Return what asyncio raises when a name has several addresses."""
    texts = ", ".join(str(OSError(number, "Connect call failed")) for number in numbers)
    return OSError(f"Multiple exceptions: {texts}")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), "nothing answers at b:1 (connection refused)"),
        (_several(111, 111), "nothing answers at b:1 (connection refused)"),
        (_several(101, 101), "b:1 cannot be reached (network is unreachable)"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "the name b is not known"),
        (socket.gaierror(socket.EAI_AGAIN, "later"), "the name b cannot be looked up now"),
        (TimeoutError(), "b:1 does not answer in time"),
        (ConnectionResetError(), "b:1 has ended the connection"),
        (FileNotFoundError(), "nothing answers at b:1 (there is no such socket)"),
        (
            OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)),
            "b:1 cannot be reached (no route to host)",
        ),
        (ssl.SSLError(1, "x"), "no encrypted connection to b:1 comes about (no reason given)"),
        (OSError(), "b:1 cannot be reached (OSError)"),
    ],
)
def test_the_reason_is_plain(error: OSError, expected: str) -> None:
    assert network_reason(error, "b:1", "b") == expected


def test_several_addresses_that_fail_differently_are_told_in_full() -> None:
    assert "Errno 101" in network_reason(_several(111, 101), "b:1", "b")
