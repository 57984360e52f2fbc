"""A notification in memory."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from mould_watch.domain.condition import Level
from mould_watch.domain.holding import Hold, Reason
from mould_watch.domain.notification import Cleared, Lane, NotificationKind


@dataclass(eq=False)
class Row:
    """A notification as the database has it."""

    incident: UUID
    lane: Lane
    sequence: int
    kind: NotificationKind
    severity: Level
    created_at: datetime
    hold: Hold | None
    released_at: datetime | None
    notification_id: UUID = field(default_factory=uuid4)
    state: str = "pending"
    attempts: int = 0
    # the answer to a try was lost: it may have arrived
    is_unknown: bool = False
    bundled_in: Row | None = None
    was_held_at_release: Reason | None = None
    # what it takes away
    clears: Cleared | None = None
    # in whose place it goes through the other channel
    fallback_of: Row | None = None
