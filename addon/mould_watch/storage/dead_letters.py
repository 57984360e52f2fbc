"""Messages that could not be understood: the first of each kind in full, all of them counted.

A kind is a topic and a reason. Of each kind the first bodies of a day (UTC) are kept, after that
only the latest; and all bodies together keep within a bound, the oldest going first. Everything
that came is counted, whatever became of its body.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from mould_watch.storage.connections import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("dead_letters")

BODIES_OF_A_DAY: Final = 100
"""So many bodies of one kind are kept of one day, and the latest."""

KINDS_OF_A_DAY: Final = 1000
"""So many kinds are told apart on one day. Those that come after share one, `FURTHER_KINDS`:
whoever publishes broken messages on ever new topics must not fill the disk with counts."""

FURTHER_KINDS: Final = 0
"""The kind of what came when a day had its kinds already; its topic and reason are empty."""

DAYS_COUNTED: Final = 100
"""The counts by day and kind are kept for so many days; the total is kept for ever."""

_LABEL_MAXIMUM_CHARACTERS: Final = 200

_PRUNED_TO: Final = 0.9
"""The share of the bound that pruning leaves: it looks at every row, so it must be rare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be understood, as it is kept."""

    received_at: datetime
    source: str
    topic: str
    qos: int | None
    reason: str
    detail: str
    # the first bytes; size and sha256 are those of the whole
    payload: bytes
    payload_size: int
    payload_sha256: bytes
    fingerprint: int
    # what a replay has to know: the broker had kept it, or it had waited there
    retained: bool = False
    backlog: bool = False

    @property
    def day(self) -> date:
        """Return the day (UTC) it is counted on."""
        return self.received_at.astimezone(UTC).date()

    @property
    def kind(self) -> int:
        """Return 64 bits of BLAKE2b over topic and reason: a topic may be too long for an index."""
        digest = blake2b(f"{storable(self.topic)}\0{self.reason}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, signed=True)


def storable(text: str) -> str:
    r"""Return text that PostgreSQL takes: NUL as \0, a lone surrogate as \udXXX."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


async def write_dead_letters(
    connection: Connection, letters: Sequence[DeadLetter], maximum_bytes: int
) -> None:
    """Count `letters`, in the order they came, and keep what is to be kept of them.

    Afterwards everything kept has at most `maximum_bytes`. A letter that was written before (its
    COMMIT was never answered) is known again and changes nothing. Takes an open transaction.
    """
    if not letters:
        return
    await lock_total(connection)
    groups = _by_day_and_kind([_made_storable(letter) for letter in letters])
    counted = await _merge_further_kinds(connection, groups)
    new = await _not_yet_written(connection, groups)
    if not new:
        return
    kept_bytes: int = await connection.fetchval(
        _QUERIES.add_to_total, sum(len(group) for group in new.values())
    )
    kept_bytes += await _keep(connection, new, counted)
    await _add_counts(connection, new)
    if kept_bytes > maximum_bytes:
        # Rare: once for each tenth of the bound that came. So it may look at every row, and it
        # is done here rather than by a task of its own: the bound then holds at every commit.
        excess = kept_bytes - int(maximum_bytes * _PRUNED_TO)
        removed = await connection.fetchrow(_QUERIES.remove_oldest, excess)
        assert removed is not None  # noqa: S101 - an aggregate has one row
        kept_bytes -= removed["bytes"]
        await connection.execute(_QUERIES.note_removed, removed["count"])
    await connection.execute(_QUERIES.set_bytes, kept_bytes)


async def lock_total(connection: Connection) -> None:
    """Let one transaction at a time change what is kept: it reckons the sums from what it reads."""
    await connection.execute(_QUERIES.lock_total)


type _Key = tuple[date, int]
type _Groups = dict[_Key, list[DeadLetter]]


def _made_storable(letter: DeadLetter) -> DeadLetter:
    return replace(
        letter,
        source=storable(letter.source),
        topic=storable(letter.topic),
        reason=storable(letter.reason),
        detail=storable(letter.detail),
    )


def _by_day_and_kind(letters: Sequence[DeadLetter]) -> _Groups:
    groups: _Groups = {}
    for letter in letters:
        groups.setdefault((letter.day, letter.kind), []).append(letter)
    return groups


