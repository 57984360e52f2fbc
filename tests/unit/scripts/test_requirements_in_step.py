"""The hashed requirements files say what pyproject.toml says."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from toolchain.lock import Lock, declared
from toolchain.paths import ROOT

LOCKS = {lock.file: lock for lock in declared()}
SHIPPED = "addon/requirements.txt"
each_lock = pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS.keys())


def pins(path: Path) -> dict[str, Version]:
    """Read the versions that a requirements file pins."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", path.read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


@each_lock
def test_was_compiled_from_what_pyproject_says_now(lock: Lock) -> None:
    assert lock.recorded_fingerprint == lock.fingerprint, f"run scripts/lock {lock.file}"


@each_lock
def test_pins_everything_asked_for_at_a_version_that_fits(lock: Lock) -> None:
    pinned = pins(lock.path)
    wanted = [Requirement(text) for text in lock.requirements]

    misfits = [
        str(want)
        for want in wanted
        if (version := pinned.get(canonicalize_name(want.name))) is None
        or not want.specifier.contains(version, prereleases=True)
    ]

    assert misfits == []


@each_lock
def test_every_requirement_is_an_exact_version_with_hashes(lock: Lock) -> None:
    text = re.sub(r"^\s*#.*\n", "", lock.path.read_text("utf-8"), flags=re.MULTILINE)
    entries = [" ".join(entry.split()) for entry in re.split(r"(?<!\\)\n", text) if entry.strip()]
    name, version, condition, hashes = (
        r"[\w.-]+",
        r"[\w.+!]+",
        r"( ; [^\\]+)?",
        r"( \\ --hash=sha256:\w{64})+",
    )

    odd = [
        entry
        for entry in entries
        if not re.fullmatch(f"{name}=={version}{condition}{hashes}", entry)
    ]

    assert odd == []


@each_lock
def test_names_no_registry_and_no_place_on_a_machine(lock: Lock) -> None:
    text = lock.path.read_text("utf-8")

    assert "://" not in text
    assert not re.search(r"(^|\s)/", text)
    assert "index-url" not in text


def test_each_requirements_file_is_declared() -> None:
    files = {f"requirements/{path.name}" for path in (ROOT / "requirements").iterdir()}

    assert files | {SHIPPED} == set(LOCKS)


@pytest.mark.parametrize("file", ["requirements/backend.txt", "requirements/tests.txt"])
def test_what_runs_here_is_what_the_image_ships(file: str) -> None:
    here, shipped = pins(ROOT / file), pins(ROOT / SHIPPED)

    assert {name: here.get(name) for name in shipped} == shipped
