"""The configuration document: built from the entry, sent whole, answered room by room."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypedDict

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store

from .const import (
    CONF_NOTIFY,
    CONF_OUTDOOR,
    CONF_PHONES,
    CONF_SOURCES,
    CONF_TAKE_OVER,
    DOMAIN,
    METRIC_HUMIDITY,
    METRIC_TEMPERATURE,
    SUBENTRY_ROOM,
)
from .errors import RefusedError
from .issues import IssueKind, clear_issue, clear_issues_except, raise_issue
from .sources import source_from_wire

if TYPE_CHECKING:
    from .client import Stream
    from .models import Welcome
    from .runtime import MouldWatchConfigEntry

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1
USE_THIS: Final = "use_this"
RETRY_INITIAL_S: Final = 2.0
RETRY_MAXIMUM_S: Final = 60.0
_HOME_KEYS: Final = (CONF_OUTDOOR, CONF_PHONES, "quiet_hours")
_CONFLICTS: Final = frozenset({"revision_too_old", "would_archive_rooms"})


class _Stored(TypedDict):
    """What the Store keeps."""

    # None: never sent anything
    revision: int | None
    digest: str | None
    # rooms the user removed in Home Assistant and the backend has not confirmed
    removed: list[str]


def configuration_store(hass: HomeAssistant, entry_id: str) -> Store[_Stored]:
    """Return the Store of an entry's revision counter."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.configuration.{entry_id}")


def rooms_of(entry: MouldWatchConfigEntry) -> dict[str, ConfigSubentry]:
    """Return the entry's rooms by room id."""
    return {
        subentry.unique_id: subentry
        for subentry in entry.subentries.values()
        if subentry.subentry_type == SUBENTRY_ROOM and subentry.unique_id is not None
    }


