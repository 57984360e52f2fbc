"""The loop that judges: whatever was asked for, and whatever has come due.

Any number of evaluators, in any number of processes, share the work: each subject is taken
under an advisory lock that ends with its transaction.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

import asyncpg
from pydantic import ValidationError

from mould_watch.clock import Clock
from mould_watch.domain.clock_jump import ClockWatch
from mould_watch.domain.incident import Cause, IncidentState, Step
from mould_watch.domain.notification import Lane
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.errors import DatabaseUnavailableError, IllegalTransitionError
from mould_watch.retry import Backoff
from mould_watch.storage import backend_state, held, summaries
from mould_watch.storage import evaluation as storage
from mould_watch.storage.database import Database
from mould_watch.watch.evaluation import Evaluated, evaluate
from mould_watch.watch.release import keep_quiet, release_due

_LOGGER: Final = logging.getLogger(__name__)

CHANNEL: Final = "mould_watch_evaluation"
POLL_S: Final = 2.0
"""The longest wait for a word that something is to be judged, or for what comes due."""

CONTENDED_S: Final = 0.1
"""The wait when all that is left is in other evaluators' hands."""

ADOPT_S: Final = 60.0
"""How often new devices are looked for, to be judged as well, and what a wrong clock planned."""

SUMMARIES_S: Final = 1.0
"""How often is looked for summaries that may go from the phones."""

AT_ONCE: Final = 4
"""Subjects judged at the same time: most of judging is waiting for the database."""

REST_S: Final = 0.05
"""The pause after judging: what comes meanwhile is judged together, and others get a turn."""

# What one subject's data can do to its evaluation. A lost connection is none of these: the
# database makes it a DatabaseUnavailableError.
_SUBJECT_ERRORS: Final = (
    ValidationError,
    ValueError,
    ArithmeticError,
    IllegalTransitionError,
    asyncpg.PostgresError,
)


@dataclass(slots=True)
class _PutOff:
    """A subject that could not be judged, and when it is tried again."""

    until_s: float
    error: str
    backoff: Backoff = field(default_factory=lambda: Backoff(initial_s=5.0, maximum_s=600.0))


class _Outcome(Enum):
    """What became of one subject in a pass."""

    EVALUATED = auto()
    CONTENDED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Round:
    """What one pass over the waiting subjects did."""

    evaluated: int = 0
    # in another evaluator's hands
    contended: int = 0
    failed: int = 0


