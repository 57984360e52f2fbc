"""Is the own server alive? What its files and the kernel say."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Postmaster:
    """What a living server says of itself in its postmaster.pid."""

    pid: int
    # "starting", "ready", "stopping", ...
    status: str


def read_postmaster(cluster: Path) -> Postmaster | None:
    """Return the living server of a cluster, or None when there is none."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        pid = int(lines[0])
    except FileNotFoundError, IndexError, ValueError:
        return None
    if not _is_postmaster(pid, cluster):
        return None
    # the eighth line; it is not there yet right after the start
    status = lines[7].strip() if len(lines) > 7 else "starting"  # noqa: PLR2004
    return Postmaster(pid, status)


def open_own(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file in a folder of the server's account; an opener for `open`.

    Never through a symbolic link: this process may be root, and that account is not.
    """
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def is_free(running_lock: Path) -> bool:
    """Return whether no process of a server holds the lock, in this container or another."""
    try:
        lock = open_own(running_lock, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def tail(path: Path, count: int, after: int = 0) -> bytes:
    """Return the last `count` bytes of a file, none from before position `after`."""
    try:
        with open(path, "rb", opener=open_own) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - count, min(after, size)))
            return file.read()
    except FileNotFoundError:
        return b""


def _is_postmaster(pid: int, cluster: Path) -> bool:
    """Return whether process `pid` lives and is the server of `cluster`.

    A process number is used again; a server's working folder is its cluster.
    """
    process = Path("/proc") / str(pid)
    try:
        state = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state != "Z" and (process / "cwd").samefile(cluster)
    except FileNotFoundError, ProcessLookupError:
        return False
    except PermissionError:
        # of another account; the server runs under ours
        return False
