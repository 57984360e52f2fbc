"""Readings that somebody hands over one by one and waits for the answer to: the API's senders.

Beside MQTT the other way in, into the same tables: the same keys, flags and evaluation requests.
Whoever sends has the reading still, so nothing is spooled here: without a database it is told so
and sends again, which is idempotent.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import uuid4

import asyncpg

from mould_watch.clock import Clock
from mould_watch.clock_trust import ClockTrust
from mould_watch.errors import (
    ClockNotTrustedError,
    DatabaseUnavailableError,
    UndecodableMessageError,
)
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.fingerprint import fingerprint
from mould_watch.ingest.json_payload import dump, parse
from mould_watch.ingest.metrics import fault_of
from mould_watch.settings import IngestSettings
from mould_watch.storage import devices as device_store
from mould_watch.storage import ingestion as store
from mould_watch.storage.connections import REFUSALS, is_no_rows_fault
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.devices import DeviceReference
from mould_watch.storage.ingestion import NewReading
from mould_watch.storage.partitions import FIRST_YEAR, Partitions

_LOGGER = logging.getLogger(__name__)

_OLDEST: Final = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Submission:
    """A reading as it is handed over."""

    device: DeviceReference
    # aware
    ts: datetime
    # by the names of the columns of readings
    metrics: Mapping[str, float]
    # a JSON object: whatever else belongs to it
    extra: Mapping[str, Any] | None = None
    # whether the device is to be called from now on as `device` says
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class ReadingResult:
    """What became of one reading. A rejected one need not be sent again."""

    status: Literal["stored", "duplicate", "rejected"]
    # in_the_future, too_old, unknown_metric, out_of_range, no_metric, invalid_extra,
    # refused_by_database
    code: str | None = None
    message: str | None = None
    # why it is stored but not judged by: as in readings.suspect
    suspect: str | None = None


class Submissions:
    """Stores what is handed over. Any number of calls at a time."""

    def __init__(
        self,
        settings: IngestSettings,
        database: Database,
        clock: Clock,
        states: DeviceStates,
        trust: ClockTrust | None = None,
    ) -> None:
        """Store into `database`; `trust` None: the clock is right."""
        self._trust = trust or ClockTrust.given(clock)
        self._states = states
        self._settings = settings
        self._database = database
        self._clock = clock
        self._partitions = Partitions(clock)

    async def store(
        self, submissions: Sequence[Submission], *, lifts_age_limit: bool = False
    ) -> list[ReadingResult]:
        """Store readings and return one result each, in order, after the commit.

        `lifts_age_limit`: a history is imported, as old as it may be. Raises
        DatabaseUnavailableError; nothing is known of the readings then, and sending them again
        is right.
        """
        if not self._trust.is_trusted:
            raise ClockNotTrustedError("the clock of this machine is not set yet")
        received_at = self._clock.now()
        results: list[ReadingResult | None] = []
        good: list[NewReading] = []
        named: set[DeviceReference] = set()
        for submission in submissions:
            extra, fault = _bag(submission.extra)
            fault = fault or self._fault(submission, received_at, lifts_age_limit=lifts_age_limit)
            results.append(fault)
            if fault is None:
                good.append(_new_reading(submission, extra, received_at))
                if submission.is_named:
                    named.add(submission.device)
        try:
            written = iter(await self._write(good, named))
        except asyncpg.PostgresError as error:
            # not one of a row's refusals: the sender keeps what it has, and tries again
            raise DatabaseUnavailableError(f"the database cannot store now: {error}") from error
        return [result or next(written) for result in results]

    def _fault(
        self, submission: Submission, received_at: datetime, *, lifts_age_limit: bool
    ) -> ReadingResult | None:
        ahead_s = (submission.ts - received_at).total_seconds()
        if ahead_s > self._settings.future_maximum_s:
            return ReadingResult(
                "rejected", "in_the_future", f"its time is {ahead_s:.0f} s ahead of this clock"
            )
        if not lifts_age_limit and ahead_s < -self._settings.age_maximum_s:
            return ReadingResult("rejected", "too_old", f"it is {-ahead_s:.0f} s old")
        if submission.ts < _OLDEST:
            return ReadingResult("rejected", "too_old", f"it is of before {FIRST_YEAR}")
        if not submission.metrics:
            return ReadingResult("rejected", "no_metric", "it has no metric")
        for metric, value in submission.metrics.items():
            code = fault_of(metric, value)
            if code is not None:
                return ReadingResult("rejected", code, f"{metric} = {value!r}")
        return None

    async def _write(
        self, readings: Sequence[NewReading], named: set[DeviceReference]
    ) -> list[ReadingResult]:
        """Write in one transaction; if the database refuses a row, find it by halving."""
        if not readings:
            return []
        correlation_id = uuid4()
        try:
            async with self._database.connection() as connection:
                await self._partitions.ensure(connection, {one.ts.date() for one in readings})
                async with connection.transaction():
                    await store.correlate(connection, correlation_id)
                    owners = await store.write_readings(connection, readings)
                    references = {one.device for one in readings} & named
                    await rename(connection, await device_store.resolve(connection, references))
        except REFUSALS as error:
            self._partitions.forget()
            if is_no_rows_fault(error):
                # the sender keeps what it has, and the next try makes the month anew
                raise
            if len(readings) == 1:
                _LOGGER.warning(
                    "The database refuses a reading of %s: %s",
                    readings[0].device.name,
                    error,
                    extra={"action": "reading_refused", "error": error.sqlstate},
                )
                return [ReadingResult("rejected", "refused_by_database", str(error.sqlstate))]
            middle = len(readings) // 2
            return [
                *await self._write(readings[:middle], named),
                *await self._write(readings[middle:], named),
            ]
        self._states.stored(readings, owners)
        names = sorted({owner.name for owner in owners if owner is not None})
        if names:
            count = sum(owner is not None for owner in owners)
            _LOGGER.info(
                "Stored %d reading(s) of %s, handed over by the API.",
                count,
                ", ".join(names),
                extra={
                    "action": "readings_stored",
                    "devices": names,
                    "count": count,
                    "correlation_id": str(correlation_id),
                },
            )
        return [
            ReadingResult("duplicate" if owner is None else "stored", suspect=reading.suspect)
            for owner, reading in zip(owners, readings, strict=True)
        ]


async def rename(
    connection: Connection, found: Mapping[DeviceReference, device_store.Device]
) -> None:
    """Follow the senders' names: labels, which change no identity."""
    await device_store.rename(
        connection,
        {
            device.device_id: reference.name
            for reference, device in found.items()
            if device.name != reference.name
        },
    )


def _bag(extra: Mapping[str, Any] | None) -> tuple[str | None, ReadingResult | None]:
    """Return what a reading carries beside its metrics as JSON that can be stored, or the fault."""
    if not extra:
        return None, None
    try:
        text = dump(extra)
        parse(text.encode())
    except (UndecodableMessageError, ValueError, RecursionError) as error:
        return None, ReadingResult("rejected", "invalid_extra", f"its extra: {error}")
    return text, None


def _new_reading(submission: Submission, extra: str | None, received_at: datetime) -> NewReading:
    metrics = {name: float(value) for name, value in submission.metrics.items()}
    canonical = json.dumps(metrics, sort_keys=True, separators=(",", ":"))
    if submission.extra and extra is not None:
        # the same in whatever order its keys come
        canonical += json.dumps(submission.extra, sort_keys=True, separators=(",", ":"))
    device = submission.device
    return NewReading(
        device=device,
        ts=submission.ts.astimezone(UTC),
        fingerprint=fingerprint(device.source_instance, device.native_id, canonical.encode()),
        received_at=received_at,
        time_quality="payload",
        qos=None,
        metrics=metrics,
        extra=extra,
    )