def room_as_wire(room_id: str, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a room as the document spells it."""
    return {"room_id": room_id, "name": name, **data}


def room_from_wire(room: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a subentry: without id and name, and without what is default."""
    data = {
        key: value
        for key, value in room.items()
        if key not in ("room_id", "name") and value is not None
    }
    if data.get(CONF_NOTIFY) is True:
        del data[CONF_NOTIFY]
    data[CONF_SOURCES] = {
        metric: source_from_wire(source).as_wire() for metric, source in room[CONF_SOURCES].items()
    }
    return data


def home_from_wire(home: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry's options out of a stored document."""
    return {key: home[key] for key in _HOME_KEYS if home.get(key)}


def wanted_entities(entry: MouldWatchConfigEntry) -> dict[str, frozenset[str]]:
    """Return the entities that rooms and home take metrics from: registry id -> metrics."""
    wanted: dict[str, set[str]] = {}

    def want(source: Mapping[str, Any], *metrics: str) -> None:
        if source["kind"] == "entity":
            wanted.setdefault(source["registry_id"], set()).update(metrics)

    for subentry in rooms_of(entry).values():
        want(subentry.data[CONF_SOURCES]["temperature"], METRIC_TEMPERATURE)
        want(subentry.data[CONF_SOURCES]["humidity"], METRIC_HUMIDITY)
    match entry.options.get(CONF_OUTDOOR):
        case {"kind": "weather", "weather": weather}:
            want(weather, METRIC_TEMPERATURE, METRIC_HUMIDITY)
        case {"kind": "measured", "temperature": temperature, "humidity": humidity}:
            want(temperature, METRIC_TEMPERATURE)
            want(humidity, METRIC_HUMIDITY)
    return {registry_id: frozenset(metrics) for registry_id, metrics in wanted.items()}


class Configuration:
    """Keeps the backend's document the same as the entry."""

    def __init__(self, hass: HomeAssistant, entry: MouldWatchConfigEntry, owner: str) -> None:
        """Belong to an entry; `owner` is this Home Assistant's instance id."""
        self._hass = hass
        self._entry = entry
        self._owner = owner
        self._store = configuration_store(hass, entry.entry_id)
        self._stored: _Stored = {"revision": None, "digest": None, "removed": []}
        self._rooms: frozenset[str] = frozenset(rooms_of(entry))
        self._to_send = asyncio.Event()
        self._stream: Stream | None = None
        self._backend_revision: int | None = None
        self.reader = False

    async def load(self) -> None:
        """Read the revision counter."""
        if (stored := await self._store.async_load()) is not None:
            self._stored = stored

    def document(self, *, candidate: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the document, with `candidate` in place of the room of its id or added."""
        rooms = {
            room_id: room_as_wire(room_id, subentry.title, subentry.data)
            for room_id, subentry in rooms_of(self._entry).items()
        }
        if candidate is not None:
            rooms[candidate["room_id"]] = dict(candidate)
        config = self._hass.config
        return {
            "owner": self._owner,
            "revision": self._stored["revision"] or 0,
            "home": {
                **{
                    key: self._entry.options[key]
                    for key in _HOME_KEYS
                    if key in self._entry.options
                },
                "language": config.language,
                "time_zone": config.time_zone,
                "temperature_unit": config.units.temperature_unit,
            },
            "rooms": list(rooms.values()),
        }

    async def changed(self) -> None:
        """Take that the entry may have changed: count a revision and send it."""
        rooms = frozenset(rooms_of(self._entry))
        removed = (set(self._stored["removed"]) | (self._rooms - rooms)) - rooms
        self._rooms = rooms
        digest = self._digest()
        self.look_for_sources()
        if digest == self._stored["digest"] and removed == set(self._stored["removed"]):
            return
        self._stored["removed"] = sorted(removed)
        if self._stored["revision"] is not None and digest != self._stored["digest"]:
            self._stored["revision"] += 1
            self._stored["digest"] = digest
        await self._store.async_save(self._stored)
        self._to_send.set()

    @callback
    def look_for_sources(self) -> None:
        """Tell of rooms, and of the home, whose entity is not in Home Assistant any more."""
        registry = er.async_get(self._hass)

        def is_gone(source: Mapping[str, Any]) -> bool:
            return (
                source["kind"] == "entity"
                and registry.entities.get_entry(source["registry_id"]) is None
            )

        outdoor = self._entry.options.get(CONF_OUTDOOR) or {}
        if any(is_gone(source) for source in outdoor.values() if isinstance(source, Mapping)):
            raise_issue(self._hass, IssueKind.OUTDOOR_MISSING, self._entry.entry_id)
        else:
            clear_issue(self._hass, IssueKind.OUTDOOR_MISSING, self._entry.entry_id)
        missing: set[str] = set()
        for room_id, subentry in rooms_of(self._entry).items():
            if any(is_gone(source) for source in subentry.data[CONF_SOURCES].values()):
                missing.add(room_id)
                raise_issue(
                    self._hass,
                    IssueKind.SOURCE_MISSING,
                    self._entry.entry_id,
                    room_id,
                    room=subentry.title,
                )
        clear_issues_except(
            self._hass, IssueKind.SOURCE_MISSING, self._entry.entry_id, frozenset(missing)
        )

    @callback
    def take_owner(self, owner: str | None) -> None:
        """Take who owns the backend now; another owner makes this side read-only."""
        self.reader = owner is not None and owner != self._owner
        if not self.reader:
            clear_issue(self._hass, IssueKind.OTHER_OWNER, self._entry.entry_id)
            return
        raise_issue(self._hass, IssueKind.OTHER_OWNER, self._entry.entry_id)

    async def run(self, stream: Stream, welcome: Welcome) -> None:
        """Send the document now and at each change; cancelled when the connection goes."""
        self._backend_revision = welcome.revision
        self._stream = stream
        taking_over = bool(self._entry.data.get(CONF_TAKE_OVER))
        if not taking_over:
            self.take_owner(welcome.owner)
        if self._stored["revision"] is None:
            # A new entry continues the backend's count: it has rooms of its own from a restore.
            await self._set_revision((welcome.revision or 0) + 1)
        delay_s = RETRY_INITIAL_S
        refused: str | None = None
        self._to_send.set()
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            if self.reader:
                continue
            try:
                await self.send(USE_THIS if taking_over else None)
                delay_s, refused = RETRY_INITIAL_S, None
            except RefusedError as err:
                if self._take_conflict(err):
                    continue
                level = logging.DEBUG if err.code == refused else logging.WARNING
                refused = err.code
                _LOGGER.log(level, "The backend does not take the configuration: %s", err)
                await asyncio.sleep(delay_s)
                delay_s = min(RETRY_MAXIMUM_S, delay_s * 2)
                self._to_send.set()
                continue
            if taking_over:
                taking_over = False
                data = {k: v for k, v in self._entry.data.items() if k != CONF_TAKE_OVER}
                self._hass.config_entries.async_update_entry(self._entry, data=data)

    async def send(self, choice: str | None) -> None:
        """Send the document. Raises RefusedError, CannotConnectError."""
        stream = self._require_stream()
        document = self.document()
        try:
            result = await stream.request("configure", document=document, choice=choice)
        except RefusedError as err:
            removed = set(self._stored["removed"])
            rooms = {str(room["room_id"]) for room in err.data.get("rooms", ())}
            # The user removed exactly these rooms in Home Assistant: that was the choice.
            if err.code != "would_archive_rooms" or not rooms or not rooms <= removed:
                raise
            result = await stream.request("configure", document=document, choice=USE_THIS)
        self._backend_revision = int(result.get("revision", document["revision"]))
        clear_issue(self._hass, IssueKind.CONFIGURATION_CONFLICT, self._entry.entry_id)
        self.take_owner(self._owner)
        self._take_room_results(result.get("rooms", {}))
        if self._stored["removed"] or self._stored["revision"] != self._backend_revision:
            self._stored["removed"] = []
            await self._set_revision(self._backend_revision)

    async def check(self, candidate: Mapping[str, Any]) -> str | None:
        """Ask the backend about a room before it is saved; return its objection, or None.

        Raises RefusedError when the whole document is refused, CannotConnectError.
        """
        document = self.document(candidate=candidate)
        document["revision"] += 1
        result = await self._require_stream().request("check_configuration", document=document)
        answer = result.get("rooms", {}).get(candidate["room_id"], {"ok": True})
        return None if answer["ok"] else str(answer.get("message") or answer.get("code"))

    async def restore(self) -> Mapping[str, Any]:
        """Return the backend's document and its archived rooms."""
        return await self._require_stream().request("restore")

    async def use_home_assistant(self) -> None:
        """Solve a conflict: what Home Assistant has is right."""
        self.reader = False
        await self._set_revision(
            max(self._stored["revision"] or 0, (self._backend_revision or 0) + 1)
        )
        await self.send(USE_THIS)

    async def use_backend(self) -> None:
        """Solve a conflict: what the backend has is right; the entry becomes that."""
        document = (await self.restore()).get("document") or {}
        wanted = {str(room["room_id"]): room for room in document.get("rooms", ())}
        entries = self._hass.config_entries
        self._backend_revision = int(document.get("revision") or 0)
        present = rooms_of(self._entry)
        for room_id, subentry in present.items():
            if room_id not in wanted:
                entries.async_remove_subentry(self._entry, subentry.subentry_id)
        for room_id, room in wanted.items():
            data = room_from_wire(room)
            if room_id in present:
                entries.async_update_subentry(
                    self._entry, present[room_id], data=data, title=room["name"]
                )
            else:
                entries.async_add_subentry(self._entry, room_subentry(room))
        entries.async_update_entry(self._entry, options=home_from_wire(document.get("home") or {}))
        # The listener of the entry has counted the removals: they were the backend's wish.
        self._rooms = frozenset(wanted)
        self._stored["removed"] = []
        # One more than the backend's: language and units are still this Home Assistant's.
        await self._set_revision(self._backend_revision + 1)
        await self.send(USE_THIS)

    def _require_stream(self) -> Stream:
        return self._entry.runtime_data.client.stream

    async def _set_revision(self, revision: int) -> None:
        self._stored["revision"] = revision
        self._stored["digest"] = self._digest()
        await self._store.async_save(self._stored)

    def _digest(self) -> str:
        document = self.document()
        del document["revision"]
        text = json.dumps(document, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @callback
    def _take_conflict(self, error: RefusedError) -> bool:
        """Raise the repair for a refusal that only the user can settle."""
        if error.code == "other_owner":
            self.take_owner(str(error.data.get("owner", "")))
            return True
        if error.code not in _CONFLICTS:
            return False
        rooms = ", ".join(str(room["name"]) for room in error.data.get("rooms", ()))
        raise_issue(
            self._hass,
            IssueKind.CONFIGURATION_CONFLICT,
            self._entry.entry_id,
            rooms=rooms or "-",
            here=", ".join(s.title for s in rooms_of(self._entry).values()) or "-",
        )
        return True

    @callback
    def _take_room_results(self, results: Mapping[str, Mapping[str, Any]]) -> None:
        rooms = rooms_of(self._entry)
        refused = {room_id: r for room_id, r in results.items() if not r["ok"] and room_id in rooms}
        for room_id, answer in refused.items():
            raise_issue(
                self._hass,
                IssueKind.ROOM_REFUSED,
                self._entry.entry_id,
                room_id,
                room=rooms[room_id].title,
                message=str(answer.get("message") or answer.get("code")),
            )
        clear_issues_except(
            self._hass, IssueKind.ROOM_REFUSED, self._entry.entry_id, frozenset(refused)
        )


def room_subentry(room: Mapping[str, Any]) -> ConfigSubentry:
    """Return the subentry of a room the backend knows."""
    return ConfigSubentry(
        data=MappingProxyType(room_from_wire(room)),
        subentry_type=SUBENTRY_ROOM,
        title=str(room["name"]),
        unique_id=str(room["room_id"]),
    )
