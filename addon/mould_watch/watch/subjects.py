"""Which of the three kinds a subject is, and whether it is judged at all."""

from dataclasses import dataclass, replace
from datetime import datetime

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import (
    DeviceConfiguration,
    HomeConfiguration,
    RoomConfiguration,
)
from mould_watch.domain.rules.listening import BROKER, Parts, part_of
from mould_watch.domain.sources import devices_of
from mould_watch.storage import backend_state, device_subjects, spool
from mould_watch.storage.database import Connection
from mould_watch.storage.evaluation import StoredSubject
from mould_watch.watch.backend import NAME, judge_backend
from mould_watch.watch.device import device_name, judge_device
from mould_watch.watch.judgement import Judgement
from mould_watch.watch.room import judge_room
from mould_watch.watch.room_rules import RoomUnderWatch
from mould_watch.watch.transitions import Watched


@dataclass(frozen=True, slots=True)
class JudgedSubject:
    """A subject and what judging it came to; `judgement` None: it is not watched any more."""

    watched: Watched
    judgement: Judgement | None


async def judge_subject(
    connection: Connection,
    subject_id: int,
    stored: StoredSubject,
    now: datetime,
    requested_from: datetime | None = None,
) -> JudgedSubject | None:
    """Judge a subject; None: nothing is judged before Home Assistant said how.

    `requested_from`: the time of the oldest reading that is new; None: none is. Raises
    ValidationError when its configuration cannot be read.
    """
    if stored.owner is None:
        return None
    home = HomeConfiguration.model_validate(stored.home)
    parts = Parts(
        await backend_state.states(connection), now, await spool.draining_since(connection)
    )
    watched = Watched(
        subject_id=subject_id,
        name=NAME,
        home=home,
        owner=stored.owner,
        counted_from=parts.counted_from,
    )
    if stored.is_backend:
        return JudgedSubject(watched, await judge_backend(connection, home, parts, now))
    if stored.device_id is not None:
        return await _device(connection, watched, stored.device_id, parts)
    return await _room(connection, watched, stored, parts, requested_from)


async def _device(
    connection: Connection, watched: Watched, device_id: int, parts: Parts
) -> JudgedSubject | None:
    device = await device_subjects.device(connection, device_id)
    if device is None:
        return None
    stored = device.config
    config = None if stored is None else DeviceConfiguration.model_validate(stored)
    subject = replace(
        watched,
        name=device_name(device, config),
        hears_broker=part_of(device.source_instance) == BROKER,
    )
    if device.is_merged:
        await device_subjects.forget_readings(connection, watched.subject_id)
        return JudgedSubject(subject, None)
    # only a threshold is asked at each reading; silence is a matter of time
    if config is not None and any(one.enabled for one in config.thresholds):
        await device_subjects.hear_readings(connection, watched.subject_id, device_id)
    else:
        await device_subjects.forget_readings(connection, watched.subject_id)
    judgement = await judge_device(connection, device, config, watched.home, parts)
    return JudgedSubject(subject, judgement)


async def _room(
    connection: Connection,
    watched: Watched,
    stored: StoredSubject,
    parts: Parts,
    requested_from: datetime | None,
) -> JudgedSubject | None:
    if stored.room_id is None or stored.name is None:
        return None
    subject = replace(watched, name=stored.name, room_id=stored.room_id)
    if stored.is_archived:
        # its configuration need not be readable any more to end what it had begun
        return JudgedSubject(subject, None)
    config = RoomConfiguration.model_validate(stored.config)
    sources = devices_of(config, watched.home.outdoor, watched.owner)
    subject = replace(
        subject,
        hears_broker=any(part_of(one.source_instance) == BROKER for one in sources.all()),
    )
    room = RoomUnderWatch(
        subject_id=watched.subject_id,
        room_id=stored.room_id,
        config=config,
        valid_from=stored.valid_from or parts.now,
        created_at=stored.created_at,
        home=watched.home,
        previous_airing=_previous_airing(stored),
    )
    return JudgedSubject(
        subject, await judge_room(connection, subject, room, parts, requested_from)
    )


def _previous_airing(stored: StoredSubject) -> AiringEffect:
    """Return the last advice: it stays while the difference of moisture is in between."""
    advice = (stored.condition or {}).get("airing") or {}
    word = advice.get("effect")
    return AiringEffect(word) if word in set(AiringEffect) else AiringEffect.UNKNOWN
