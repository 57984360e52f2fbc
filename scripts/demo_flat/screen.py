"""What the demo prints: a line for each event, with the time and who it comes from."""

import sys
import time
from datetime import datetime

_COLOURS = {"phone": "1;35", "incident": "1;33", "error": "1;31", "demo": "1;36"}


class Screen:
    """Prints lines; in colour on a terminal."""

    def __init__(self) -> None:
        """Begin the clock."""
        self._began = time.monotonic()
        self._coloured = sys.stdout.isatty()

    def say(self, who: str, what: str) -> None:
        """Print one line."""
        moment = datetime.now().astimezone().strftime("%H:%M:%S")
        name = f"{who:<14}"
        if self._coloured and who in _COLOURS:
            name = f"\033[{_COLOURS[who]}m{name}\033[0m"
        print(f"{moment}  {name} {what}", flush=True)

    def box(self, lines: list[str]) -> None:
        """Print lines that must not be overlooked."""
        width = max(len(line) for line in lines) + 4
        print("\n" + "═" * width, flush=True)
        for line in lines:
            print(f"  {line}", flush=True)
        print("═" * width + "\n", flush=True)

    def plain(self, text: str) -> None:
        """Print for programs."""
        print(text, flush=True)
