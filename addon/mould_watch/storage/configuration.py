"""Applying what Home Assistant wants watched: the whole document, in one transaction.

The rules are those of docs/protocol.md, "configure": who owns the backend, which revision
counts, and that nothing is archived unasked.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from mould_watch.domain.configuration import AppliesFrom, RoomConfiguration, told_index
from mould_watch.domain.sources import DeviceIdentity
from mould_watch.errors import ConfigurationRefusedError
from mould_watch.storage import mould
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.document import (
    Document,
    PartResult,
    as_stored,
    device_identity,
    label_of,
    read_document,
    room_as_stored,
    watched_devices,
)
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("configuration")
_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Applied:
    """What a document led to."""

    revision: int
    # by room id, as the document named it
    rooms: dict[str, PartResult]
    # in the order of the document
    devices: tuple[PartResult, ...]
    is_changed: bool


@dataclass(frozen=True)
class _Stored:
    """The head as it is stored."""

    owner: str
    revision: int
    home: dict[str, Any]
    devices: list[dict[str, Any]]


@dataclass(frozen=True)
class _Room:
    """A room as it is stored."""

    room_id: UUID
    name: str
    is_archived: bool
    config: dict[str, Any]


class _DryRunError(Exception):
    """Ends the transaction of a dry run, so that nothing of it stays."""

    def __init__(self, applied: Applied) -> None:
        super().__init__()
        self.applied = applied


class ConfigurationStore:
    """The document and its rooms, in the database."""

    def __init__(self, database: Database) -> None:
        """Use `database`."""
        self._database = database

    async def apply(
        self, raw: Mapping[str, Any], *, is_first: bool, use_this: bool, dry_run: bool = False
    ) -> Applied:
        """Apply the document `raw`, or with `dry_run` only say what would become of it.

        `is_first`: no document of this connection was applied yet; `use_this`: the user chose
        this side. Raises ConfigurationRefusedError, having changed nothing, with the code
        `invalid_document`, `other_owner`, `revision_too_old` or `would_archive_rooms`;
        DatabaseUnavailableError when the database is away.
        """
        document = read_document(raw)
        while True:
            try:
                applied = await self._apply(
                    document, is_first=is_first, use_this=use_this, dry_run=dry_run
                )
            except asyncpg.DeadlockDetectedError:
                # Ingestion made the same new devices known in another order, and was let first.
                continue
            break
        if applied.is_changed and not dry_run:
            _LOGGER.info(
                "Took revision %d of the configuration with %d rooms.",
                applied.revision,
                len(document.rooms),
                extra={"action": "configuration_applied", "revision": applied.revision},
            )
        return applied

    async def _apply(
        self, document: Document, *, is_first: bool, use_this: bool, dry_run: bool
    ) -> Applied:
        try:
            async with self._database.transaction() as connection:
                await connection.execute(_QUERIES.lock)
                application = _Application(connection, document)
                applied = await application.run(is_first=is_first, use_this=use_this)
                if dry_run:
                    raise _DryRunError(applied)
        except _DryRunError as end:
            return end.applied
        return applied

    async def owner(self) -> str | None:
        """Return the instance that configures this backend, None before the first did.

        Raises DatabaseUnavailableError.
        """
        async with self._database.connection() as connection:
            stored = await _stored(connection)
        return None if stored is None else stored.owner

    async def restore(self) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        """Return the stored document, None before the first, and the archived rooms' configs."""
        async with self._database.transaction() as connection:
            stored = await _stored(connection)
            rooms = await _rooms(connection)
        archived = [room.config for room in rooms if room.is_archived]
        if stored is None:
            return None, archived
        document = {
            "owner": stored.owner,
            "revision": stored.revision,
            "home": stored.home,
            "rooms": [room.config for room in rooms if not room.is_archived],
            "devices": stored.devices,
        }
        return document, archived


