"""Parse the command line, start."""

import sys

from mould_watch.cli import main as run_command


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run_command())


if __name__ == "__main__":
    main()
