"""What is kept of messages that could not be understood, and that all of them are counted."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import asyncpg
import pytest

from mould_watch.ingest.fingerprint import fingerprint
from mould_watch.storage import overview
from mould_watch.storage.dead_letters import KINDS_OF_A_DAY, DeadLetter, write_dead_letters

type Connection = asyncpg.Connection[asyncpg.Record]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MEBIBYTE = 1024 * 1024


class Letters:
    """Makes dead letters, each a microsecond after the one before, and writes them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.at = NOON
        self.made = 0

    def make(
        self, topic: str = "bath", reason: str = "not_json", payload: bytes | None = None
    ) -> DeadLetter:
        self.made += 1
        self.at += timedelta(microseconds=1)
        payload = b"%d" % self.made if payload is None else payload
        return DeadLetter(
            received_at=self.at,
            source="mqtt:json",
            topic=topic,
            qos=1,
            reason=reason,
            detail="it is not JSON",
            payload=payload[:65536],
            payload_size=len(payload),
            payload_sha256=sha256(payload).digest(),
            fingerprint=fingerprint("mqtt:json", topic, payload),
        )

    async def write(
        self, letters: Sequence[DeadLetter], maximum_bytes: int = 64 * MEBIBYTE
    ) -> None:
        async with self.connection.transaction():
            await write_dead_letters(self.connection, letters, maximum_bytes)

    async def bodies(self) -> list[bytes]:
        rows = await self.connection.fetch("SELECT payload FROM dead_letter ORDER BY id")
        return [row["payload"] for row in rows]

    async def counts(self) -> dict[tuple[str, str], int]:
        rows = await self.connection.fetch(
            "SELECT topic, reason, sum(count)::bigint AS count FROM dead_letter_count"
            " GROUP BY topic, reason"
        )
        return {(row["topic"], row["reason"]): row["count"] for row in rows}

    async def check_sums(self, maximum_bytes: int) -> None:
        """Compare the one-row sums with the tables."""
        total = await self.connection.fetchrow("SELECT * FROM dead_letter_total")
        assert total is not None
        assert total["count"] == self.made
        assert total["count"] == await self.connection.fetchval(
            "SELECT coalesce(sum(count), 0) FROM dead_letter_count"
        )
        assert total["bytes"] <= maximum_bytes
        assert total["bytes"] == await self.connection.fetchval(
            "SELECT coalesce(sum(size), 0) FROM dead_letter"
        )


@pytest.fixture
def letters(connection: Connection) -> Letters:
    return Letters(connection)


async def test_of_a_topic_and_reason_the_first_hundred_bodies_of_a_day_are_kept_and_the_latest(
    letters: Letters,
) -> None:
    for size in (60, 60, 1, 29):
        await letters.write([letters.make() for _ in range(size)])
    assert await letters.bodies() == [b"%d" % number for number in (*range(1, 101), 150)]
    other = [letters.make("kitchen"), letters.make(reason="not_utf8")]
    await letters.write(other)
    assert await letters.counts() == {
        ("bath", "not_json"): 150,
        ("kitchen", "not_json"): 1,
        ("bath", "not_utf8"): 1,
    }
    assert len(await letters.bodies()) == 103
    await letters.check_sums(64 * MEBIBYTE)


async def test_a_new_day_has_a_hundred_bodies_of_its_own(letters: Letters) -> None:
    await letters.write([letters.make() for _ in range(120)])
    letters.at += timedelta(days=1)
    await letters.write([letters.make() for _ in range(120)])
    assert len(await letters.bodies()) == 2 * 101


async def test_one_batch_over_midnight_counts_for_both_days(letters: Letters) -> None:
    letters.at = NOON.replace(hour=23, minute=59, second=59, microsecond=999_990)
    await letters.write([letters.make() for _ in range(20)])
    rows = await letters.connection.fetch("SELECT day, count FROM dead_letter_count ORDER BY day")
    assert [(row["day"].day, row["count"]) for row in rows] == [(20, 9), (21, 11)]


