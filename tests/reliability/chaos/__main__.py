"""`scripts/chaos`: seeded faults against the real system, then the ledger against the rows."""
# ruff: noqa: T201 - a command line prints

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.reliability.chaos.plan import FaultKind, faults_counted, faults_for
from tests.reliability.chaos.run import run

_EXIT_BROKEN: Final = 1


def main() -> int:
    """Run and print; the last line is one JSON object. Returns 1 when an invariant is broken."""
    arguments = _parser().parse_args()
    kinds = [FaultKind(name) for name in arguments.faults.split(",")]
    if arguments.cycles is not None:
        faults = faults_counted(arguments.seed, arguments.cycles, kinds)
    else:
        faults = faults_for(arguments.seed, arguments.minutes, kinds)
    folder = Path(tempfile.mkdtemp(prefix="mould-watch-chaos-"))
    folder.chmod(0o755)
    result = asyncio.run(run(folder, arguments.seed, faults, arguments.rate))
    if result.verdict.is_good and not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"The logs are kept in {folder}.", file=sys.stderr)
    print(json.dumps(result.as_json()))
    return 0 if result.verdict.is_good else _EXIT_BROKEN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Breaks everything that can break, as a seed says, and counts what is lost.",
    )
    parser.add_argument("--seed", type=int, default=1, help="same seed, same faults")
    parser.add_argument("--minutes", type=float, default=5.0, help="about how long (5)")
    parser.add_argument("--cycles", type=int, help="so many faults instead of so many minutes")
    parser.add_argument("--rate", type=float, default=40.0, help="messages a second (40)")
    parser.add_argument(
        "--faults",
        default=",".join(FaultKind),
        help=f"only these kinds, with commas between: {', '.join(FaultKind)}",
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
