"""Devices: who they are, whatever they are called, and what is known about each.

A device is (source_instance, native_id). A topic is a label that leads to the device it belongs
to now; a device first known by its topic becomes, in place, the device it turns out to be, or is
merged into it when that one is known already. Every function takes an open transaction.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from mould_watch.domain.power import PowerSource, together
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("devices")

LAST_SEEN_STEP: Final = timedelta(seconds=10)
"""A device's last_seen_at is written when it moves by more: not a row version per message."""


@dataclass(frozen=True, slots=True)
class DeviceReference:
    """How a message names its device.

    With a topic, the device that the topic belongs to; without one, or when the topic is new,
    the device (source_instance, native_id), made known now if need be.
    """

    source_instance: str
    native_id: str
    name: str
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What a gateway says of one of its devices."""

    native_id: str
    topic: str
    name: str
    manufacturer: str | None = None
    model: str | None = None
    power_source: PowerSource | None = None


@dataclass(frozen=True, slots=True)
class DeviceLabel:
    """What is said of a device that is known by its native id. None: nothing is said."""

    native_id: str
    name: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    power_source: PowerSource | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The sensors of one thing, which can be reached as a whole or not at all.

    Those are the device `native_id` and all whose native id continues it behind a colon.
    """

    source_instance: str
    native_id: str


@dataclass(frozen=True, slots=True)
class Device:
    """A device as the database has it."""

    device_id: int
    source_instance: str
    native_id: str
    name: str
    manufacturer: str | None
    model: str | None
    power_source: PowerSource | None
    metrics: frozenset[str]
    qos: int | None
    available: bool | None
    last_seen_at: datetime | None
    clock_wrong: bool
    merged_into: int | None


@dataclass(slots=True)
class DeviceNews:
    """What a batch says about one device, gathered."""

    metrics: set[str]
    # of the latest message; None leaves it as it is
    qos: int | None = None
    available: bool | None = None
    # ts of the newest reading that says the device lives
    last_seen_at: datetime | None = None
    # of the latest message; None leaves it as it is
    clock_wrong: bool | None = None


async def identify(
    connection: Connection, source_instance: str, devices: Iterable[KnownDevice]
) -> None:
    """Take over what a gateway says about its devices. Idempotent; writes differences only."""
    by_topic = {device.topic: device for device in devices}
    if not by_topic:
        return
    topics = sorted(by_topic)
    natives = sorted({device.native_id for device in by_topic.values()} | set(topics))
    aliased = await _by_topic(connection, [source_instance] * len(topics), topics)
    known = await _by_native_id(connection, [source_instance] * len(natives), natives)
    for topic in topics:
        said = by_topic[topic]
        target = known.get((source_instance, said.native_id))
        placeholder = known.get((source_instance, topic))
        if placeholder is not None and placeholder.native_id != topic:
            # merged or renamed already: the row of this topic only points elsewhere
            placeholder = None
        if target is not None:
            target_id = target.device_id
            await _label(connection, target, said)
            if placeholder is not None:
                await _merge(connection, placeholder.device_id, target_id)
        elif placeholder is not None:
            target_id = placeholder.device_id
            await connection.execute(
                _QUERIES.identify,
                target_id,
                said.native_id,
                said.name,
                said.manufacturer,
                said.model,
                together(placeholder.power_source, said.power_source),
            )
            await connection.execute(
                _QUERIES.leave_pointer, source_instance, topic, said.name, target_id
            )
        else:
            target_id = await _insert(connection, source_instance, said)
        current = aliased.get((source_instance, topic))
        if current is None or current.device_id != target_id:
            await connection.execute(_QUERIES.insert_alias, topic, target_id)


async def describe(
    connection: Connection, source_instance: str, labels: Iterable[DeviceLabel]
) -> None:
    """Take over what is said of known devices; writes differences only."""
    by_native_id: dict[str, DeviceLabel] = {}
    for label in labels:
        before = by_native_id.get(label.native_id, label)
        # one message says what another leaves open
        by_native_id[label.native_id] = DeviceLabel(
            label.native_id,
            label.name or before.name,
            label.manufacturer or before.manufacturer,
            label.model or before.model,
            together(label.power_source, before.power_source),
        )
    natives = sorted(by_native_id)
    known = await _by_native_id(connection, [source_instance] * len(natives), natives)
    for native_id in natives:
        device = known.get((source_instance, native_id))
        if device is not None:
            await _label(connection, device, by_native_id[native_id])


async def tell_of_parts(
    connection: Connection, parts: Parts, *, available: bool, power_source: PowerSource | None
) -> None:
    """Note of the parts that are known by now whether they can be reached, and their power."""
    await connection.execute(
        _QUERIES.tell_of_parts, parts.source_instance, parts.native_id, available, power_source
    )


async def resolve(
    connection: Connection, references: Collection[DeviceReference]
) -> dict[DeviceReference, Device]:
    """Return the device of each reference, making known those that are new."""
    found = await _look_up(connection, references)
    missing = [reference for reference in references if reference not in found]
    if missing:
        for reference in missing:
            device_id = await _insert(
                connection,
                reference.source_instance,
                KnownDevice(reference.native_id, reference.topic or "", reference.name),
            )
            if reference.topic is not None:
                await connection.execute(_QUERIES.insert_alias, reference.topic, device_id)
        found |= await _look_up(connection, missing)
    return found


