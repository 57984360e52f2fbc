"""Stamps: a part is up to date when the hash of what it was made from is unchanged."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .paths import HOME, STAMPS

if TYPE_CHECKING:
    from pathlib import Path


def digest(*inputs: str | Path) -> str:
    """Hash texts, and files by their content, together with where the toolchain stands.

    Interpreters and libraries hold absolute paths: a clone that was moved starts anew.
    """
    total = hashlib.sha256(str(HOME).encode())
    for item in inputs:
        data = item.encode() if isinstance(item, str) else item.read_bytes()
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def is_current(name: str, value: str) -> bool:
    """Tell whether the part was last made from exactly this."""
    path = STAMPS / name
    return path.is_file() and path.read_text(encoding="ascii").strip() == value


def write(name: str, value: str) -> None:
    """Note what the part has been made from; the last step of making it."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(value + "\n", encoding="ascii")


def clear(name: str) -> None:
    """Forget the part: the first step of making it."""
    (STAMPS / name).unlink(missing_ok=True)
