"""Readings of Home Assistant's own entities, on their way to the backend.

A reading is what an entity says after Home Assistant has started: every change and every
repeated report. The state found at start is not one (it may be restored from yesterday); it
only tells whether the entity is available. What is not answered yet waits in memory, bounded
in time and in number, across lost connections, and is given up only when answered or too old.
A restart of Home Assistant ends what waits: the states themselves end with it too.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    EventStateReportedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_track_state_change_event,
    async_track_state_report_event,
)
from homeassistant.util import dt as dt_util

from .errors import RefusedError
from .readings import metrics_of

if TYPE_CHECKING:
    from .stream import Stream

_LOGGER = logging.getLogger(__name__)

BATCH_MAXIMUM: Final = 500
WAITING_MAXIMUM: Final = 50_000
WAITING_MAXIMUM_AGE: Final = timedelta(hours=24)
RETRY_INITIAL_S: Final = 2.0
RETRY_MAXIMUM_S: Final = 60.0
# The refusal that blames the request itself; any other says "not now".
_MALFORMED: Final = "invalid_message"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One reading not answered yet."""

    ts: datetime
    wire: Mapping[str, Any]


@dataclass(slots=True)
class WaitingReadings:
    """The bounded queue: first in, first out, removed one by one by key."""

    maximum: int = WAITING_MAXIMUM
    dropped: int = 0
    rejected: int = 0
    _readings: dict[int, _Waiting] = field(default_factory=dict)
    _last_key: int = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._readings)

    def add(self, ts: datetime, wire: Mapping[str, Any]) -> None:
        """Append a reading; the oldest goes where there are too many or it is too old."""
        self._last_key += 1
        self._readings[self._last_key] = _Waiting(ts, wire)
        oldest_allowed = dt_util.utcnow() - WAITING_MAXIMUM_AGE
        while self._readings:
            key = next(iter(self._readings))
            if len(self._readings) <= self.maximum and self._readings[key].ts >= oldest_allowed:
                return
            del self._readings[key]
            self.dropped += 1
            if self.dropped == 1:
                _LOGGER.warning(
                    "Readings wait for the backend for too long; the oldest are given up"
                )

    def batch(self, size: int) -> dict[int, Mapping[str, Any]]:
        """Return the oldest `size` readings by key; they keep waiting."""
        keys = list(self._readings)[:size]
        return {key: self._readings[key].wire for key in keys}

    def remove(self, key: int) -> None:
        """Remove an answered reading."""
        self._readings.pop(key, None)


