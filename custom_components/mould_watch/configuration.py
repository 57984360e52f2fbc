"""The configuration document: built from the entry, sent whole, answered room by room."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback

from .const import CONF_TAKE_OVER, DOMAIN
from .document import (
    home_as_wire,
    home_from_wire,
    home_targets,
    room_as_wire,
    room_from_wire,
    room_subentry,
    rooms_of,
)
from .errors import RefusedError
from .issues import IssueKind, clear_issue, clear_issues_except, raise_issue
from .missing_sources import report_missing_sources
from .sources import source_from_wire
from .stored import OrderedStore
from .watched_devices import (
    CONF_SOURCE,
    devices_as_wire,
    devices_from_wire,
    watched_of,
)

if TYPE_CHECKING:
    from .models import Welcome
    from .runtime import MouldWatchConfigEntry
    from .stream import Stream

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1
USE_THIS: Final = "use_this"
RETRY_INITIAL_S: Final = 2.0
RETRY_MAXIMUM_S: Final = 60.0
_CONFLICTS: Final = frozenset({"revision_too_old", "would_archive_rooms"})


class _Stored(TypedDict):
    """What the Store keeps."""

    # None: never sent anything
    revision: int | None
    digest: str | None
    # rooms the user removed in Home Assistant and the backend has not confirmed
    removed: list[str]


def configuration_store(hass: HomeAssistant, entry_id: str) -> OrderedStore[_Stored]:
    """Return the Store of an entry's revision counter."""
    return OrderedStore(hass, STORAGE_VERSION, f"{DOMAIN}.configuration.{entry_id}")


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

    def document(
        self,
        *,
        candidate: Mapping[str, Any] | None = None,
        watch: tuple[str, str, Mapping[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Return the document.

        `candidate` and `watch` (unique id, title, data) take the place of the room or the
        watched device of their id, or are added.
        """
        rooms = {
            room_id: room_as_wire(room_id, subentry.title, subentry.data)
            for room_id, subentry in rooms_of(self._entry).items()
        }
        if candidate is not None:
            rooms[candidate["room_id"]] = dict(candidate)
        watched: dict[str, tuple[str, Mapping[str, Any]]] = {
            key: (subentry.title, subentry.data)
            for key, subentry in watched_of(self._entry).items()
        }
        if watch is not None:
            watched[watch[0]] = watch[1:]
        config = self._hass.config
        home = home_as_wire(self._entry.options)
        return {
            "owner": self._owner,
            "revision": self._stored["revision"] or 0,
            "home": {
                **home,
                "language": config.language,
                "time_zone": config.time_zone,
                "temperature_unit": config.units.temperature_unit,
            },
            "rooms": list(rooms.values()),
            "devices": devices_as_wire(watched.values(), home_targets(home)),
        }

    async def changed(self) -> None:
        """Take that the entry may have changed: count a revision and send it."""
        rooms = frozenset(rooms_of(self._entry))
        removed = (set(self._stored["removed"]) | (self._rooms - rooms)) - rooms
        self._rooms = rooms
        digest = self._digest()
        report_missing_sources(self._hass, self._entry)
        if digest == self._stored["digest"] and removed == set(self._stored["removed"]):
            return
        self._stored["removed"] = sorted(removed)
        if self._stored["revision"] is not None and digest != self._stored["digest"]:
            self._stored["revision"] += 1
            self._stored["digest"] = digest
        await self._store.async_save(self._stored)
        self._to_send.set()

    @callback
    def send_again(self) -> None:
        """Send the document once more: the backend's may be an earlier one by now."""
        self._to_send.set()

    @callback
    def take_owner(self, owner: str | None) -> None:
        """Take who owns the backend now; another owner makes this side read-only."""
        was_reader, self.reader = self.reader, owner is not None and owner != self._owner
        if self.reader is not was_reader:
            # what changes something there cannot be used here
            self._entry.runtime_data.coordinator.async_update_listeners()
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
        document, removed = self.document(), set(self._stored["removed"])
        try:
            result = await stream.request("configure", document=document, choice=choice)
        except RefusedError as err:
            rooms = {str(room["room_id"]) for room in err.data.get("rooms", ())}
            # The user removed exactly these rooms in Home Assistant: that was the choice.
            if err.code != "would_archive_rooms" or not rooms or not rooms <= removed:
                raise
            result = await stream.request("configure", document=document, choice=USE_THIS)
        self._backend_revision = int(result.get("revision", document["revision"]))
        clear_issue(self._hass, IssueKind.CONFIGURATION_CONFLICT, self._entry.entry_id)
        self.take_owner(self._owner)
        self._take_room_results(result.get("rooms", {}))
        self._take_device_results(document["devices"], result.get("devices") or ())
        await self._taken(document["revision"], self._backend_revision, removed)

    async def check(self, candidate: Mapping[str, Any]) -> str | None:
        """Ask the backend about a room before it is saved; return its objection, or None.

        Raises RefusedError when the whole document is refused, CannotConnectError.
        """
        document = self.document(candidate=candidate)
        document["revision"] += 1
        result = await self._require_stream().request("check_configuration", document=document)
        answer = result.get("rooms", {}).get(candidate["room_id"], {"ok": True})
        return _objection(answer)

    async def check_device(self, key: str, title: str, data: Mapping[str, Any]) -> str | None:
        """Ask the backend about a watched device before it is saved, as `check` does a room."""
        document = self.document(watch=(key, title, data))
        document["revision"] += 1
        result = await self._require_stream().request("check_configuration", document=document)
        sources = [device["source"] for device in document["devices"]]
        answers = result.get("devices") or [{"ok": True}] * len(sources)
        return _objection(answers[sources.index(data[CONF_SOURCE])])

    async def restore(self) -> Mapping[str, Any]:
        """Return the backend's document and its archived rooms."""
        return await self._require_stream().request("restore")

    async def use_home_assistant(self) -> None:
        """Solve a conflict: what Home Assistant has is right."""
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
        home = document.get("home") or {}
        self._use_devices(devices_from_wire(document.get("devices") or (), home_targets(home)))
        entries.async_update_entry(self._entry, options=home_from_wire(home))
        # The listener of the entry has counted the removals: they were the backend's wish.
        self._rooms = frozenset(wanted)
        self._stored["removed"] = []
        # One more than the backend's: language and units are still this Home Assistant's.
        await self._set_revision(self._backend_revision + 1)
        await self.send(USE_THIS)

    @callback
    def _use_devices(self, wanted: Iterable[ConfigSubentry]) -> None:
        """Make the entry's watched devices these."""
        entries, present = self._hass.config_entries, watched_of(self._entry)
        by_id = {str(subentry.unique_id): subentry for subentry in wanted}
        for key, subentry in present.items():
            if key not in by_id:
                entries.async_remove_subentry(self._entry, subentry.subentry_id)
        for key, subentry in by_id.items():
            if key in present:
                entries.async_update_subentry(
                    self._entry, present[key], data=dict(subentry.data), title=subentry.title
                )
            else:
                entries.async_add_subentry(self._entry, subentry)

    def _require_stream(self) -> Stream:
        return self._entry.runtime_data.client.stream

    async def _taken(self, sent: int, revision: int, removed: set[str]) -> None:
        """Take that the backend has what was sent as revision `sent`, and calls it `revision`.

        What changed meanwhile has been counted already, and is still to be sent: neither its
        revision nor the rooms it removed are taken back.
        """
        before = self._stored["revision"] or 0
        left = sorted(set(self._stored["removed"]) - removed)
        counted = revision if before == sent else max(before, revision + 1)
        if (counted, left) != (before, self._stored["removed"]):
            self._stored |= {"revision": counted, "removed": left}
            await self._store.async_save(self._stored)

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

    @callback
    def _take_device_results(
        self, devices: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]
    ) -> None:
        refused: set[str] = set()
        for device, answer in zip(devices, results, strict=False):
            if (objection := _objection(answer)) is None:
                continue
            about = source_from_wire(device["source"]).choice
            refused.add(about)
            raise_issue(
                self._hass,
                IssueKind.DEVICE_REFUSED,
                self._entry.entry_id,
                about,
                device=str(device["name"]),
                message=objection,
            )
        clear_issues_except(
            self._hass, IssueKind.DEVICE_REFUSED, self._entry.entry_id, frozenset(refused)
        )


def _objection(answer: Mapping[str, Any]) -> str | None:
    """Return what the backend has against a part of the document, None if it takes it."""
    return None if answer["ok"] else str(answer.get("message") or answer.get("code"))
