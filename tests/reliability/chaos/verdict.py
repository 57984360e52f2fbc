"""The ledger against the database: what is lost, what is doubled, what is not lawful."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import asyncpg

from tests.reliability.chaos.ledger import Entry, Ledger, Nature

_POLL_S: Final = 0.5
_VALUE_TOLERANCE: Final = 1e-9
_TIME_TOLERANCE_S: Final = 0.0005
_SHOWN: Final = 10

_ROWS: Final = """
SELECT (extra->>'number')::bigint AS number, temperature_c, humidity_pct, qos,
       time_quality::text AS time_quality, extract(epoch FROM ts)::double precision AS at_s
FROM readings WHERE extra ? 'number'
"""
_DEAD_LETTERS: Final = "SELECT coalesce(sum(count), 0)::bigint FROM dead_letter_count"
# a transition that does not begin where the one before it ended
_BROKEN_TRANSITIONS: Final = """
SELECT count(*) FROM (
    SELECT from_state, lag(to_state) OVER (PARTITION BY incident_id ORDER BY sequence) AS before
    FROM transition
) AS step WHERE from_state IS DISTINCT FROM before
"""
_BROKEN_STEPS: Final = """
SELECT count(*) FROM (
    SELECT from_state, lag(to_state) OVER (PARTITION BY notification_id ORDER BY id) AS before
    FROM notification_step
) AS step WHERE from_state IS DISTINCT FROM before
"""


@dataclass(slots=True)
class Verdict:
    """What the comparison found."""

    published: int = 0
    stored: int = 0
    lost: int = 0
    duplicates: int = 0
    # what the broker, started again, sent a second time as if it were new (DUP = 0): nobody can
    # tell these from honest ones, so each of them may be there once more
    broker_replays: int = 0
    # rows nobody sent, altered values or times, steps that do not follow one another
    illegal: int = 0
    dead_letters: int = 0
    # at least so many, and at most `dead_letters_possible`: some may have gone with the broker
    dead_letters_expected: int = 0
    dead_letters_possible: int = 0
    qos0_published: int = 0
    qos0_lost: int = 0
    # the numbers of the first messages of each kind of trouble
    examples: dict[str, list[int]] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost, doubled or unlawful."""
        return (
            self.lost == self.duplicates == self.illegal == 0
            and self.dead_letters_expected <= self.dead_letters <= self.dead_letters_possible
        )

    def as_json(self) -> dict[str, Any]:
        """Return it for the last line; the examples only when there are any."""
        said = asdict(self)
        if not said["examples"]:
            del said["examples"]
        return said


async def everything_stored(address: str, ledger: Ledger, patience_s: float) -> bool:
    """Wait until all that must be there is there; give up after `patience_s` without progress."""
    progressed_s, before = time.monotonic(), -1
    while time.monotonic() - progressed_s < patience_s:
        missing = (await judged(address, ledger)).missing
        if missing == 0:
            return True
        if missing != before:
            progressed_s, before = time.monotonic(), missing
        await asyncio.sleep(_POLL_S)
    return False


@dataclass(frozen=True, slots=True)
class _Judged:
    verdict: Verdict
    missing: int


async def judged(address: str, ledger: Ledger) -> _Judged:
    """Compare."""
    connection = await asyncpg.connect(address)
    try:
        rows = await connection.fetch(_ROWS)
        letters: int = await connection.fetchval(_DEAD_LETTERS)
        broken = [await connection.fetchval(sql) for sql in (_BROKEN_TRANSITIONS, _BROKEN_STEPS)]
    finally:
        await connection.close()
    verdict = compare(ledger, [dict(row) for row in rows], letters)
    verdict.illegal += sum(broken)
    return _Judged(
        verdict, verdict.lost + max(0, verdict.dead_letters_expected - verdict.dead_letters)
    )


def compare(ledger: Ledger, rows: Sequence[Mapping[str, Any]], dead_letters: int) -> Verdict:
    """Compare the ledger with the rows found. Pure."""
    verdict = Verdict(dead_letters=dead_letters, stored=len(rows), published=ledger.published)
    found = Counter(row["number"] for row in rows)
    trouble: dict[str, list[int]] = {}
    for entry in ledger.entries.values():
        verdict.broker_replays += entry.replayed
        if entry.nature is Nature.POISON:
            verdict.dead_letters_expected += entry.least
            verdict.dead_letters_possible += entry.most
            continue
        times = found[entry.number]
        lost, doubled = max(0, entry.least - times), max(0, times - entry.most)
        verdict.lost += lost
        verdict.duplicates += doubled
        if entry.qos == 0:
            verdict.qos0_published += len(entry.accepted_s)
            verdict.qos0_lost += max(0, len(entry.accepted_s) - times)
        _note(trouble, "lost", entry.number, lost)
        _note(trouble, "doubled", entry.number, doubled)
    for row in rows:
        entry_or_none = ledger.entries.get(row["number"])
        if entry_or_none is None or not _is_as_sent(entry_or_none, row):
            verdict.illegal += 1
            _note(trouble, "illegal", row["number"], 1)
    verdict.examples = {name: numbers[:_SHOWN] for name, numbers in trouble.items()}
    return verdict


def _note(trouble: dict[str, list[int]], name: str, number: int, times: int) -> None:
    if times:
        trouble.setdefault(name, []).append(number)


def _is_as_sent(entry: Entry, row: Mapping[str, Any]) -> bool:
    values = (row["temperature_c"], entry.temperature_c), (row["humidity_pct"], entry.humidity_pct)
    if any(
        stored is None
        or sent is None
        or not math.isclose(stored, sent, rel_tol=0, abs_tol=_VALUE_TOLERANCE)
        for stored, sent in values
    ):
        return False
    has_own_time = str(row["time_quality"]) == "payload"
    if entry.at_s is None:
        return not has_own_time
    # a clock three days behind must not make a sensor's true time a wrong one
    return has_own_time and math.isclose(
        float(row["at_s"]), entry.at_s, rel_tol=0, abs_tol=_TIME_TOLERANCE_S
    )
