"""The files of the backend's own PostgreSQL: where they lie and how they are made.

    <data_dir>/postgresql.json    where home and socket are; relative to it when they are below
    <data_dir>/postgresql.lock    held while a process starts or stops the server
    <data_dir>/postgresql/        the home, of the account that PostgreSQL runs under
        cluster/                  PostgreSQL's data folder
        socket/                   its Unix socket; there is no TCP port
        server.log
        running.lock              held by the server itself, by inheritance, as long as it lives
        software/                 a copy of its programs, where the account cannot reach them

The home is elsewhere when the account cannot reach the data folder (a root shell in a folder
of mode 0700), the socket when its path would be too long for the system (107 bytes).
"""

import asyncio
import json
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from mould_watch.errors import PostgresServerError
from mould_watch.storage.binaries import Account, Binaries
from mould_watch.storage.postmaster import open_own, read_postmaster

PORT: Final = 5432
"""The number in the socket's name; nothing listens on TCP."""
ROLE: Final = "mould_watch"
_SOCKET_NAME: Final = f".s.PGSQL.{PORT}"
_SOCKET_PATH_MAXIMUM_BYTES: Final = 107
# What needs no quoting in a list of folders, a shell command or a URL.
_PLAIN_PATH: Final = re.compile(r"^[A-Za-z0-9_./+-]+$")

# "initdb: error: ..." and what the server that it runs says: "2026-11-22 ... FATAL:  ..."
_FAULT: Final = re.compile(r"(?:\b(?:error|fatal)|ERROR|FATAL|PANIC):\s+(?P<fault>.+)$")

