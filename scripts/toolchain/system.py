"""Packages of the machine's own Debian, installed only by name and only by root."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from .process import attempt, run
from .report import ToolchainError, say

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def install(what: str, packages: Sequence[str]) -> None:
    """Install packages with apt-get.

    Raises:
        ToolchainError: with the command for the user to run, where we may not.
    """
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        message = f"{what}: please install {names} with your system's package manager"
        raise ToolchainError(message)
    if os.geteuid() != 0:
        message = f"{what}: please run `sudo apt-get install {names}`, then start again"
        raise ToolchainError(message)
    say(f"installing {names} with apt-get")
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    attempt(command, env=_QUIET, timeout=900)
    # Without package lists apt takes "g++" for a pattern, installs nothing and is content.
    if all(_is_installed(name) for name in packages):
        return
    run(["apt-get", "update", "-q"], what="apt-get update", env=_QUIET)
    run(command, what=f"installing {names}", env=_QUIET)


def _is_installed(package: str) -> bool:
    asked = attempt(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package])
    return asked.returncode == 0 and asked.stdout == "installed"


def install_chromium() -> None:
    """See that there is a Chromium for screenshots."""
    if not any(shutil.which(name) for name in _CHROMIUM_NAMES):
        install("screenshots", ["chromium", "fonts-dejavu-core"])


def install_image_tools() -> None:
    """See that there are the tools that build the app's image without Docker."""
    missing = [name for name in ("buildah", "mmdebstrap") if shutil.which(name) is None]
    if missing:
        install("the image test", missing)
