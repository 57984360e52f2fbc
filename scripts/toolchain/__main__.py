"""``scripts/setup``: makes the parts that are missing or out of date."""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable

from . import environments, mosquitto, python, system
from .paths import HOME, LOCK_FILE
from .report import ToolchainError, say

if TYPE_CHECKING:
    from collections.abc import Iterator


def _python() -> None:
    python.executable()


PARTS: dict[str, tuple[str, Callable[[], None]]] = {
    "python": ("Python 3.14 alone", _python),
    "mosquitto": ("the MQTT broker", mosquitto.install),
    **{name: (part.purpose, part.install) for name, part in environments.ALL.items()},
    "chromium": ("Chromium for screenshots, from the system's packages", system.install_chromium),
    "image-tools": (
        "buildah and mmdebstrap, from the system's packages",
        system.install_image_tools,
    ),
}
USUAL = ("python", "mosquitto", *environments.ALL)


def main() -> int:
    """Make the parts asked for; 0 if all are there."""
    lines = "\n".join(f"  {name:15} {purpose}" for name, (purpose, _) in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/setup",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Makes parts of .toolchain/, by default:\n  {' '.join(USUAL)}",
        epilog=f"parts:\n{lines}",
    )
    parser.add_argument("parts", nargs="*", metavar="PART")
    chosen = parser.parse_args().parts or USUAL
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {' '.join(unknown)} (parts: {' '.join(PARTS)})")
    try:
        _make(chosen)
    except ToolchainError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; start it again to go on", file=sys.stderr)
        return 130
    return 0


def _make(chosen: tuple[str, ...] | list[str]) -> None:
    if all(_is_current(name) for name in chosen):
        return
    with _alone():
        started = time.monotonic()
        for name in chosen:
            PARTS[name][1]()
        say(f"ready after {time.monotonic() - started:.0f} s")


def _is_current(name: str) -> bool:
    """Tell, without waiting for another setup, whether a part needs nothing."""
    if name == "python":
        return python.is_current()
    if name == "mosquitto":
        return mosquitto.is_current()
    environment = environments.ALL.get(name)
    return environment is not None and environment.is_current()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock that keeps two setups of one clone apart."""
    HOME.mkdir(exist_ok=True)
    with LOCK_FILE.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another setup is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
