"""Points at which a test may have the process killed, to prove that nothing is lost there.

`MOULD_WATCH_FAILPOINT=<name>` makes this process SIGKILL itself when it reaches that point;
`MOULD_WATCH_FAILPOINT_AFTER=n` lets n - 1 passes go by first. Without the variable a point
costs one look into the environment and does nothing.
"""

import os
import signal
from typing import Final

_NAME: Final = "MOULD_WATCH_FAILPOINT"
_AFTER: Final = "MOULD_WATCH_FAILPOINT_AFTER"


def reached(name: str) -> None:
    """End this process as `kill -9` would, if `name` is the point asked for.

    The passes left are counted down in the environment itself, so that there is no module state.
    """
    if os.environ.get(_NAME) != name:
        return
    passes_left = int(os.environ.get(_AFTER) or "1")
    if passes_left > 1:
        os.environ[_AFTER] = str(passes_left - 1)
        return
    os.kill(os.getpid(), signal.SIGKILL)