class Evaluator:
    """Judges subjects for ever. One for each process is enough."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        policy: NotificationPolicy = NotificationPolicy(),  # noqa: B008 - frozen
    ) -> None:
        """Judge what is in `database`, at the time that `clock` says; plan as `policy` says."""
        self._database = database
        self._clock = clock
        self._policy = policy
        # bounded by the number of subjects; an entry ends with the next success
        self._put_off: dict[int, _PutOff] = {}
        # bounded by the number of targets; an entry ends with the next success
        self._unreleased: dict[Lane, str] = {}
        self._watch = ClockWatch(clock.now(), clock.monotonic_s())
        # the wall clock has jumped, and the database does not know it yet
        self._has_jumped = False
        self._adopt_at_s = self._summaries_at_s = clock.monotonic_s()

    async def run(self) -> None:
        """Judge whatever waits, for ever; wait for the database whenever it is away."""
        wakeup = self._database.signals.wakeup(CHANNEL)
        backoff = Backoff(initial_s=0.2, maximum_s=10.0)
        while True:
            await self._database.wait_ready()
            try:
                await self._prepare()
                done = await self.evaluate_waiting()
                await self.release_waiting()
                if self._clock.monotonic_s() >= self._summaries_at_s:
                    await self.take_away_summaries()
                    self._summaries_at_s = self._clock.monotonic_s() + SUMMARIES_S
            except DatabaseUnavailableError as error:
                if backoff.failures == 0:
                    _LOGGER.warning(
                        "Judging waits for the database: %s",
                        error,
                        extra={"action": "evaluation_waits"},
                    )
                await self._clock.sleep(backoff.next_delay_s())
                continue
            backoff.reset()
            if done.evaluated:
                await self._clock.sleep(REST_S)
            else:
                await wakeup.wait(CONTENDED_S if done.contended else POLL_S)

    async def evaluate_waiting(self) -> Round:
        """Judge each waiting subject once. Raises DatabaseUnavailableError."""
        now_s = self._clock.monotonic_s()
        put_off = [one for one, entry in self._put_off.items() if entry.until_s > now_s]
        async with self._database.connection() as connection:
            waiting = await storage.waiting_subjects(connection, self._clock.now(), put_off)
        outcomes: Counter[_Outcome] = Counter()
        errors: list[DatabaseUnavailableError] = []
        todo = iter(waiting)

        async def take_turns() -> None:
            for subject_id in todo:
                try:
                    outcomes[await self._evaluate(subject_id)] += 1
                except DatabaseUnavailableError as error:
                    errors.append(error)
                    return

        async with asyncio.TaskGroup() as group:
            for number in range(min(AT_ONCE, len(waiting))):
                group.create_task(take_turns(), name=f"evaluation {number}")
        if errors:
            raise errors[0]
        return Round(
            outcomes[_Outcome.EVALUATED], outcomes[_Outcome.CONTENDED], outcomes[_Outcome.FAILED]
        )

    async def _evaluate(self, subject_id: int) -> _Outcome:
        """Judge one subject. Raises DatabaseUnavailableError."""
        try:
            async with self._database.transaction() as connection:
                done = await evaluate(connection, subject_id, self._clock.now(), self._policy)
        except _SUBJECT_ERRORS as error:
            self._fail(subject_id, error)
            return _Outcome.FAILED
        self._put_off.pop(subject_id, None)
        if done is None:
            return _Outcome.CONTENDED
        _tell(done)
        return _Outcome.EVALUATED

    async def release_waiting(self) -> int:
        """Let the notifications go whose waiting is over; return for how many targets.

        Raises DatabaseUnavailableError.
        """
        async with self._database.transaction() as connection:
            kept = await keep_quiet(connection, self._clock.now(), self._policy)
            targets = await held.due_targets(connection, self._clock.now())
        if kept:
            _LOGGER.info(
                "%d notifications that did not go by day wait for the end of the quiet hours",
                kept,
                extra={"action": "notifications_kept_for_the_morning", "count": kept},
            )
        for target in targets:
            try:
                async with self._database.transaction() as connection:
                    await release_due(connection, target, self._clock.now(), self._policy)
            except (asyncpg.PostgresError, ValueError) as error:
                self._tell_unreleased(target, error)
            else:
                self._unreleased.pop(target, None)
        return len(targets)

    async def take_away_summaries(self) -> int:
        """Take from the phones the summaries that tell only of what is over or was seen.

        Return how many. Raises DatabaseUnavailableError.
        """
        taken = 0
        async with self._database.connection() as connection:
            ids = await summaries.over(connection)
        for summary_id in ids:
            async with self._database.transaction() as connection:
                taken += await summaries.take_away(connection, summary_id) is not None
        if taken:
            _LOGGER.info(
                "%d summaries of which nothing is the matter any more are taken from the phones",
                taken,
                extra={"action": "summaries_taken_away", "count": taken},
            )
        return taken

    def _tell_unreleased(self, target: Lane, error: Exception) -> None:
        """Say once for each new reason that what waits goes out by itself, a little later."""
        described = f"{type(error).__name__}: {error}"
        if self._unreleased.get(target) != described:
            _LOGGER.error(
                "What waits for %s could not be put together (%s); each goes out by itself.",
                target.target,
                described,
                extra={
                    "action": "release_failed",
                    "channel": target.channel,
                    "target": target.target,
                    "error": described,
                },
            )
        self._unreleased[target] = described

    async def _prepare(self) -> None:
        """Note a jump of the wall clock, and now and then who is to be judged at all.

        What a clock that was ahead has planned is called back as well; it may have been set
        right while no evaluator ran. A jump that could not be noted is noted the next time: a
        machine that slept wakes up without its connections.
        """
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        step = self._watch.step(now, now_s)
        if step is not None:
            _LOGGER.warning(
                "The wall clock jumped by %.0f s: silences and durations count anew from now.",
                step.total_seconds(),
                extra={"action": "clock_jumped", "step_s": step.total_seconds()},
            )
            self._has_jumped = True
        if now_s >= self._adopt_at_s or self._has_jumped:
            async with self._database.transaction() as connection:
                if self._has_jumped:
                    await backend_state.note_jump(connection, now)
                await storage.adopt(connection, now)
                await storage.recall(connection, now)
                await held.recall(connection, now, self._policy.group_wait)
            self._has_jumped = False
            self._adopt_at_s = now_s + ADOPT_S

    def _fail(self, subject_id: int, error: Exception) -> None:
        """Put a subject off, so that it holds up no other; say so once for each new reason."""
        # the message of a ValidationError holds the document it is about
        reason = (
            f"{error.error_count()} values do not fit"
            if isinstance(error, ValidationError)
            else str(error)
        )
        described = f"{type(error).__name__}: {reason}"
        entry = self._put_off.get(subject_id)
        if entry is None:
            entry = self._put_off[subject_id] = _PutOff(until_s=0.0, error="")
        if entry.error != described:
            _LOGGER.error(
                "Subject %d cannot be judged (%s); it is tried again later, the others go on.",
                subject_id,
                described,
                extra={"action": "evaluation_failed", "subject": subject_id, "error": described},
            )
        entry.error = described
        entry.until_s = self._clock.monotonic_s() + entry.backoff.next_delay_s()


def _tell(done: Evaluated) -> None:
    """Log the steps and the notifications they brought, after they were committed."""
    ids = {
        "correlation_id": str(done.trace.correlation_id),
        # readings that were judged with these: their ids lead here as well
        "judged_with": [str(one) for one in done.trace.others],
    }
    for event in done.events:
        _LOGGER.info(
            "%s: the incident is %s.",
            event.subject.name,
            event.incident.state.value,
            extra={
                "action": _action(event.step),
                "room": event.subject.name,
                "room_id": event.subject.room_id and str(event.subject.room_id),
                "incident_id": str(event.incident.incident_id),
                "rule": event.incident.rule_id,
                "risk_level": event.incident.level.value,
                **ids,
            },
        )
    for written in done.notifications:
        _LOGGER.info(
            "The %s for %s over %s is written.",
            written.kind,
            written.target,
            written.channel,
            extra={
                "action": "notification_written",
                "kind": written.kind,
                "target": written.target,
                "notification_id": str(written.notification_id),
                "incident_id": str(written.incident_id),
                "correlation_id": str(done.trace.correlation_id),
            },
        )


def _action(step: Step) -> str:
    if step.cause is not Cause.JUDGED:
        return f"incident_{step.cause.value}"
    match step.from_state, step.to_state:
        case IncidentState.OPEN, IncidentState.OPEN:
            return "incident_level_changed"
        case IncidentState.RECOVERING, IncidentState.OPEN:
            return "incident_reopened"
        case _, IncidentState.OPEN:
            return "incident_opened"
        case _, state:
            return f"incident_{state.value}"
