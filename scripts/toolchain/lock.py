"""Renews the hashed requirements files from pyproject.toml (runs on Python 3.14)."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

from . import tools
from .paths import PYPROJECT, ROOT
from .process import run
from .report import ToolchainError, say

_MARK = "# inputs: sha256:"
_PYTHON = "3.14.2"
_SOURCE = "pyproject.toml"


@dataclass(frozen=True)
class Lock:
    """One requirements file and what goes into it."""

    file: str
    requirements: tuple[str, ...]
    components: tuple[str, ...]
    constraints: str
    python: str

    @property
    def path(self) -> Path:
        """Where the file is."""
        return ROOT / self.file

    @property
    def fingerprint(self) -> str:
        """A hash of what pyproject.toml says about this file; kept in its head."""
        inputs = {
            "requirements": sorted(self.requirements),
            "components": sorted(self.components),
            "constraints": self.constraints,
            "python": self.python,
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()

    @property
    def recorded_fingerprint(self) -> str | None:
        """The hash in the head of the file as it is, if there is one."""
        if not self.path.is_file():
            return None
        found = re.search(rf"^{_MARK}([0-9a-f]{{64}})$", self.path.read_text("utf-8"), re.MULTILINE)
        return found[1] if found else None


def declared() -> list[Lock]:
    """Read all locks from pyproject.toml."""
    document = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    project, groups = document["project"], document["dependency-groups"]
    locks = []
    for file, table in document["tool"]["mould-watch"]["locks"].items():
        wanted = list(project["dependencies"]) if table.get("project") else []
        for extra in table.get("extras", []):
            wanted += project["optional-dependencies"][extra]
        for group in table.get("groups", []):
            wanted += _members(groups, group)
        locks.append(
            Lock(
                file=file,
                requirements=tuple(dict.fromkeys(wanted)),
                components=tuple(table.get("components", [])),
                constraints=table.get("constraints", ""),
                python=table.get("python", _PYTHON),
            )
        )
    return locks


def _members(groups: dict[str, list[Any]], name: str) -> list[str]:
    members: list[str] = []
    for item in groups[name]:
        members += [item] if isinstance(item, str) else _members(groups, item["include-group"])
    return members


def compile_lock(lock: Lock, *, upgrade: bool) -> None:
    """Write one requirements file."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        wanted = list(lock.requirements)
        options: list[str | Path] = []
        if lock.constraints:
            options += ["--constraints", ROOT / lock.constraints]
        if lock.components:
            package = _unpack_home_assistant(lock, scratch)
            wanted += _component_requirements(package, lock.components)
            options += ["--constraints", package / "package_constraints.txt"]
        output = scratch / "lock.txt"
        if lock.path.is_file() and not upgrade:
            shutil.copy(lock.path, output)
        run(
            [
                *(tools.uv(), "pip", "compile", "-", "--output-file", output),
                *("--universal", "--python-version", lock.python, "--generate-hashes"),
                *("--no-emit-index-url", "--no-header", "--annotation-style", "line"),
                *options,
            ],
            what=f"compiling {lock.file}",
            env=tools.uv_environment(),
            stdin="\n".join(wanted),
        )
        body = output.read_text(encoding="utf-8")
    body = re.sub(r"via .*$", lambda via: _clean(via[0]), body, flags=re.MULTILINE)
    head = f"# Made by scripts/lock from {_SOURCE}: renew it, do not edit it.\n{_MARK}"
    lock.path.parent.mkdir(parents=True, exist_ok=True)
    lock.path.write_text(f"{head}{lock.fingerprint}\n{body}", encoding="utf-8")


def _clean(annotation: str) -> str:
    """Name the source instead of standard input and of scratch files."""
    origins = [origin.strip() for origin in annotation.removeprefix("via ").split(",")]
    kept = [origin for origin in origins if not origin.startswith("-")]
    return "via " + ", ".join([*kept, *([_SOURCE] if "-r -" in origins else [])])


def _unpack_home_assistant(lock: Lock, scratch: Path) -> Path:
    """Fetch the Home Assistant that the lock pins, without what it needs."""
    pin = next((item for item in lock.requirements if item.startswith("homeassistant==")), None)
    if pin is None:
        message = f"{lock.file} names components of Home Assistant but pins no homeassistant=="
        raise ToolchainError(message)
    target = scratch / "target"
    run(
        [
            *(tools.uv(), "pip", "install", "--python", sys.executable),
            *("--no-deps", "--target", target, pin),
        ],
        what=f"fetching {pin}",
        env=tools.uv_environment(),
    )
    return target / "homeassistant"


def _component_requirements(package: Path, components: tuple[str, ...]) -> list[str]:
    """Return the requirements of components and of those they depend on."""
    waiting, seen, wanted = list(components), set(), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        # A glob: the file's own name is reserved for integrations (docs/design.md).
        for path in (package / "components" / name).glob("manifest.js*"):
            manifest = json.loads(path.read_text(encoding="utf-8"))
            wanted.update(manifest.get("requirements", []))
            waiting += manifest.get("dependencies", [])
    return sorted(wanted)


def main() -> int:
    """Renew the files that are out of step, or those named."""
    parser = argparse.ArgumentParser(prog="scripts/lock", description=__doc__)
    parser.add_argument("files", nargs="*", help="the requirements files to renew (all)")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="only tell which are out of step")
    options = parser.parse_args()
    locks = declared()
    unknown = set(options.files) - {lock.file for lock in locks}
    if unknown:
        parser.error(f"pyproject.toml declares no such lock: {', '.join(sorted(unknown))}")
    chosen = [lock for lock in locks if not options.files or lock.file in options.files]
    behind = [lock for lock in chosen if lock.recorded_fingerprint != lock.fingerprint]
    if options.check:
        for lock in behind:
            say(f"{lock.file} is out of step with pyproject.toml; run scripts/lock")
        return 1 if behind else 0
    try:
        tools.uv()  # before its own lock is rewritten
        for lock in chosen:
            say(f"compiling {lock.file}")
            compile_lock(lock, upgrade=options.upgrade)
    except ToolchainError as error:
        sys.stderr.write(f"lock: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