async def _not_yet_written(connection: Connection, groups: _Groups) -> _Groups:
    """Return the groups without the letters that an earlier, unanswered COMMIT wrote.

    The last of a kind in a transaction always leaves its body; so when a letter's body is there,
    those of its kind that came before it have been written too, body or not.
    """
    letters = [letter for group in groups.values() for letter in group]
    rows = await connection.fetch(
        _QUERIES.written,
        [letter.received_at for letter in letters],
        [letter.fingerprint for letter in letters],
    )
    written = {(row["received_at"], row["fingerprint"]) for row in rows}
    new: _Groups = {}
    for key, group in groups.items():
        done = 0
        for place, letter in enumerate(group, start=1):
            if (letter.received_at, letter.fingerprint) in written:
                done = place
        if group[done:]:
            new[key] = group[done:]
    return new


async def _merge_further_kinds(connection: Connection, groups: _Groups) -> dict[_Key, int]:
    """Move the kinds that are too many for their day together; return what was counted before."""
    counted = await _counts_of(connection, groups)
    room: dict[date, int] = {}
    for key in [key for key in groups if key not in counted]:
        day, _ = key
        if day not in room:
            # at most KINDS_OF_A_DAY entries of an index
            room[day] = KINDS_OF_A_DAY - await connection.fetchval(_QUERIES.kinds_of_day, day)
            await connection.execute(_QUERIES.forget_counts, day - timedelta(days=DAYS_COUNTED))
        if room[day] > 0:
            room[day] -= 1
        else:
            groups.setdefault((day, FURTHER_KINDS), []).extend(groups.pop(key))
    further = [key for key in groups if key[1] == FURTHER_KINDS]
    for key in further:
        groups[key].sort(key=lambda letter: letter.received_at)
    return counted | await _counts_of(connection, further) if further else counted


async def _counts_of(connection: Connection, keys: Sequence[_Key] | _Groups) -> dict[_Key, int]:
    rows = await connection.fetch(
        _QUERIES.counts, [day for day, _ in keys], [kind for _, kind in keys]
    )
    return {(row["day"], row["kind"]): row["count"] for row in rows}


async def _keep(connection: Connection, groups: _Groups, counted: dict[_Key, int]) -> int:
    """Keep the bodies that are to be kept; return by how many bytes what is kept has grown."""
    rows = []
    replaced: list[tuple[date, int, int]] = []
    for key, group in groups.items():
        before = counted.get(key, 0)
        last = before + len(group)
        rows += [
            _row(key, number, letter)
            for number, letter in enumerate(group, start=before + 1)
            if number <= BODIES_OF_A_DAY or number == last
        ]
        if last > BODIES_OF_A_DAY:
            replaced.append((*key, last))
    grown: int = await connection.fetchval(
        _QUERIES.insert, *(list(column) for column in zip(*rows, strict=True))
    )
    if replaced:
        shrunk: int = await connection.fetchval(
            _QUERIES.remove_replaced,
            *(list(column) for column in zip(*replaced, strict=True)),
            BODIES_OF_A_DAY,
        )
        grown -= shrunk
    return grown


def _row(key: _Key, number: int, letter: DeadLetter) -> tuple[Any, ...]:
    return (
        *key,
        number,
        letter.received_at,
        letter.source,
        letter.topic,
        letter.qos,
        letter.reason,
        letter.detail,
        letter.payload,
        letter.payload_size,
        letter.payload_sha256,
        letter.fingerprint,
        letter.retained,
        letter.backlog,
    )


async def _add_counts(connection: Connection, groups: _Groups) -> None:
    labels = [
        ("", "") if kind == FURTHER_KINDS else (group[0].topic, group[0].reason)
        for (_, kind), group in groups.items()
    ]
    await connection.execute(
        _QUERIES.add_counts,
        [day for day, _ in groups],
        [kind for _, kind in groups],
        [topic[:_LABEL_MAXIMUM_CHARACTERS] for topic, _ in labels],
        [reason for _, reason in labels],
        [len(group) for group in groups.values()],
    )