async def test_a_batch_whose_commit_was_not_answered_is_known_again(letters: Letters) -> None:
    """Body kept or not, in the same or in another cut of what came."""
    first = [letters.make() for _ in range(150)]
    further = [letters.make(f"topic {n}") for n in range(KINDS_OF_A_DAY + 50)]
    await letters.write([*first, *further])
    before = await letters.bodies()
    for again in ([*first, *further], first[40:], further[-30:], first):
        await letters.write(again)
    assert await letters.bodies() == before
    await letters.check_sums(64 * MEBIBYTE)
    # and what came after it is not mistaken for it
    await letters.write([*first[100:], letters.make()])
    await letters.check_sums(64 * MEBIBYTE)


async def test_the_oldest_bodies_go_first_counted_and_never_the_newest_of_a_kind(
    letters: Letters,
) -> None:
    await letters.write([letters.make("old", payload=b"o" * 65536)])
    for n in range(40):
        await letters.write(
            [letters.make("loud", payload=b"%02d" % n + b"x" * 65534)], maximum_bytes=MEBIBYTE
        )
        await letters.check_sums(MEBIBYTE)
    heads = [body[:2] for body in await letters.bodies()]
    assert heads[0] == b"oo"
    loud = heads[1:]
    assert loud == [b"%02d" % n for n in range(40 - len(loud), 40)]
    assert len(loud) > 10
    removed = await letters.connection.fetchval("SELECT bodies_removed FROM dead_letter_total")
    assert removed == 41 - len(heads)
    assert await letters.counts() == {("old", "not_json"): 1, ("loud", "not_json"): 40}


async def test_the_bound_holds_when_every_body_is_the_newest_of_its_kind(letters: Letters) -> None:
    for start in range(0, 100, 10):
        await letters.write(
            [letters.make(f"topic {n}", payload=b"x" * 65536) for n in range(start, start + 10)],
            maximum_bytes=MEBIBYTE,
        )
        await letters.check_sums(MEBIBYTE)
    assert await letters.connection.fetchval("SELECT max(topic) FROM dead_letter") == "topic 99"


async def test_ever_new_topics_fill_neither_the_counts_nor_the_bodies(letters: Letters) -> None:
    for start in range(0, 4000, 500):
        await letters.write(
            [letters.make(f"topic {n}" + "x" * 2000) for n in range(start, start + 500)],
            maximum_bytes=MEBIBYTE,
        )
        await letters.check_sums(MEBIBYTE)
    counts = await letters.counts()
    assert len(counts) == KINDS_OF_A_DAY + 1
    assert counts["", ""] == 4000 - KINDS_OF_A_DAY
    assert (
        await letters.connection.fetchval(
            "SELECT payload FROM dead_letter ORDER BY id DESC LIMIT 1"
        )
        == b"4000"
    )


async def test_the_counts_of_long_gone_days_end_and_the_total_stays(letters: Letters) -> None:
    await letters.write([letters.make()])
    letters.at += timedelta(days=101)
    await letters.write([letters.make()])
    assert await letters.counts() == {("bath", "not_json"): 1}
    assert await overview.dead_letters(letters.connection) == 2


async def test_any_mixture_keeps_the_sums_true_and_within_the_bound(letters: Letters) -> None:
    chance = random.Random(20)  # noqa: S311 - the same each time
    for _ in range(60):
        batch = [
            letters.make(
                f"topic {chance.randrange(6)}",
                chance.choice(["not_json", "not_utf8"]),
                b"x" * chance.choice([0, 10, 70_000]),
            )
            for _ in range(chance.randrange(1, 30))
        ]
        letters.at += timedelta(hours=chance.randrange(12))
        await letters.write(batch, maximum_bytes=2 * MEBIBYTE)
        await letters.check_sums(2 * MEBIBYTE)


async def test_texts_that_postgresql_refuses_are_kept_in_a_readable_form(letters: Letters) -> None:
    await letters.write([letters.make("a\0b\ud800", reason="not\0json")])
    (row,) = await letters.connection.fetch("SELECT topic, reason FROM dead_letter")
    assert (row["topic"], row["reason"]) == ("a\\0b\\ud800", "not\\0json")


async def test_all_that_came_is_shown_whether_or_not_its_body_is_kept(letters: Letters) -> None:
    assert await overview.dead_letters(letters.connection) == 0
    await letters.write([letters.make() for _ in range(250)])
    assert await overview.dead_letters(letters.connection) == 250
