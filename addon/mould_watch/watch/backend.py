"""The backend itself judged: the broker, the spool, messages that cannot be understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.condition import Level, SubjectCondition
from mould_watch.domain.configuration import HomeConfiguration
from mould_watch.domain.incident import Incident
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.rules.backend_trouble import (
    judge_broker_away,
    judge_dead_letters,
    judge_failed_notifications,
    judge_spool_filling,
)
from mould_watch.domain.rules.kinds import RuleKind, kind_of
from mould_watch.domain.rules.listening import BROKER, SPOOL, Parts
from mould_watch.domain.rules.settings import RuleSettings
from mould_watch.domain.texts import Matter
from mould_watch.domain.verdict import Judged
from mould_watch.domain.wish import Wish, wish_of
from mould_watch.storage import backend_state as storage
from mould_watch.storage.database import Connection
from mould_watch.watch.judgement import SOON, Judgement

NAME: Final = "Mould Watch"
REGULARLY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _JudgedBackend:
    """The backend, for what is shown and written about it."""

    home: HomeConfiguration
    now: datetime

    def condition(self, live: Mapping[str, Incident]) -> SubjectCondition:
        return SubjectCondition(
            evaluated_at=self.now, incidents=tuple(one.summary for one in live.values())
        )

    def matter(self, rule_id: str, kind: NotificationKind) -> Matter:
        return Matter(kind=kind, room=NAME, rule=kind_of(rule_id))

    def settings(self, kind: RuleKind) -> RuleSettings:
        rules = self.home.rules
        match kind:
            case RuleKind.BROKER_AWAY:
                return rules.broker_away
            case RuleKind.SPOOL_FILLING:
                return rules.spool_filling
            case RuleKind.NOTIFICATIONS_FAILED:
                return rules.notifications_failed
            case _:
                return rules.dead_letters

    def wish(self, rule_id: str) -> Wish:
        return wish_of(self.settings(kind_of(rule_id)))


async def judge_backend(
    connection: Connection, home: HomeConfiguration, parts: Parts, now: datetime
) -> Judgement:
    """Ask every rule of the backend for its verdict at `now`."""
    shown = _JudgedBackend(home, now)
    count, newest = await storage.dead_letters(connection, now)
    spool = parts.fresh(SPOOL)
    broker = shown.settings(RuleKind.BROKER_AWAY)
    letters = shown.settings(RuleKind.DEAD_LETTERS)
    judged: list[Judged] = []
    if broker.enabled:
        severity = broker.severity or Level.WARNING
        judged.append(
            judge_broker_away(
                parts.fresh(BROKER), now, severity=severity, counted_from=parts.counted_from
            )
        )
    if home.rules.spool_filling.enabled:
        share = None if spool is None else spool.detail.get("share")
        judged.append(judge_spool_filling(share, now))
    if letters.enabled:
        severity = letters.severity or Level.WATCH
        judged.append(judge_dead_letters(newest, count, now, severity=severity))
    failed = shown.settings(RuleKind.NOTIFICATIONS_FAILED)
    if failed.enabled:
        failures, latest = await storage.failed_notifications(connection, now)
        severity = failed.severity or Level.WARNING
        judged.append(judge_failed_notifications(latest, failures, now, severity=severity))
    due = [at for one in judged for at in one.due if at > now]
    return Judgement(
        verdicts=tuple(one.verdict for one in judged),
        next_at=min([now + REGULARLY, *(max(at, now + SOON) for at in due)]),
        condition=shown.condition,
        matter=shown.matter,
        wish=shown.wish,
    )