_SETTINGS: Final = {
    # one small home on a small machine
    "max_connections": "50",
    "shared_buffers": "64MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    # kind to a memory card: few, small and compressed full-page images
    "wal_compression": "on",
    "checkpoint_timeout": "30min",
    "checkpoint_completion_target": "0.9",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    # what was acknowledged stays, whatever happens to the power
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "'%m [%p] '",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class Places:
    """Where the parts of one own server are."""

    home: Path
    socket_dir: Path

    @property
    def cluster(self) -> Path:
        """Return PostgreSQL's data folder."""
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        """Return the server's log."""
        return self.home / "server.log"

    @property
    def running_lock(self) -> Path:
        """Return the file that the server keeps locked while it lives."""
        return self.home / "running.lock"

    @property
    def socket(self) -> Path:
        """Return the socket's path."""
        return self.socket_dir / _SOCKET_NAME


async def find_places(data_dir: Path, account: Account, fallback_root: Path) -> Places:
    """Return where the server of `data_dir` lives, deciding and recording it the first time.

    Raises PostgresServerError when no place can be used, or the recorded one is gone: a new,
    empty database is never made in its stead unasked.
    """
    record = _record(data_dir)
    recorded = recorded_places(data_dir)
    home = recorded.home if recorded else await _make_home(data_dir, account, fallback_root)
    if not home.is_dir():
        raise PostgresServerError(
            f"the database's folder {home} is gone (recorded in {record}); bring it back, or"
            f" delete {record} to begin with an empty database",
            folder=str(home),
        )
    owner = home.stat().st_uid
    if owner != account.uid and read_postmaster(home / "cluster") is None:
        if not account.switch:
            raise PostgresServerError(
                f"the database in {home} belongs to user number {owner}, not to the one that runs"
                f" Mould Watch ({account.uid}); run it as before, or give the folder to that user",
                folder=str(home),
            )
        # An account's number may differ after a restore or an update of the image.
        await asyncio.to_thread(account.own_tree, home)
    if not await account.can_enter(home):
        raise _unreachable(home)
    socket_dir = await _socket_dir(recorded.socket_dir if recorded else home / "socket", account)
    places = Places(home, socket_dir)
    if places != recorded:
        _write_record(data_dir, places)
    return places


def recorded_places(data_dir: Path) -> Places | None:
    """Return where the server of `data_dir` lives, or None when it was never made."""
    record = _record(data_dir)
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        return Places(data_dir / content["home"], data_dir / content["socket_dir"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise PostgresServerError(
            f"{record} does not say where the database is; restore it, or delete it to begin with"
            " an empty database"
        ) from error


def forget_places(data_dir: Path) -> None:
    """Delete the record: the next start begins with an empty database."""
    _record(data_dir).unlink(missing_ok=True)


async def make_cluster(places: Places, binaries: Binaries, account: Account) -> None:
    """Make the cluster. Either it is there whole afterwards, or not at all."""
    unfinished = places.home / "cluster.new"
    if unfinished.exists():
        await asyncio.to_thread(shutil.rmtree, unfinished)
    code, output = await account.run(
        binaries.program("initdb"),
        *("-D", unfinished.name, "-U", ROLE, "--encoding=UTF8", "--locale=C"),
        *("--data-checksums", "--auth-local=trust", "--auth-host=reject"),
        cwd=places.home,
        timeout_s=600.0,
    )
    if code != 0:
        raise PostgresServerError(
            f"PostgreSQL's database cannot be made in {places.home}: {_reason_in(output)}",
            folder=str(places.home),
        )
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("\ninclude 'mould-watch.conf'\n")
    (unfinished / "mould-watch.conf").touch()
    account.own(unfinished / "mould-watch.conf")
    unfinished.rename(places.cluster)


def _reason_in(output: str) -> str:
    """Return why initdb failed: the last line that says so, without the name of the program.

    What it did before, and that it tidied up, says nothing.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    faults = [found["fault"] for line in lines if (found := _FAULT.search(line))]
    last = faults or lines
    return last[-1] if last else "initdb gives no reason"


def write_settings(places: Places, account: Account, overrides: dict[str, str]) -> None:
    """Write this version's settings; what an administrator sets by ALTER SYSTEM wins."""
    lines = ["# Written by Mould Watch at each start. Use ALTER SYSTEM to change a setting."]
    lines += [f"{name} = {value}" for name, value in (_SETTINGS | overrides).items()]
    path = places.cluster / "mould-watch.conf"
    with open(path, "w", encoding="utf-8", opener=open_own) as file:
        file.write("\n".join(lines) + "\n")
    account.own(path)


def cluster_major(places: Places) -> int | None:
    """Return the major version that the cluster was made by; None when there is no cluster."""
    try:
        text = (places.cluster / "PG_VERSION").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return int(text.strip().partition(".")[0])


async def reachable_binaries(places: Places, binaries: Binaries, account: Account) -> Binaries:
    """Return programs that the account can execute: those given, or a copy beside the cluster.

    Raises PostgresServerError when not even the copy can be executed.
    """
    if await binaries.usable_by(account):
        return binaries
    if binaries.source != "wheel":
        raise _unreachable(binaries.folder)
    # initdb hands its own path to a shell, so an odd one will not do
    base = places.home if _PLAIN_PATH.match(str(places.home)) else places.socket_dir
    software = base / "software"
    package = binaries.folder.parent.parent
    copy = replace(
        binaries,
        folder=software / binaries.version / binaries.folder.relative_to(package.parent),
    )
    if not await copy.usable_by(account):
        await asyncio.to_thread(_copy_package, package, software / binaries.version, account)
    if not await copy.usable_by(account):
        raise _unreachable(binaries.folder)
    return copy


def _copy_package(package: Path, target: Path, account: Account) -> None:
    """Copy an installed package, with the libraries that its wheel keeps in a folder beside it."""
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir()
    account.own(target.parent)
    unfinished = target.with_name("unfinished")
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, unfinished / part.name, symlinks=True)
    account.own_tree(unfinished)
    unfinished.rename(target)


async def _make_home(data_dir: Path, account: Account, fallback_root: Path) -> Path:
    usual = data_dir / "postgresql"
    if await _make_folder(usual, account):
        return usual
    elsewhere = fallback_root / f"mould-watch-{secrets.token_hex(4)}"
    if not await _make_folder(elsewhere, account):
        raise _unreachable(usual)
    _leave_note(elsewhere, data_dir)
    return elsewhere


def _leave_note(home: Path, data_dir: Path) -> None:
    text = (
        f"The PostgreSQL database of Mould Watch's data folder {data_dir}, which the unprivileged\n"
        "user that runs PostgreSQL cannot reach. When that folder is gone, this one is not used.\n"
    )
    (home / "README").write_text(text, encoding="utf-8")


async def _make_folder(folder: Path, account: Account) -> bool:
    """Make a folder for the account alone; return whether the account can use it."""
    made = not _is_there(folder)
    if _claim(folder, account) and await account.can_enter(folder):
        return True
    if made:
        _remove_empty(folder)
    return False


def _is_there(folder: Path) -> bool:
    return os.path.lexists(folder)


def _claim(folder: Path, account: Account) -> bool:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        account.own(folder)
    except OSError:
        return False
    return True


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


async def _socket_dir(preferred: Path, account: Account) -> Path:
    """Return a folder for the socket that is short, plain and the account's own."""
    shared = (os.environ.get("XDG_RUNTIME_DIR"), "/tmp")  # noqa: S108 - a folder of mode 0700 in it
    names = [Path(base, f"mould-watch-{secrets.token_hex(4)}") for base in shared if base]
    candidates = [preferred, *names]
    for folder in candidates:
        if _suits_socket(folder, account) and await _make_folder(folder, account):
            _close_to_others(folder)
            return folder
    raise PostgresServerError(
        "no folder for PostgreSQL's socket can be made: it must be reachable by the user that runs"
        f" PostgreSQL and its path at most {_SOCKET_PATH_MAXIMUM_BYTES} bytes long; tried"
        f" {', '.join(map(str, candidates))}; set XDG_RUNTIME_DIR to a short folder",
    )


def _suits_socket(folder: Path, account: Account) -> bool:
    path = os.fsencode(folder / _SOCKET_NAME)
    if len(path) > _SOCKET_PATH_MAXIMUM_BYTES or not _PLAIN_PATH.match(str(folder)):
        return False
    # In a folder for everyone, somebody else may have taken the name meanwhile.
    return not folder.is_symlink() and (
        not folder.exists() or folder.stat().st_uid in {account.uid, os.geteuid()}
    )


def _close_to_others(folder: Path) -> None:
    folder.chmod(0o700)


def _write_record(data_dir: Path, places: Places) -> None:
    """Record the places, those below the data folder relative to it, so that it can be moved."""
    content = {
        name: str(path.relative_to(data_dir) if path.is_relative_to(data_dir) else path)
        for name, path in asdict(places).items()
    }
    record = _record(data_dir)
    unfinished = record.with_suffix(".new")
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(record)


def _record(data_dir: Path) -> Path:
    return data_dir / "postgresql.json"


def _unreachable(folder: Path) -> PostgresServerError:
    return PostgresServerError(
        f"the user that runs PostgreSQL cannot use {folder}: a folder above it is closed to"
        " others, or it cannot be given to that user; choose another data folder, run Mould Watch"
        " as another user than root, or set DATABASE_URL",
        folder=str(folder),
    )
