"""The hours of a device's readings, as its fault patterns are judged by (domain/fault_patterns)."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import asyncpg

from mould_watch.domain.fault_patterns import (
    FALL_WITHIN,
    MOVED_BIN,
    MOVED_PCT,
    Fall,
    HourBand,
    Span,
)
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("plausibility")


async def hour_bands[Key](
    connection: Connection,
    members: Mapping[Key, Collection[int]],
    start: datetime,
    end: datetime,
) -> dict[Key, list[HourBand]]:
    """Return the hours in which each of `members` measured something, in order.

    `members` are the ids that are one device each. The hours of `start` and `end` are whole.
    """
    keys = list(members)
    pairs = [(place, one) for place, key in enumerate(keys) for one in members[key]]
    rows = await connection.fetch(
        _QUERIES.hour_bands,
        [place for place, _ in pairs],
        [device_id for _, device_id in pairs],
        start,
        end,
        FALL_WITHIN,
    )
    bands: defaultdict[Key, list[HourBand]] = defaultdict(list)
    for row in rows:
        bands[keys[row["place"]]].append(_band(row))
    return bands


async def moved_bins(
    connection: Connection, without: Collection[int], start: datetime, end: datetime
) -> frozenset[datetime]:
    """Return the beginnings of the half days in which some other device's humidity moved."""
    rows = await connection.fetch(
        _QUERIES.moved_bins, list(without), start, end, MOVED_BIN, MOVED_PCT
    )
    return frozenset(row["bin"] for row in rows)


def _band(row: asyncpg.Record) -> HourBand:
    return HourBand(
        start=row["hour"],
        temperature_c=_span(row["temperature_least"], row["temperature_most"]),
        humidity_pct=_span(row["humidity_least"], row["humidity_most"]),
        fall=None
        if row["fall_from"] is None
        else Fall(row["fall_from"], row["fall_to"], row["fall_temperature_change"]),
    )


def _span(least: float | None, most: float | None) -> Span | None:
    return None if least is None or most is None else Span(least, most)
