"""A bound on the processor time of a piece of synchronous work.

Whoever may publish to the broker writes templates, and a template can ask for any amount of work:
loops, regular expressions that backtrack for ever, powers of large integers. All of these look at
pending signals while they run, so a timer of the kernel ends them wherever they are. It counts the
processor time of this process, not the clock's, so that a busy machine does not trip it.
"""

import signal
from collections.abc import Callable


class TimeUpError(Exception):
    """The work took more processor time than it may."""


def run_limited[Result](work: Callable[[], Result], limit_s: float) -> Result:
    """Return what `work` returns; raise TimeUpError once it has used `limit_s` of processor time.

    For the main thread only: signals are handled there and nowhere else (ValueError elsewhere).
    """
    armed = True

    def up(number: int, frame: object) -> None:
        del number, frame
        if armed:
            raise TimeUpError(f"more than {limit_s:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, up)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
        try:
            return work()
        finally:
            # the timer goes off once at most: after this line, or the one before, never again
            armed = False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
