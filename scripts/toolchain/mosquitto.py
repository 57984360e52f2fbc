"""mosquitto: the machine's if it is new enough, else Debian's in a folder of our own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import debian, stamps
from .paths import BIN
from .process import attempt
from .report import ToolchainError, say

OLDEST = (2, 0, 22)
"""Older ones ignore the window of unacknowledged messages (docs/design.md)."""

_RECIPE = "1"
_PROGRAMS = {
    "mosquitto": "usr/sbin/mosquitto",
    "mosquitto_pub": "usr/bin/mosquitto_pub",
    "mosquitto_sub": "usr/bin/mosquitto_sub",
}


def install() -> None:
    """Make ``.toolchain/bin/mosquitto``, and its two clients where there are any."""
    if is_current():
        return
    stamps.clear("mosquitto")
    found = _system() or _from_debian()
    BIN.mkdir(parents=True, exist_ok=True)
    for name, path in found.items():
        (BIN / name).unlink(missing_ok=True)
        (BIN / name).symlink_to(path)
    version = ".".join(map(str, _version(found["mosquitto"])))
    say(f"mosquitto {version} is at {found['mosquitto']}")
    stamps.write("mosquitto", stamps.digest(_RECIPE))


def is_current() -> bool:
    """Tell whether it is there and need not be looked for again."""
    return stamps.is_current("mosquitto", stamps.digest(_RECIPE)) and (BIN / "mosquitto").exists()


def _version(program: Path) -> tuple[int, ...]:
    printed = attempt([program, "-h"], timeout=20).stdout
    found = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", printed)
    return tuple(map(int, found.groups())) if found else (0, 0, 0)


def _system() -> dict[str, Path]:
    for folders in (None, "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"):
        broker = shutil.which("mosquitto", path=folders)
        if broker and _version(Path(broker)) >= OLDEST:
            clients = {name: shutil.which(name) for name in _PROGRAMS if name != "mosquitto"}
            found = {name: Path(path) for name, path in clients.items() if path}
            return {"mosquitto": Path(broker), **found}
    return {}


def _from_debian() -> dict[str, Path]:
    oldest = ".".join(map(str, OLDEST))
    try:
        folder = debian.extract(
            "mosquitto", ("mosquitto", "mosquitto-clients"), tuple(_PROGRAMS.values())
        )
    except ToolchainError as error:
        message = f"mosquitto {oldest} or newer is needed; install it and start again.\n{error}"
        raise ToolchainError(message) from error
    found = {name: folder / path for name, path in _PROGRAMS.items()}
    if _version(found["mosquitto"]) < OLDEST:
        message = f"the mosquitto extracted to {folder} does not run or is older than {oldest}"
        raise ToolchainError(message)
    return found
