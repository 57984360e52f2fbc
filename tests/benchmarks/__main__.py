"""Runs one of the benchmarks of this folder: `scripts/bench NAME [arguments of its own]`."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

from tests import benchmarks

ROOT = Path(__file__).resolve().parents[2]


def names() -> list[str]:
    """Return what can be measured."""
    return sorted(one.name for one in pkgutil.iter_modules(benchmarks.__path__) if not _own(one))


def _own(module: pkgutil.ModuleInfo) -> bool:
    return module.ispkg or module.name.startswith("_")


def main(arguments: list[str]) -> int:
    """Set up what the named benchmark needs, and run it."""
    if not arguments or arguments[0] not in names():
        print(f"usage: scripts/bench NAME, one of: {', '.join(names())}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"tests.benchmarks.{arguments[0]}")
    if module.NEEDS:
        setup = [str(ROOT / "scripts/setup"), *module.NEEDS]
        subprocess.run(setup, check=True, stdout=sys.stderr)
    code: int = module.main(arguments[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
