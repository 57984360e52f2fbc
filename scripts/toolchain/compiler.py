"""The C++ compiler that two packages of Home Assistant need."""

from __future__ import annotations

import shutil

from . import system


def require() -> None:
    """See that there is a C++ compiler; install it where that is allowed."""
    if not (shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")):
        system.install("Home Assistant's compiled packages", ["g++"])
