"""Python 3.14: the machine's, uv's, or Debian's in a folder of our own."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import debian, stamps, tools
from .paths import BIN, HOME
from .process import attempt, environment, run
from .report import ToolchainError, say

OLDEST = (3, 14, 2)
"""What Home Assistant 2026.11 asks for."""

_RECIPE = "1"
_LINK = BIN / "python3.14"
_DOWNLOAD_SECONDS = 120
_PACKAGES = (
    "python3.14",
    "python3.14-minimal",
    "python3.14-dev",
    "libpython3.14-dev",
    "libpython3.14-minimal",
    "libpython3.14-stdlib",
    "libgcc-s1",
    "libstdc++6",
)
_PROBE = (
    "import sys, sysconfig, pathlib, ssl, sqlite3, ctypes, lzma, bz2, zoneinfo;"
    f"assert {OLDEST} <= sys.version_info[:3] < (3, 15);"
    "print(sys.executable);"
    "print(pathlib.Path(sysconfig.get_path('include'), 'Python.h').is_file())"
)


def executable() -> Path:
    """Return ``.toolchain/bin/python3.14``, made on first use."""
    if is_current():
        return _LINK
    stamps.clear("python")
    found = _existing() or _from_uv() or _from_debian()
    BIN.mkdir(parents=True, exist_ok=True)
    _LINK.unlink(missing_ok=True)
    _LINK.symlink_to(found)
    version = run([found, "--version"], what="asking Python for its version").strip()
    say(f"{version} is at {found}")
    stamps.write("python", stamps.digest(_RECIPE))
    return _LINK


def is_current() -> bool:
    """Tell whether it is there and need not be looked for again."""
    return stamps.is_current("python", stamps.digest(_RECIPE)) and _LINK.exists()


def identity() -> str:
    """Return what tells this Python from the next one: a new one makes new environments."""
    return str(_LINK.resolve())


def _works(candidate: str | Path) -> Path | None:
    """Return the real program if this is a Python we can build and run on."""
    printed = attempt([candidate, "-I", "-c", _PROBE], timeout=60)
    lines = printed.stdout.split("\n")
    if printed.returncode != 0 or lines[1] != "True":
        return None
    return Path(lines[0])


def _existing() -> Path | None:
    named = shutil.which("python3.14", path=environment().get("PATH"))
    usable = _works(named) if named else None
    if usable:
        return usable
    request = f">={'.'.join(map(str, OLDEST))},<3.15"
    asked = attempt(
        [tools.uv(), "python", "find", "--system", "--no-project", request],
        env={"UV_PYTHON_DOWNLOADS": "never"},
    )
    return _works(asked.stdout.strip()) if asked.returncode == 0 else None


def _from_uv() -> Path | None:
    say("no Python 3.14 here; asking uv for one")
    settings = {
        "UV_PYTHON_INSTALL_DIR": str(HOME / "python"),
        "UV_PYTHON_DOWNLOADS": "manual",
        "UV_HTTP_RETRIES": "0",
        "UV_NO_PROGRESS": "1",
    }
    asked = attempt(
        [tools.uv(), "python", "install", "--no-bin", "--no-config", "3.14"],
        env=settings,
        timeout=_DOWNLOAD_SECONDS,
    )
    if asked.returncode != 0:
        say("uv cannot download one from here; taking Debian's")
        return None
    programs = sorted((HOME / "python").glob("cpython-3.14*/bin/python3.14"))
    return next(filter(None, map(_works, reversed(programs))), None)


def _from_debian() -> Path:
    try:
        folder = debian.extract("python", _PACKAGES, ["usr/bin/python3.14"])
    except ToolchainError as error:
        message = (
            f"Python {'.'.join(map(str, OLDEST))} or newer is needed, and there is no way to "
            f"get one here.\nInstall Python 3.14 (or uv and `uv python install 3.14`) and start "
            f"again.\nThe last way tried was Debian's packages: {error}"
        )
        raise ToolchainError(message) from error
    _complete_headers(folder)
    program = _works(folder / "usr" / "bin" / "python3.14")
    if program is None:
        message = f"the Python extracted to {folder} does not run"
        raise ToolchainError(message)
    return program


def _complete_headers(folder: Path) -> None:
    """Make ``pyconfig.h`` found: Debian's asks for it below an architecture's own folder."""
    include = folder / "usr" / "include"
    for own in include.glob("*-linux-gnu*"):
        link = include / "python3.14" / own.name
        if not link.exists():
            link.symlink_to(Path("..") / own.name)