class _Application:
    """One document being applied inside one transaction."""

    def __init__(self, connection: Connection, document: Document) -> None:
        self._connection = connection
        self._document = document
        self._results = dict(document.results)
        self._is_changed = False

    async def run(self, *, is_first: bool, use_this: bool) -> Applied:
        """Apply it; see ConfigurationStore.apply."""
        head = self._document.head
        stored = await _stored(self._connection)
        known = {room.room_id: room for room in await _rooms(self._connection)}
        missing = self._missing(known)
        if not use_this:
            self._refuse_foreign_or_old(stored)
            self._refuse_archiving(missing, is_first=is_first)
        for room in missing:
            await self._archive(room)
        home = as_stored(head.home)
        is_outdoor_new = stored is not None and stored.home.get("outdoor") != home.get("outdoor")
        # the evaluator alarms those who now want it, and withdraws what nobody wants any more
        are_targets_new = stored is not None and (
            (stored.owner, stored.home.get("phones")) != (head.owner, home.get("phones"))
        )
        for room_id, config in self._live_rooms(known).items():
            is_changed = room_id in self._document.rooms and await self._write_room(
                config, known.get(room_id)
            )
            await self._write_devices(
                config,
                is_changed=is_changed or are_targets_new or is_outdoor_new,
            )
        if are_targets_new:
            await self._connection.execute(_QUERIES.request_evaluation_of_live)
        devices = await self._write_device_configs(stored)
        if self._is_changed or stored != _Stored(head.owner, head.revision, home, devices):
            self._is_changed = True
            await self._connection.execute(
                _QUERIES.store_document, head.owner, head.revision, home, devices
            )
        return Applied(
            head.revision, self._results, self._document.devices.results, self._is_changed
        )

    def _missing(self, known: Mapping[UUID, _Room]) -> list[_Room]:
        if self._document.unreadable_ids:
            # the room without a readable id may be any of them
            return []
        return [
            room
            for room in known.values()
            if not room.is_archived and room.room_id not in self._document.named
        ]

    def _refuse_foreign_or_old(self, stored: _Stored | None) -> None:
        head = self._document.head
        if stored is None:
            return
        if stored.owner != head.owner:
            message = "Another Home Assistant configures this backend."
            raise ConfigurationRefusedError("other_owner", message, owner=stored.owner)
        if head.revision < stored.revision:
            message = (
                f"The backend has revision {stored.revision} of the configuration, "
                f"which is newer than revision {head.revision}."
            )
            raise ConfigurationRefusedError("revision_too_old", message, revision=stored.revision)

    def _refuse_archiving(self, missing: list[_Room], *, is_first: bool) -> None:
        if not missing or not (is_first or not self._document.named):
            return
        names = ", ".join(room.name for room in missing)
        message = f"The document would archive {names}; it must say that this is wanted."
        rooms = [{"room_id": str(room.room_id), "name": room.name} for room in missing]
        raise ConfigurationRefusedError("would_archive_rooms", message, rooms=rooms)

    def _live_rooms(self, known: Mapping[UUID, _Room]) -> dict[UUID, RoomConfiguration]:
        """Return the rooms watched from now: the well-formed, and the bad as they were."""
        rooms = dict(self._document.rooms)
        for room in known.values():
            if room.is_archived or room.room_id in rooms:
                continue
            if room.room_id in self._document.named or self._document.unreadable_ids:
                try:
                    rooms[room.room_id] = RoomConfiguration.model_validate(room.config)
                except ValidationError:
                    _LOGGER.warning(
                        "The stored configuration of room %s does not fit this version; "
                        "it stays untouched.",
                        room.name,
                        extra={"action": "room_unreadable", "room_id": str(room.room_id)},
                    )
        return rooms

    async def _archive(self, room: _Room) -> None:
        self._is_changed = True
        await self._connection.execute(_QUERIES.archive_room, room.room_id)
        subject_id = await self._subject(room.room_id)
        await self._connection.execute(_QUERIES.remove_other_subject_devices, subject_id, [])
        # the evaluator finds the room archived and retires its incidents
        await self._connection.execute(_QUERIES.request_evaluation, subject_id)

    async def _write_room(self, room: RoomConfiguration, before: _Room | None) -> bool:
        """Write what is new about `room`; return whether it must be evaluated anew."""
        config = room_as_stored(room)
        if before is None:
            self._is_changed = True
            await self._connection.execute(_QUERIES.insert_room, room.room_id, room.name)
            await self._insert_version(room, config, None)
            return True
        if before.is_archived:
            self._is_changed = True
            await self._connection.execute(_QUERIES.unarchive_room, room.room_id)
        if before.name != room.name:
            self._is_changed = True
            await self._connection.execute(_QUERIES.rename_room, room.room_id, room.name)
        if before.config == config:
            return before.is_archived
        self._is_changed = True
        if before.config | {"name": room.name} == config:
            await self._connection.execute(_QUERIES.rename_config, room.room_id, config)
            return before.is_archived
        await self._insert_version(room, config, before.config.get("visible_mould"))
        return True

    async def _insert_version(
        self, room: RoomConfiguration, config: dict[str, Any], seen_before: str | None
    ) -> None:
        """Write a version; what the user now sees there begins an episode with it."""
        always = room.applies_from is AppliesFrom.ALWAYS
        await self._connection.execute(_QUERIES.insert_config_version, room.room_id, config, always)
        seen = room.visible_mould
        if seen is not None and seen != seen_before and (index := told_index(seen)) is not None:
            await mould.begin_episode(self._connection, room.room_id, "told", index)

    async def _write_devices(self, room: RoomConfiguration, *, is_changed: bool) -> None:
        """Note the devices the room depends on, and ask for an evaluation if need be."""
        head = self._document.head
        subject_id = await self._subject(room.room_id)
        devices = {
            await self._device(identity, label)
            for identity, label in watched_devices(room, head.home, head.owner)
        }
        rows = await self._connection.fetch(_QUERIES.subject_devices, subject_id)
        if devices != {row["device_id"] for row in rows}:
            is_changed = True
            self._is_changed = True
            ids = sorted(devices)
            await self._connection.execute(_QUERIES.remove_other_subject_devices, subject_id, ids)
            await self._connection.execute(_QUERIES.insert_subject_devices, subject_id, ids)
        if is_changed:
            await self._connection.execute(_QUERIES.request_evaluation, subject_id)

    async def _write_device_configs(self, stored: _Stored | None) -> list[dict[str, Any]]:
        """Write what the document says of single devices; return it as it is to be stored.

        A device that is not well formed stays as it was.
        """
        asked, owner = self._document.devices, self._document.head.owner
        before = {
            identity: config
            for config in (stored.devices if stored else ())
            if (identity := device_identity(config, stored.owner if stored else owner))
        }
        wanted = {identity: as_stored(config) for identity, config in asked.configs.items()}
        labels = {identity: label_of(one.source) for identity, one in asked.configs.items()}
        kept = {
            identity: config
            for identity, config in before.items()
            if identity not in wanted and (identity in asked.named or asked.unreadable)
        }
        ids = []
        for identity, config in wanted.items():
            device_id = await self._device(identity, labels[identity])
            ids.append(device_id)
            if await self._connection.fetchval(_QUERIES.store_device_config, device_id, config):
                await self._judge_device(device_id)
        ids += [await self._device(identity, identity.native_id) for identity in kept]
        for row in await self._connection.fetch(_QUERIES.remove_other_device_configs, ids):
            await self._judge_device(row["device_id"])
        return [*wanted.values(), *kept.values()]

    async def _judge_device(self, device_id: int) -> None:
        self._is_changed = True
        await self._connection.execute(_QUERIES.insert_device_subject, device_id)
        await self._connection.execute(_QUERIES.request_evaluation_of_device, device_id)

    async def _subject(self, room_id: UUID) -> int:
        subject_id = await self._connection.fetchval(_QUERIES.subject, room_id)
        if subject_id is None:
            subject_id = await self._connection.fetchval(_QUERIES.insert_subject, room_id)
        return int(subject_id)

    async def _device(self, identity: DeviceIdentity, label: str) -> int:
        """Return the device, made known now if nothing was heard of it yet."""
        key = identity.source_instance, identity.native_id
        device_id = await self._connection.fetchval(_QUERIES.device, *key)
        if device_id is None:
            await self._connection.execute(_QUERIES.insert_device, *key, label)
            device_id = await self._connection.fetchval(_QUERIES.device, *key)
        return int(device_id)


async def _stored(connection: Connection) -> _Stored | None:
    row = await connection.fetchrow(_QUERIES.stored)
    if row is None:
        return None
    return _Stored(row["owner"], row["revision"], row["home"], row["devices"])


async def _rooms(connection: Connection) -> list[_Room]:
    rows = await connection.fetch(_QUERIES.rooms)
    return [_Room(row["room_id"], row["name"], row["archived"], row["config"]) for row in rows]