class Forwarder:
    """Follows the entities that rooms and home name, and forwards what they report."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nothing to follow."""
        self._hass = hass
        self._wanted: Mapping[str, frozenset[str]] = {}
        self._entity_ids: dict[str, str] = {}
        self._started = False
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._available: dict[str, bool] = {}
        self._untold: set[str] = set()
        self._news = asyncio.Event()
        self._listeners: list[Callable[[str], None]] = []
        # registry ids whose newest answered reading was rejected, and why
        self._rejections: dict[str, str] = {}
        self.waiting = WaitingReadings()

    @callback
    def follow(self, wanted: Mapping[str, frozenset[str]]) -> None:
        """Follow these entities: registry id -> the metrics taken from it."""
        if wanted == self._wanted:
            return
        changed = {key for key in wanted if wanted[key] != self._wanted.get(key)}
        self._wanted = dict(wanted)
        for gone in self._available.keys() - wanted.keys():
            del self._available[gone]
            self._untold.discard(gone)
            self._rejections.pop(gone, None)
        if self._started:
            self._subscribe()
            self._look(changed)

    @callback
    def start(self) -> None:
        """Home Assistant has started: from now on reports are readings."""
        self._started = True
        self._subscribe()
        self._look(set(self._wanted))

    @callback
    def stop(self) -> None:
        """Follow nothing any more."""
        while self._unsubscribe:
            self._unsubscribe.pop()()

    @callback
    def registry_changed(self, registry_id: str) -> None:
        """Take that a followed entity was renamed or removed."""
        if registry_id in self._wanted and self._started:
            self._subscribe()
            self._look({registry_id})

    @callback
    def followed_id(self, entity_id: str) -> str | None:
        """Return the registry id followed under an entity id, None when it is not followed."""
        return self._entity_ids.get(entity_id)

    @callback
    def async_add_listener(self, listener: Callable[[str], None]) -> CALLBACK_TYPE:
        """Call `listener` with the registry id of each followed entity that says something."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def present_value(self, registry_id: str, metric: str) -> float | None:
        """Return what a followed entity shows right now, in °C or %; None when it is silent."""
        entity = er.async_get(self._hass).entities.get_entry(registry_id)
        if entity is None:
            return None
        state = self._hass.states.get(entity.entity_id)
        return metrics_of(state, frozenset({metric})).get(metric)

    def diagnostics(self) -> dict[str, Any]:
        """Return counts, without identities."""
        return {
            "followed": len(self._wanted),
            "available": sum(self._available.values()),
            "waiting": len(self.waiting),
            "dropped": self.waiting.dropped,
            "rejected": self.waiting.rejected,
        }

    async def run(self, stream: Stream) -> None:
        """Send availability and readings over this connection; cancelled when it goes."""
        self._untold.update(self._available)
        self._news.set()
        delay_s = RETRY_INITIAL_S
        size = BATCH_MAXIMUM
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._tell_availability(stream)
                while batch := self.waiting.batch(size):
                    await self._send(stream, batch)
                    size = BATCH_MAXIMUM
                delay_s = RETRY_INITIAL_S
            except RefusedError as err:
                if err.code == _MALFORMED and (batch := self.waiting.batch(size)):
                    # Halve down to the one reading that the backend does not take.
                    if len(batch) == 1:
                        ((key, reading),) = batch.items()
                        self._give_up(key, reading, err.code, err.message)
                    size = max(1, len(batch) // 2)
                else:
                    _LOGGER.debug("The backend takes no readings now: %s", err)
                    await asyncio.sleep(delay_s)
                    delay_s = min(RETRY_MAXIMUM_S, delay_s * 2)
                self._news.set()

    async def _tell_availability(self, stream: Stream) -> None:
        while self._untold:
            told = {key: self._available[key] for key in self._untold if key in self._available}
            self._untold.clear()
            try:
                await stream.request(
                    "availability",
                    entities=[
                        {
                            **self._identity(registry_id),
                            "available": available,
                            "metrics": sorted(self._wanted[registry_id]),
                        }
                        for registry_id, available in told.items()
                    ],
                )
            except BaseException:
                self._untold.update(told.keys() & self._available.keys())
                raise

    async def _send(self, stream: Stream, batch: Mapping[int, Mapping[str, Any]]) -> None:
        result = await stream.request("readings", readings=list(batch.values()))
        for (key, reading), answer in zip(batch.items(), result["results"], strict=True):
            if answer["status"] == "rejected":
                self._give_up(key, reading, str(answer.get("code")), str(answer.get("message")))
            else:
                self.waiting.remove(key)
                self._rejections.pop(reading["registry_id"], None)

    def _give_up(self, key: int, reading: Mapping[str, Any], code: str, message: str) -> None:
        """Drop a reading that is never taken; said once until one of the entity is."""
        self.waiting.remove(key)
        self.waiting.rejected += 1
        said = self._rejections.get(reading["registry_id"]) == code
        self._rejections[reading["registry_id"]] = code
        _LOGGER.log(
            logging.DEBUG if said else logging.WARNING,
            "The backend does not take readings of %s: %s (%s)",
            reading["entity_id"],
            message,
            code,
        )

    @callback
    def _subscribe(self) -> None:
        """Listen to the present entity ids of what is followed."""
        self.stop()
        registry = er.async_get(self._hass)
        self._entity_ids = {
            entity.entity_id: registry_id
            for registry_id in self._wanted
            if (entity := registry.entities.get_entry(registry_id)) is not None
        }
        if not self._entity_ids:
            return
        self._unsubscribe = [
            async_track_state_change_event(self._hass, self._entity_ids, self._on_changed),
            async_track_state_report_event(self._hass, self._entity_ids, self._on_reported),
        ]

    @callback
    def _look(self, registry_ids: set[str]) -> None:
        """Take the states found as availability, not as readings."""
        registry = er.async_get(self._hass)
        for registry_id in registry_ids:
            entity = registry.entities.get_entry(registry_id)
            state = None if entity is None else self._hass.states.get(entity.entity_id)
            self._set_available(
                registry_id, available=bool(metrics_of(state, self._wanted[registry_id]))
            )
            self._tell_listeners(registry_id)

    def _tell_listeners(self, registry_id: str) -> None:
        for listener in list(self._listeners):
            listener(registry_id)

    @callback
    def _on_changed(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        self._take(
            event.data["entity_id"],
            state,
            event.time_fired if state is None else state.last_reported,
        )

    @callback
    def _on_reported(self, event: Event[EventStateReportedData]) -> None:
        # The state object is shared and moves on; the event's own time does not.
        self._take(event.data["entity_id"], event.data["new_state"], event.data["last_reported"])

    @callback
    def _take(self, entity_id: str, state: State | None, reported: datetime) -> None:
        registry_id = self._entity_ids[entity_id]
        metrics = metrics_of(state, self._wanted[registry_id])
        self._set_available(registry_id, available=bool(metrics))
        self._tell_listeners(registry_id)
        if not metrics:
            return
        self.waiting.add(
            reported,
            {
                **self._identity(registry_id),
                "ts": reported.isoformat(),
                "metrics": metrics,
            },
        )
        self._news.set()

    @callback
    def _set_available(self, registry_id: str, *, available: bool) -> None:
        if self._available.get(registry_id) is not available:
            self._available[registry_id] = available
            self._untold.add(registry_id)
            self._news.set()

    def _identity(self, registry_id: str) -> dict[str, str]:
        entity = er.async_get(self._hass).entities.get_entry(registry_id)
        if entity is None:
            return {"registry_id": registry_id, "entity_id": registry_id, "name": registry_id}
        state = self._hass.states.get(entity.entity_id)
        name = state.name if state else entity.name or entity.original_name or entity.entity_id
        return {"registry_id": registry_id, "entity_id": entity.entity_id, "name": name}
