"""Who of an address with several recipients has a notification already.

The library keeps that from one of its own tries to the next, and forgets it when it gives up. Here
the outbox tries again, so what it would look up is put where it looks, and kept from try to try. It
is memory: a process that is started anew, or another one, sends to all of them again.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

_KEPT_MAXIMUM: Final = 1000
"""So many notifications that did not reach everybody are kept; the ones tried longest ago go."""

type Reached = set[tuple[int | None, object]]
"""The recipients that took it, as the library writes them down."""


class Recipients:
    """Whom the notifications that are still tried have reached."""

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self._reached: OrderedDict[UUID, Reached] = OrderedDict()

    def reached(self, notification_id: UUID) -> Reached:
        """Return who has it; a try writes into it, also one that nobody waits for any more."""
        reached = self._reached.setdefault(notification_id, set())
        self._reached.move_to_end(notification_id)
        if len(self._reached) > _KEPT_MAXIMUM:
            self._reached.popitem(last=False)
        return reached

    def done(self, notification_id: UUID) -> None:
        """Note that everybody has it."""
        self._reached.pop(notification_id, None)


@contextmanager
def leaving_out(reached: Reached) -> Iterator[None]:
    """Send to nobody in `reached` in this context, and write down there who is reached."""
    # half a second, and only for those who use it
    from apprise.plugins.base import _delivery_tracker as looked_up  # noqa: PLC0415

    token = looked_up.set(reached)
    try:
        yield
    finally:
        looked_up.reset(token)
