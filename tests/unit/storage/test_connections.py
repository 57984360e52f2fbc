import asyncpg
import pytest

from mould_watch.errors import DatabaseUnavailableError
from mould_watch.storage.connections import check_address, is_unavailable, unavailable


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
