"""`scripts/demo`: parse the command line, run, end everything on Ctrl-C."""

import argparse
import asyncio
import contextlib
import fcntl
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from . import paths
from .demo import LOCK_NAME, Demo, Options, reset
from .home_assistant_api import HomeAssistantError
from .processes import ProcessError
from .recording import RecordingError
from .screen import Screen

_INTERRUPTED = 130
# what can go wrong without being a fault of the demo's own code: told in a sentence
_KNOWN = (ProcessError, HomeAssistantError, RecordingError, TimeoutError, OSError)


def main() -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="A simulated flat, watched for real: mosquitto, PostgreSQL, the backend and "
        "Home Assistant, with a phone whose pushes are printed. Ctrl-C ends it all, a second "
        "start goes on where it was.",
    )
    parser.add_argument("--reset", action="store_true", help="forget the last demo and begin anew")
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="FILE.csv",
        help="a recorded room (columns time, T, RH) in place of the simulated ones",
    )
    parser.add_argument(
        "--port", type=int, help="Home Assistant's port (default 8123, or one that is free)"
    )
    parser.add_argument(
        "--once", action="store_true", help="end after the first push, the last line being JSON"
    )
    parser.add_argument(
        "--folder", type=Path, default=paths.DEMO, help="where everything is kept (default .demo)"
    )
    chosen = parser.parse_args()
    screen = Screen()
    folder: Path = chosen.folder.resolve()
    options = Options(port=chosen.port, replay=chosen.replay, once=chosen.once)
    try:
        with _alone(folder):
            return asyncio.run(_run(folder, options, screen, anew=chosen.reset))
    except asyncio.CancelledError, KeyboardInterrupt:
        return _INTERRUPTED
    except _KNOWN as error:
        screen.say("error", str(error) or type(error).__name__)
    except BaseExceptionGroup as errors:
        known, unknown = errors.split(_KNOWN)
        if unknown is not None:
            raise
        for leaf in _leaves(known):
            screen.say("error", str(leaf) or type(leaf).__name__)
    return 1


async def _run(folder: Path, options: Options, screen: Screen, *, anew: bool) -> int:
    running = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        # once: while everything is being ended, more of it changes nothing
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        if running is not None:
            running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupt)
    if anew:
        await reset(folder)
    return await Demo(folder, options, screen).run()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep two demos of one folder apart."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProcessError(f"another demo is running in {folder}") from None
        yield


def _leaves(group: BaseExceptionGroup[BaseException] | None) -> Iterator[BaseException]:
    for error in () if group is None else group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    sys.exit(main())
