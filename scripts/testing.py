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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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


# What fails soonest comes first; of the rest the longest, so that none runs long alone at the end.
STAGES = (
    Stage(
        "lint",
        script=("scripts/lint",),
        needs=("tests", "integration", "home-assistant"),
        fast=True,
    ),
    Stage("unit", folders=("unit",), needs=("tests",), fast=True),
    Stage("reliability", folders=("reliability",), needs=("tests", "mosquitto")),
    Stage("backend", folders=("backend",), needs=("tests", "mosquitto")),
    Stage("e2e", folders=("e2e",), needs=("tests", "backend", "mosquitto", "home-assistant")),
    Stage("integration", folders=("home_assistant",), environment="integration"),
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


@dataclass
class Result:
    """How a stage ended."""

    stage: Stage
    passed: bool = False
    seconds: float = 0.0
    counts: Counts = field(default_factory=Counts)

    def line(self) -> str:
        """Return it in one line."""
        told = "ok" if self.passed else "FAILED"
        counts = self.counts
        tests = (
            ""
            if self.stage.script
            else f", {counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped"
        )
        return f"{self.stage.name:12} {told:6} {self.seconds:5.0f} s{tests}"


def _run(stage: Stage, extra: list[str], *, at_once: bool) -> Result:
    """Run a stage; beside others (`at_once`) its output comes as a whole when it has ended."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mould-watch-test-") as folder:
        report, output = Path(folder) / "report.xml", Path(folder) / "output"
        command = list(stage.script)
        if not command:
            python = ROOT / ".toolchain/envs" / stage.environment / "bin/python"
            command = [str(python), "-m", "pytest", *(f"tests/{name}" for name in stage.folders)]
            command += [f"--junitxml={report}", "--durations=5", "-ra", *extra]
        if at_once:
            with output.open("wb") as file:
                done = subprocess.run(
                    command, cwd=ROOT, check=False, stdout=file, stderr=subprocess.STDOUT
                )
            text = output.read_text(encoding="utf-8", errors="replace")
            _say(f"\n===== {stage.name} =====\n{text}")
        else:
            _say(f"\n===== {stage.name} =====")
            done = subprocess.run(command, cwd=ROOT, check=False)
        result = Result(stage, done.returncode == 0, time.monotonic() - began)
        if not stage.script:
            result.counts = _counts(report) if report.exists() else Counts(failed=1)
        return result


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
    parser.add_argument(
        "--jobs",
        type=int,
        default=2,
        metavar="N",
        help="so many stages at once (2); their output comes when each has ended",
    )
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
    if arguments.fast:
        extra = ["-m", "not slow", *extra]
    jobs = min(arguments.jobs, len(stages))
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(_run, stage, extra, at_once=jobs > 1) for stage in stages]
        results = [one.result() for one in running]
    total = Counts()
    for result in results:
        total.add(result.counts)
    broken = [result.stage.name for result in results if not result.passed]
    _say("\n===== all =====")
    _say("\n".join(result.line() for result in results))
    _say(
        f"in {time.monotonic() - started:.0f} s"
        + (f"; failed: {', '.join(broken)}" if broken else "")
    )
    _say(f"total: {total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
