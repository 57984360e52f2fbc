import socket

import asyncpg
import pytest

from mould_watch.errors import DatabaseUnavailableError
from mould_watch.storage.connections import check_address, describe, is_unavailable, unavailable


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.AdminShutdownError("stopping"),
        asyncpg.CannotConnectNowError("starting"),
        asyncpg.QueryCanceledError("took too long"),
        asyncpg.TooManyConnectionsError("full"),
        asyncpg.DiskFullError("full"),
        asyncpg.ReadOnlySQLTransactionError("a standby"),
        asyncpg.InterfaceError("connection is closed"),
    ],
)
def test_not_now_is_unavailable(error: Exception) -> None:
    assert is_unavailable(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        asyncpg.UniqueViolationError("there"),
        asyncpg.DataError("wrong"),
        asyncpg.LockNotAvailableError("locked"),
        asyncpg.SerializationError("again"),
        asyncpg.UndefinedTableError("none"),
        asyncpg.exceptions.ClientConfigurationError("an argument is wrong"),
    ],
)
def test_not_like_this_is_no_unavailability(error: Exception) -> None:
    assert not is_unavailable(error)


def test_what_is_told_is_one_line() -> None:
    told = unavailable(asyncpg.AdminShutdownError("stopping\nwith details"))
    assert str(told) == "PostgreSQL cannot be used now (stopping)"


@pytest.mark.parametrize(
    "address", ["postgresql://u:p@h:1/d", "postgres://h/d", "postgresql:///d?host=/run/x"]
)
def test_addresses_of_postgresql_pass(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("address", ["", "http://h/d", "postgresql://u:secret#@h:x/d", "h:5432"])
def test_other_addresses_are_refused_without_quoting_them(address: str) -> None:
    with pytest.raises(DatabaseUnavailableError) as told:
        check_address(address)
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None


ADDRESS = "postgresql://user:s3cret@db.lan/mould"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "unknown"),
            "the database cannot be found: the name db.lan is not known; check DATABASE_URL",
        ),
        (ConnectionRefusedError(), "nothing answers at db.lan:5432 (connection refused)"),
        (TimeoutError(), "db.lan:5432 does not answer in time"),
        (
            asyncpg.InvalidPasswordError('password authentication failed for user "user"'),
            "the user name or the password is refused: check DATABASE_URL",
        ),
        (
            asyncpg.InvalidAuthorizationSpecificationError("no pg_hba.conf entry"),
            "the server does not let this user in: check DATABASE_URL and its pg_hba.conf",
        ),
        (
            asyncpg.InvalidCatalogNameError('database "mould" does not exist'),
            "the database does not exist on the server: create it, or check DATABASE_URL",
        ),
        (
            asyncpg.exceptions.ClientConfigurationError("invalid: s3cret"),
            "DATABASE_URL is not an address like",
        ),
    ],
)
def test_why_the_database_is_away_is_plain_and_quotes_no_secret(
    error: Exception, expected: str
) -> None:
    told = str(unavailable(error, ADDRESS))
    assert told.startswith(f"PostgreSQL cannot be used now ({expected}")
    assert "s3cret" not in told


def test_a_fault_of_a_file_is_not_told_as_one_of_the_network() -> None:
    assert "No space left" in describe(OSError(28, "No space left on device"))
