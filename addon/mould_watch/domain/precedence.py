"""Which incident of a room may speak: one trouble is told once, by what explains the others.

Told once to each: what explains another speaks for it to those only who hear of it.

The others stay as they are and are shown; only their notifications are held. What is held
speaks when the one above it has ended and it is still there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Incident
from mould_watch.domain.notification import Lane
from mould_watch.domain.rules.kinds import RuleKind, kind_of

# what explains an incident of a kind, whatever their levels
_EXPLAINED_BY: Final = {
    # a room without data says more than each of its sensors
    RuleKind.SILENT: frozenset({RuleKind.NO_DATA, RuleKind.BROKER_AWAY}),
    RuleKind.NO_DATA: frozenset({RuleKind.BROKER_AWAY}),
}
# what says more than an incident of a kind, if it is at least as serious
_OUTWEIGHED_BY: Final = {
    RuleKind.CONDENSATION: frozenset({RuleKind.MOULD_LEVEL, RuleKind.SURFACE_DAMP}),
}
_NONE: Final[frozenset[RuleKind]] = frozenset()


@dataclass(frozen=True, slots=True)
class Related:
    """The live incidents around a subject: its own, and those that may explain them.

    For a room the backend's; for a device those of the rooms that read it, and the backend's.
    `hears_broker`: whether the subject hears anything over the broker, so that the broker's
    absence explains its silence.
    """

    incidents: tuple[Incident, ...]
    hears_broker: bool = True


def heard_in(
    lane: Lane,
    live: Iterable[Incident],
    said: Mapping[UUID, Mapping[Lane, Level]],
    *,
    is_asked_for: bool,
) -> tuple[Incident, ...]:
    """Return what may speak for another incident to one target, as grave as it was said there.

    `said`: the gravest that was ever written of an incident to a target. What was never said
    there is only shown, and outweighs nothing; it explains nothing either where that target is
    asked for by name (`is_asked_for`): whoever is named for a device hears of the device.
    """
    heard = ((one, said.get(one.incident_id, {}).get(lane)) for one in live)
    return tuple(
        replace(one, level=Level.NONE if level is None else level)
        for one, level in heard
        if level is not None or not is_asked_for
    )


def superseded_by(incident: Incident, related: Related) -> Incident | None:
    """Return the incident that speaks instead of `incident`; None: it may speak itself.

    Only what is open or recovering silences another. Nothing that silences is silenced by what
    it silences, so that one of a group always speaks.
    """
    return next(
        (other for other in _in_order(related.incidents) if _silences(other, incident, related)),
        None,
    )


def _silences(other: Incident, incident: Incident, related: Related) -> bool:
    if not other.state.is_risk or other.incident_id == incident.incident_id:
        return False
    kind, other_kind = kind_of(incident.rule_id), kind_of(other.rule_id)
    if other_kind is RuleKind.BROKER_AWAY and not related.hears_broker:
        return False
    if other_kind in _EXPLAINED_BY.get(kind, _NONE):
        return True
    return other_kind in _OUTWEIGHED_BY.get(kind, _NONE) and other.level.rank >= incident.level.rank


def _in_order(incidents: Iterable[Incident]) -> list[Incident]:
    """Return them gravest first, so that the same one is named every time."""
    return sorted(incidents, key=lambda one: (-one.level.rank, one.rule_id, one.incident_id))
