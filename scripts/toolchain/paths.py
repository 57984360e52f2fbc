"""Where things are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The clone."""

PYPROJECT = ROOT / "pyproject.toml"
REQUIREMENTS = ROOT / "requirements"

HOME = ROOT / ".toolchain"
"""Everything that setup makes; ignored by git, safe to delete."""

BIN = HOME / "bin"
ENVIRONMENTS = HOME / "envs"
STAMPS = HOME / "stamps"
LOCK_FILE = HOME / "setup.lock"
