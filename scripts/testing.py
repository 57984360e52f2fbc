"""Runs the stages of `scripts/test` and prints what passed.

Only the standard library, for any Python 3.9: it runs before there is an environment.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Stage:
    """One part of the tests: a pytest run in one environment, or a script."""

    name: str
    # folder names below tests/, run by pytest in `environment`; none: `script` is run
    folders: tuple[str, ...] = ()
    environment: str = "tests"
    script: tuple[str, ...] = ()
    # what scripts/setup must have made before
    needs: tuple[str, ...] = ()
    fast: bool = False


STAGES = (
    Stage(
        "lint",
        script=("scripts/lint",),
        needs=("tests", "integration", "home-assistant"),
        fast=True,
    ),
    Stage("unit", folders=("unit",), needs=("tests",), fast=True),
    Stage("backend", folders=("backend",), needs=("tests", "mosquitto")),
    Stage("reliability", folders=("reliability",), needs=("tests", "mosquitto")),
    Stage("integration", folders=("home_assistant",), environment="integration"),
    Stage("e2e", folders=("e2e",), needs=("tests", "backend", "mosquitto", "home-assistant")),
    Stage("image", folders=("image",), needs=("tests", "mosquitto", "image-tools")),
)


@dataclass
class Counts:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Counts) -> None:
        """Add another run's counts."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def _say(text: str) -> None:
    print(text, flush=True)


def _counts(report: Path) -> Counts:
    """Read the counts of one pytest run from its report."""
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - our own report
    if suite is None:
        return Counts(failed=1)
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skipped = int(suite.get("skipped", 0))
    return Counts(int(suite.get("tests", 0)) - failed - skipped, failed, skipped)


def _set_up(needs: set[str]) -> None:
    # The tools for the image are a wish: without them its test says so and is skipped.
    wishes = {"image-tools"}
    subprocess.run(["scripts/setup", *sorted(needs - wishes)], cwd=ROOT, check=True)
    for wish in sorted(needs & wishes):
        subprocess.run(["scripts/setup", wish], cwd=ROOT, check=False)


def _run(stage: Stage, extra: list[str]) -> tuple[bool, Counts]:
    if stage.script:
        done = subprocess.run(list(stage.script), cwd=ROOT, check=False)
        return done.returncode == 0, Counts()
    with tempfile.TemporaryDirectory(prefix="mould-watch-test-") as folder:
        report = Path(folder) / "report.xml"
        python = ROOT / ".toolchain/envs" / stage.environment / "bin/python"
        command = [str(python), "-m", "pytest", *(f"tests/{name}" for name in stage.folders)]
        command += [f"--junitxml={report}", "--durations=5", "-ra", *extra]
        done = subprocess.run(command, cwd=ROOT, check=False)
        counts = _counts(report) if report.exists() else Counts(failed=1)
        return done.returncode == 0, counts


def _stages(arguments: argparse.Namespace) -> list[Stage]:
    if arguments.fast:
        return [stage for stage in STAGES if stage.fast]
    if arguments.stages:
        return [stage for stage in STAGES if stage.name in arguments.stages]
    return list(STAGES)


def main() -> int:
    """Run the stages asked for; 0 when all passed."""
    parser = argparse.ArgumentParser(prog="scripts/test", description=__doc__)
    parser.add_argument("stages", nargs="*", choices=[[], *(s.name for s in STAGES)], default=[])
    parser.add_argument("--fast", action="store_true", help="only what takes less than a minute")
    parser.add_argument("--list", action="store_true", help="name the stages")
    arguments, extra = parser.parse_known_args()
    if arguments.list:
        _say("\n".join(stage.name for stage in STAGES))
        return 0
    stages = _stages(arguments)
    started = time.monotonic()
    # A fault in what the machine sets must not become a difference between two machines.
    os.environ.pop("PYTHONPATH", None)
    try:
        _set_up({need for stage in stages for need in (*stage.needs, stage.environment)})
    except subprocess.CalledProcessError as error:
        _say(f"the set-up failed with code {error.returncode}; its last lines say why")
        return 1
    total, broken, lines = Counts(), [], []
    for stage in stages:
        _say(f"\n===== {stage.name} =====")
        began = time.monotonic()
        well, counts = _run(stage, extra)
        total.add(counts)
        if not well:
            broken.append(stage.name)
        told = "ok" if well else "FAILED"
        tests = (
            ""
            if stage.script
            else f", {counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped"
        )
        lines.append(f"{stage.name:12} {told:6} {time.monotonic() - began:5.0f} s{tests}")
    _say("\n===== all =====")
    _say("\n".join(lines))
    _say(
        f"in {time.monotonic() - started:.0f} s"
        + (f"; failed: {', '.join(broken)}" if broken else "")
    )
    _say(f"total: {total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
