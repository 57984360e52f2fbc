"""How this program talks to PostgreSQL: what a connection is set to, and when one is lost."""

import json
import socket
import urllib.parse
from typing import Any, Final

import asyncpg
import asyncpg.pool

from mould_watch.errors import DatabaseUnavailableError
from mould_watch.reachability import network_reason

type Connection = (
    asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
)

APPLICATION_NAME: Final = "mould-watch"
CONNECT_TIMEOUT_S: Final = 10.0
COMMAND_TIMEOUT_S: Final = 20.0

CLIENT_ERRORS: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # what a connection that was ended in the middle of something sometimes raises
    asyncpg.InternalClientError,
)
"""Everything that a call to PostgreSQL raises when the call itself is right."""

REFUSALS: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    # a text too long for an index
    asyncpg.ProgramLimitExceededError,
)
"""What PostgreSQL raises about one row: another row, or this one put otherwise, may pass."""


def is_no_rows_fault(refusal: asyncpg.PostgresError) -> bool:
    """Return whether one of REFUSALS is about something else than what a row holds.

    That is a month without a partition (a real CHECK has a name), and a foreign key: what refers
    to what is never up to a payload.
    """
    lacks_partition = (
        isinstance(refusal, asyncpg.CheckViolationError) and not refusal.constraint_name
    )
    return lacks_partition or isinstance(refusal, asyncpg.ForeignKeyViolationError)


# The server's half of noticing a peer that is gone without a word; the client's half are the
# command time limit and the probe of `Database`.
_SERVER_SETTINGS: Final = {
    "application_name": APPLICATION_NAME,
    "timezone": "UTC",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}

# SQLSTATE classes and codes that mean "not now" rather than "not like this": connection
# exceptions, insufficient resources, operator intervention, system errors; a server that only
# reads (a standby after a failover); a session ended for idling in a transaction.
_UNAVAILABLE_CLASSES: Final = ("08", "53", "57", "58")
_UNAVAILABLE_CODES: Final = ("25006", "25P03")

# SQLSTATE of a server that is there and does not let this program in, in words that help.
_NOT_LET_IN: Final = {
    "28P01": "the user name or the password is refused: check DATABASE_URL",
    "28000": "the server does not let this user in: check DATABASE_URL and its pg_hba.conf",
    "3D000": "the database does not exist on the server: create it, or check DATABASE_URL",
}
_ADDRESS_NOT_UNDERSTOOD: Final = (
    "DATABASE_URL is not an address like postgresql://user:password@host:5432/database;"
    " special characters in the password must be percent-encoded"
)
_DEFAULT_PORT: Final = 5432
_OF_THE_NETWORK: Final = (ConnectionError, TimeoutError)


def is_unavailable(error: BaseException) -> bool:
    """Return whether `error` says that the database cannot be used now."""
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        return code.startswith(_UNAVAILABLE_CLASSES) or code in _UNAVAILABLE_CODES
    # asyncpg's InterfaceErrors about arguments are ValueErrors too: those are mistakes.
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)
    # OSError includes TimeoutError.
    return isinstance(error, OSError | asyncpg.InternalClientError)


def unavailable(error: BaseException, address: str = "") -> DatabaseUnavailableError:
    """Return `error` in this program's words; of the address only host and port."""
    first = error
    # "The connection is closed" is the echo of what closed it.
    while isinstance(first, asyncpg.InterfaceError) and first.__context__ is not None:
        first = first.__context__
    return DatabaseUnavailableError(
        f"PostgreSQL cannot be used now ({describe(first, address)})",
        cause=type(first).__name__,
    )


def describe(error: BaseException, address: str = "") -> str:
    """Return a short phrase for `error`; of the address it met only host and port."""
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in _NOT_LET_IN:
        return _NOT_LET_IN[error.sqlstate]
    # without an address it may be a file's fault as well, and says so itself
    if isinstance(error, OSError) and (address or isinstance(error, _OF_THE_NETWORK)):
        host, place = _place(address)
        reason = network_reason(error, place, host)
        if isinstance(error, socket.gaierror):
            return f"the database cannot be found: {reason}; check DATABASE_URL"
        return reason
    if address and isinstance(error, ValueError):
        # it may quote what it stumbled over
        return _ADDRESS_NOT_UNDERSTOOD
    text = str(error).strip().partition("\n")[0]
    return text or type(error).__name__


def check_address(address: str) -> None:
    """Raise DatabaseUnavailableError when DATABASE_URL cannot be one.

    The parser's own words may quote a part of the password, so they are not passed on.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        valid = parts.scheme in {"postgresql", "postgres"}
        # reading the port is what checks it
        valid = valid and (parts.port is None or parts.port > 0)
    except ValueError:
        raise DatabaseUnavailableError(_ADDRESS_NOT_UNDERSTOOD) from None
    if not valid:
        raise DatabaseUnavailableError(_ADDRESS_NOT_UNDERSTOOD)


def host_and_port(address: str) -> tuple[str | None, int]:
    """Return where an address leads, and nothing of it that is secret; host None: a socket.

    Raises ValueError when it is not an address.
    """
    parts = urllib.parse.urlsplit(address)
    return parts.hostname, parts.port or _DEFAULT_PORT


def _place(address: str) -> tuple[str | None, str]:
    """Return the host of an address, and where it leads in words."""
    if not address:
        return None, "it"
    host, port = host_and_port(address)
    return (None, "its socket") if host is None else (host, f"{host}:{port}")


async def prepare(connection: Connection) -> None:
    """Make json and jsonb Python objects on both sides."""
    for type_name in ("json", "jsonb"):
        await connection.set_type_codec(
            type_name, encoder=_encode_json, decoder=json.loads, schema="pg_catalog"
        )


async def connect(address: str) -> asyncpg.Connection[asyncpg.Record]:
    """Open one connection, set up like those of the pool.

    Raises DatabaseUnavailableError.
    """
    check_address(address)
    # ValueError: what else the address may have wrong
    try:
        connection = await asyncpg.connect(
            address,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings=_SERVER_SETTINGS,
        )
    except (*CLIENT_ERRORS, ValueError) as error:
        raise unavailable(error, address) from error
    try:
        await prepare(connection)
    except CLIENT_ERRORS as error:
        connection.terminate()
        raise unavailable(error) from error
    return connection


async def open_pool(address: str, size: int) -> asyncpg.Pool[asyncpg.Record]:
    """Open the pool, of at most `size` connections; raises DatabaseUnavailableError."""
    check_address(address)
    try:
        return await asyncpg.create_pool(
            address,
            min_size=1,
            max_size=size,
            init=prepare,
            reset=_leave,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            max_inactive_connection_lifetime=60.0,
            server_settings=_SERVER_SETTINGS,
        )
    except (*CLIENT_ERRORS, ValueError) as error:
        raise unavailable(error, address) from error


async def _leave(_connection: Connection) -> None:
    """Give a connection back as it is: a round trip less for each use.

    Whoever borrows one leaves nothing in its session: settings and locks are those of a
    transaction. Who needs a lock of the session ends the connection with it.
    """


def _encode_json(value: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    # PostgreSQL's JSON has no NaN; say so here, where the value is known.
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
