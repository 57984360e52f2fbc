"""Dead letters tried again: after an update that understands them, or a database that was mended.

The same decoding and writing as when they came, under the time they came at; so a reading that is
there already is not stored twice. Only readings are caught up with: what a control message said of
the state of things then has been said anew since.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final, Literal

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.interpret import UNKNOWN_SOURCE, Interpreted, Interpreter, refused
from mould_watch.ingest.source import IncomingMessage
from mould_watch.ingest.writer import brief
from mould_watch.storage import ingestion as store
from mould_watch.storage import kept_dead_letters as box
from mould_watch.storage.connections import REFUSALS, is_no_rows_fault
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.devices import Device
from mould_watch.storage.kept_dead_letters import KeptDeadLetter, Selection
from mould_watch.storage.partitions import Partitions

_LOGGER: Final = logging.getLogger(__name__)

ANY_AGE_S: Final = 20 * 365 * 86400.0
"""How old a reading may be where the age limit is lifted; beyond, the device's clock is wrong."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one dead letter that was tried again.

    `stored` and `duplicate` (the reading was there): it is removed. `counted`: it is understood and
    leaves no reading, and is removed. `kept`: it is still one, and `code` says why: `truncated`,
    `no_decoder`, or its reason now. `missing`: there is none with this id.
    """

    letter_id: int
    status: Literal["stored", "duplicate", "counted", "kept", "missing"]
    code: str | None = None
    message: str | None = None


class Replay:
    """Tries dead letters again, one transaction each."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        states: DeviceStates,
        interpreter: Interpreter,
        any_age: Interpreter,
    ) -> None:
        """Understand with `interpreter`; with `any_age` where the age limit is lifted."""
        self._states = states
        self._database = database
        self._clock = clock
        self._interpreter = interpreter
        self._any_age = any_age
        self._partitions = Partitions(clock)

    async def replay(
        self, letter_ids: Sequence[int], *, lifts_age_limit: bool = False
    ) -> list[Replayed]:
        """Try each again, in the order given.

        Raises DatabaseUnavailableError; trying all of them again later is right.
        """
        interpreter = self._any_age if lifts_age_limit else self._interpreter
        results = [await self._one(letter_id, interpreter) for letter_id in letter_ids]
        done = sum(one.status in {"stored", "duplicate", "counted"} for one in results)
        _LOGGER.info(
            "Tried %d dead letter(s) again; %d of them are settled.",
            len(results),
            done,
            extra={"action": "dead_letters_replayed", "count": len(results), "settled": done},
        )
        return results

    async def replay_selected(
        self,
        selection: Selection,
        *,
        after_id: int,
        maximum: int,
        lifts_age_limit: bool = False,
    ) -> list[Replayed]:
        """Try the first `maximum` after `after_id` that are meant; without any, none are left."""
        async with self._database.connection() as connection:
            letter_ids = await box.following(connection, selection, maximum, after_id)
        if not letter_ids:
            return []
        return await self.replay(letter_ids, lifts_age_limit=lifts_age_limit)

    async def _one(self, letter_id: int, interpreter: Interpreter) -> Replayed:
        try:
            async with self._database.connection() as connection:
                found = await box.find(connection, letter_id)
                if found is None:
                    return Replayed(letter_id, "missing", "not_found")
                letter, payload = found
                if not letter.can_be_replayed:
                    text = (
                        f"only {letter.kept_size} of its {letter.payload_size} bytes were kept,"
                        " so it cannot be replayed"
                    )
                    return Replayed(letter_id, "kept", "truncated", text)
                interpreted = interpreter.interpret(_message(letter, payload))
                if interpreted.source == UNKNOWN_SOURCE and interpreted.dead_letter is None:
                    text = "no decoder takes messages of this topic now"
                    return Replayed(letter_id, "kept", "no_decoder", text)
                days = {reading.ts.date() for reading in interpreted.readings}
                await self._partitions.ensure(connection, days)
                async with connection.transaction():
                    if not await box.lock(connection, letter_id):
                        return Replayed(letter_id, "missing", "not_found")
                    result, owners = await self._settle(connection, letter_id, interpreted)
            self._states.stored(interpreted.readings[: len(owners)], owners)
        except asyncpg.PostgresError as error:
            # not what it holds is refused, that is handled below
            self._partitions.forget()
            raise DatabaseUnavailableError(f"the database cannot store now: {error}") from error
        return result

    async def _settle(
        self, connection: Connection, letter_id: int, interpreted: Interpreted
    ) -> tuple[Replayed, list[Device | None]]:
        status: Literal["stored", "duplicate", "counted"] = "counted"
        owners: list[Device | None] = []
        if interpreted.readings:
            try:
                async with connection.transaction():
                    owners = await store.write_readings(
                        connection, interpreted.readings, interpreted.known
                    )
            except REFUSALS as error:
                if is_no_rows_fault(error):
                    raise  # it was there when last looked
                interpreted = refused(interpreted, str(error.sqlstate), brief(error))
            else:
                status = "stored" if any(owners) else "duplicate"
        if interpreted.dead_letter is not None:
            again = interpreted.dead_letter
            await box.note_failed(
                connection, letter_id, again.reason, again.detail, self._clock.now().astimezone(UTC)
            )
            return Replayed(letter_id, "kept", again.reason, again.detail), []
        if not interpreted.readings:
            await store.write_readings(connection, [], interpreted.known)
        if interpreted.ending is not None:
            key = (interpreted.message.received_at.date(), interpreted.source, interpreted.ending)
            await store.add_counts(connection, Counter([key]))
        await box.remove(connection, letter_id)
        return Replayed(letter_id, status, interpreted.ending), owners


def _message(letter: KeptDeadLetter, payload: bytes) -> IncomingMessage:
    """Return the message as it was received."""
    return IncomingMessage(
        topic=letter.topic,
        payload=payload,
        qos=letter.qos or 0,
        retain=letter.retained,
        dup=False,
        packet_id=0,
        received_at=letter.received_at,
        generation=0,
        session_resumed=False,
        redelivery_phase=False,
        backlog=letter.backlog,
    )
