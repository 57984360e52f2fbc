"""Running other programs."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Union

from .report import ToolchainError

if TYPE_CHECKING:
    from pathlib import Path

Argument = Union[str, "Path"]

_NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX")
_SHOWN_LINES = 25


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without what would bend another Python."""
    variables = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    variables.update(extra or {})
    return variables


def attempt(
    command: Sequence[Argument],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command and return how it ended, whatever that was.

    A missing program ends with code 127, one that took too long with code 124.
    """
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            env=environment(env),
            cwd=cwd,
            timeout=timeout,
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, "", f"{words[0]}: not found")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", f"no end after {timeout:.0f} s")


def run(
    command: Sequence[Argument],
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = 1800,
    stdin: str | None = None,
) -> str:
    """Run a command that has to succeed and return its standard output.

    Raises:
        ToolchainError: with ``what`` failed and the end of the command's own words.
    """
    done = attempt(command, env=env, cwd=cwd, timeout=timeout, stdin=stdin)
    if done.returncode == 0:
        return done.stdout
    said = (done.stderr.strip() + "\n" + done.stdout.strip()).strip().splitlines()
    shown = "\n".join(f"    {line}" for line in said[-_SHOWN_LINES:])
    words = " ".join(shlex.quote(str(word)) for word in command)
    message = f"{what} failed (exit code {done.returncode})\n    $ {words}\n{shown}"
    raise ToolchainError(message)
