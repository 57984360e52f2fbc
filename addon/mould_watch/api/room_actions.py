"""What people tell of a room: that it was cleaned, and how cold its coldest spot is."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from mould_watch.api.messages import Episodes, RecordColdSpot, StartEpisode
from mould_watch.api.requests import RequestError
from mould_watch.clock import Clock
from mould_watch.domain.surface import uses_calibration
from mould_watch.errors import ColdSpotRefusedError
from mould_watch.storage import cold_spots, mould
from mould_watch.storage.cold_spots import RoomToday
from mould_watch.storage.database import Connection, Database

_LOGGER: Final = logging.getLogger(__name__)

CLOCKS_APART: Final = timedelta(minutes=5)
"""So much may another machine's clock be ahead of this one."""


class RoomActions:
    """Takes them, each once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to `database`, at the time that `clock` says."""
        self._database = database
        self._clock = clock

    async def record_cold_spot(self, asked: RecordColdSpot) -> dict[str, Any]:
        """Take a reading of the cold spot and return the factor that it leads to.

        Raises ColdSpotRefusedError, RequestError `unknown_room` and DatabaseUnavailableError.
        """
        at = self._measured_at(asked)
        async with self._database.transaction() as connection:
            room = await _room(connection, asked.room_id)
            calibration = await cold_spots.record(
                connection,
                asked.room_id,
                room,
                asked.surface_temperature_c,
                at=at,
                counts_always=asked.applies_from == "always",
                action_id=asked.action_id,
            )
        _LOGGER.info(
            "The cold spot of room %s is at %.1f °C: its factor is %.2f, of %d readings.",
            asked.room_id,
            asked.surface_temperature_c,
            calibration.f_rsi,
            calibration.readings,
            extra={
                "action": "cold_spot_recorded",
                "room_id": str(asked.room_id),
                "f_rsi": calibration.f_rsi,
                "readings": calibration.readings,
            },
        )
        return {
            "f_rsi": round(calibration.f_rsi, 3),
            "spread": round(calibration.spread, 3),
            "readings": calibration.readings,
            "accepted": True,
            "is_used": uses_calibration(room.config),
        }

    def _measured_at(self, asked: RecordColdSpot) -> datetime:
        """Return when it was measured; raises ColdSpotRefusedError for a time to come."""
        now = self._clock.now()
        at = asked.at or now
        if at - now > CLOCKS_APART:
            raise ColdSpotRefusedError(
                "in_the_future", f"{at:%Y-%m-%d %H:%M} {at:%Z} is still to come"
            )
        return min(at, now)

    async def start_episode(self, asked: StartEpisode) -> dict[str, Any]:
        """Let the index of a room begin anew and return what it had come to.

        Raises RequestError `unknown_room` and DatabaseUnavailableError.
        """
        async with self._database.transaction() as connection:
            room = await _room(connection, asked.room_id)
            await mould.begin_episode(connection, asked.room_id, asked.reason, 0.0, asked.action_id)
            await mould.request_evaluation(connection, room.subject_id)
            newest = (await mould.episodes(connection, asked.room_id))[-1]
        _LOGGER.info(
            "Room %s was %s: its mould index begins anew.",
            asked.room_id,
            asked.reason,
            extra={"action": "episode_started", "room_id": str(asked.room_id)},
        )
        return {"began_at": newest.began_at}

    async def episodes(self, asked: Episodes) -> dict[str, Any]:
        """Return the episodes of a room, the newest last, each with what it had come to.

        Raises RequestError `unknown_room` and DatabaseUnavailableError.
        """
        async with self._database.transaction() as connection:
            await _room(connection, asked.room_id)
            found = await mould.episodes(connection, asked.room_id)
        ends = [*found[1:], None]
        return {
            "peak_before_the_first": found[0].peak_before if found else None,
            "episodes": [
                {
                    "began_at": one.began_at,
                    "reason": one.reason,
                    "start_index": one.start_index,
                    "ended_at": None if end is None else end.began_at,
                    "peak": None if end is None else end.peak_before,
                }
                # a room without any has no end either
                for one, end in zip(found, ends, strict=False)
            ],
        }


async def _room(connection: Connection, room_id: UUID) -> RoomToday:
    room = await cold_spots.room_today(connection, room_id)
    if room is None:
        raise RequestError("unknown_room", "There is no such room that is watched.")
    return room
