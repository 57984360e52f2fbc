"""The kinds of rules, and how a rule's id tells its kind."""

from enum import StrEnum
from uuid import UUID

_SEPARATOR = ":"


class RuleKind(StrEnum):
    """What a rule watches. The id of a rule is its kind, or begins with it."""

    # of a room
    MOULD_LEVEL = "mould_level"
    SURFACE_DAMP = "surface_damp"
    CONDENSATION = "condensation"
    NO_DATA = "no_data"
    # of a device
    THRESHOLD = "threshold"
    SILENT = "silent"
    # of the backend
    BROKER_AWAY = "broker_away"
    SPOOL_FILLING = "spool_filling"
    DEAD_LETTERS = "dead_letters"
    NOTIFICATIONS_FAILED = "notifications_failed"


def kind_of(rule_id: str) -> RuleKind:
    """Return the kind of a rule. Raises ValueError when no rule has such an id."""
    return RuleKind(rule_id.partition(_SEPARATOR)[0])


def threshold_rule_id(rule_id: UUID) -> str:
    """Return the id of a threshold rule, of which a device may have many."""
    return f"{RuleKind.THRESHOLD}{_SEPARATOR}{rule_id}"