async def merged_from(connection: Connection, device_ids: Collection[int]) -> dict[int, list[int]]:
    """Return, for each device that others were merged into, the ids of those."""
    rows = await connection.fetch(_QUERIES.merged_from, list(device_ids))
    return {row["merged_into"]: row["ids"] for row in rows}


async def update(
    connection: Connection, devices: Mapping[int, Device], news: Mapping[int, DeviceNews]
) -> None:
    """Write what changed of each device, in one statement; nothing when nothing did."""
    rows = []
    for device_id, new in sorted(news.items()):
        device = devices[device_id]
        metrics = device.metrics | new.metrics
        changed = (
            metrics != device.metrics
            or (new.qos is not None and new.qos != device.qos)
            or (new.available is not None and new.available != device.available)
            or _has_moved(device.last_seen_at, new.last_seen_at)
            or (new.clock_wrong is not None and new.clock_wrong != device.clock_wrong)
        )
        if changed:
            joined = ",".join(sorted(metrics))
            rows.append(
                (device_id, joined, new.qos, new.available, new.last_seen_at, new.clock_wrong)
            )
    if rows:
        await connection.execute(
            _QUERIES.update_properties, *(list(column) for column in zip(*rows, strict=True))
        )


async def rename(connection: Connection, names: Mapping[int, str]) -> None:
    """Give devices new labels."""
    if names:
        await connection.execute(_QUERIES.rename, list(names), list(names.values()))


def _has_moved(old: datetime | None, new: datetime | None) -> bool:
    return new is not None and (old is None or new > old + LAST_SEEN_STEP)


async def _look_up(
    connection: Connection, references: Collection[DeviceReference]
) -> dict[DeviceReference, Device]:
    with_topic = [reference for reference in references if reference.topic is not None]
    without = [reference for reference in references if reference.topic is None]
    found: dict[DeviceReference, Device] = {}
    if with_topic:
        by_topic = await _by_topic(
            connection,
            [reference.source_instance for reference in with_topic],
            [str(reference.topic) for reference in with_topic],
        )
        for reference in with_topic:
            device = by_topic.get((reference.source_instance, str(reference.topic)))
            if device is not None:
                found[reference] = device
    if without:
        by_native_id = await _by_native_id(
            connection,
            [reference.source_instance for reference in without],
            [reference.native_id for reference in without],
        )
        for reference in without:
            device = by_native_id.get((reference.source_instance, reference.native_id))
            if device is not None:
                found[reference] = device
    return found


async def _by_topic(
    connection: Connection, sources: Sequence[str], topics: Sequence[str]
) -> dict[tuple[str, str], Device]:
    rows = await connection.fetch(_QUERIES.by_topic, sources, topics)
    return {(row["asked_source"], row["asked_topic"]): _device(row) for row in rows}


async def _by_native_id(
    connection: Connection, sources: Sequence[str], native_ids: Sequence[str]
) -> dict[tuple[str, str], Device]:
    rows = await connection.fetch(_QUERIES.by_native_id, sources, native_ids)
    return {(row["asked_source"], row["asked_native_id"]): _device(row) for row in rows}


async def _insert(connection: Connection, source_instance: str, said: KnownDevice) -> int:
    device_id: int = await connection.fetchval(
        _QUERIES.insert,
        source_instance,
        said.native_id,
        said.name,
        said.manufacturer,
        said.model,
        said.power_source,
    )
    return device_id


async def _label(connection: Connection, device: Device, said: KnownDevice | DeviceLabel) -> None:
    name = said.name or device.name
    manufacturer = said.manufacturer or device.manufacturer
    model = said.model or device.model
    power_source = together(device.power_source, said.power_source)
    known = device.name, device.manufacturer, device.model, device.power_source
    if (name, manufacturer, model, power_source) != known:
        await connection.execute(
            _QUERIES.label, device.device_id, name, manufacturer, model, power_source
        )


async def _merge(connection: Connection, device_id: int, target_id: int) -> None:
    await connection.execute(_QUERIES.merge, device_id, target_id)
    await connection.execute(_QUERIES.merge_properties, device_id, target_id)
    await connection.execute(_QUERIES.request_evaluation_of_merged, device_id, target_id)
    await connection.execute(_QUERIES.move_subjects, device_id, target_id)
    await connection.execute(_QUERIES.leave_subjects, device_id)


def _device(row: asyncpg.Record) -> Device:
    return Device(
        device_id=row["id"],
        source_instance=row["source_instance"],
        native_id=row["native_id"],
        name=row["name"],
        manufacturer=row["manufacturer"],
        model=row["model"],
        power_source=_power_source(row["power_source"]),
        metrics=frozenset(row["metrics"]),
        qos=row["qos"],
        available=row["available"],
        last_seen_at=row["last_seen_at"],
        clock_wrong=row["clock_wrong"],
        merged_into=row["merged_into"],
    )


def _power_source(word: str | None) -> PowerSource | None:
    return None if word is None else PowerSource(word)
