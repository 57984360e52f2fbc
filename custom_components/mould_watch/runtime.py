"""What one entry runs: the parts, and who hears what on the connection."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, EVENT_CORE_CONFIG_UPDATE, Platform
from homeassistant.core import CALLBACK_TYPE, CoreState, Event, HomeAssistant, callback
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.start import async_at_started

from .asking import Message
from .client import BackendClient
from .configuration import Configuration
from .const import DOMAIN, MOBILE_APP
from .coordinator import MouldWatchCoordinator
from .dead_man import DeadMansSwitch
from .document import rooms_of, told_phones, wanted_entities
from .errors import (
    BackendTooNewError,
    BackendTooOldError,
    InvalidAuthError,
    MouldWatchClientError,
)
from .forwarding import Forwarder
from .issues import IssueKind, clear_issue, clear_issues_except, raise_issue
from .missing_sources import report_missing_sources
from .notifications import Notifier
from .phones import names_shared
from .reports import Reports
from .responses import Responses
from .stream import Stream
from .watched_devices import watched_of

if TYPE_CHECKING:
    from .models import Welcome

_LOGGER = logging.getLogger(__name__)

RISK_KEY: Final = "mould_risk"
ENTITIES_OF_A_ROOM: Final = 19

type MouldWatchConfigEntry = ConfigEntry[MouldWatchRuntime]


class MouldWatchRuntime:
    """The parts of one entry; the listener of its connection."""

    def __init__(self, hass: HomeAssistant, entry: MouldWatchConfigEntry, instance_id: str) -> None:
        """Build the parts; nothing runs yet."""
        self._hass = hass
        self._entry = entry
        self.instance_id = instance_id
        self._subentry_listeners: list[CALLBACK_TYPE] = []
        self._unplaced: set[str] = set()
        self.address = (entry.data[CONF_URL], entry.data[CONF_TOKEN])
        self.coordinator = MouldWatchCoordinator(hass, entry)
        self.configuration = Configuration(hass, entry, instance_id)
        self.forwarder = Forwarder(hass)
        self.notifier = Notifier(hass, entry)
        self.reports = Reports(hass, entry.entry_id)
        self.responses = Responses(hass, self.notifier, self.reports)
        self.dead_man = DeadMansSwitch(hass, entry)
        self.client = BackendClient(
            async_get_clientsession(hass), *self.address, instance_id, listener=self
        )

    async def load(self) -> None:
        """Read what is stored."""
        await self.configuration.load()
        await self.notifier.load()
        await self.reports.load()
        await self.dead_man.load()

    @callback
    def start(self) -> None:
        """Run until the entry is unloaded."""
        hass, entry = self._hass, self._entry
        self.forwarder.follow(wanted_entities(entry))
        entry.async_on_unload(self.forwarder.stop)
        entry.async_on_unload(self.responses.listen())
        entry.async_on_unload(self.dead_man.stop)
        entry.async_on_unload(async_at_started(hass, self._on_started))
        entry.async_on_unload(
            hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._on_registry_updated)
        )
        entry.async_on_unload(
            hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._on_core_config_updated)
        )
        entry.async_on_unload(
            async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._on_entry_changed)
        )
        entry.async_create_background_task(hass, self.client.run(), name=f"{DOMAIN} connection")

    async def entry_changed(self) -> None:
        """Apply a change of the entry in place."""
        clear_issues_except(
            self._hass,
            IssueKind.PHONE_UNREACHABLE,
            self._entry.entry_id,
            told_phones(self._entry),
        )
        self._look_for_shared_names()
        self.forwarder.follow(wanted_entities(self._entry))
        self._rename_devices()
        for listener in list(self._subentry_listeners):
            listener()
        await self.configuration.changed()

    @callback
    def async_add_subentry_listener(self, listener: CALLBACK_TYPE) -> Callable[[], None]:
        """Call `listener` when the entry's rooms or watched devices may have changed."""
        self._subentry_listeners.append(listener)
        return lambda: self._subentry_listeners.remove(listener)

    @callback
    def async_expect_room(self, room_id: str) -> None:
        """Remember a room that has no device yet."""
        if self._device(room_id) is None:
            self._unplaced.add(room_id)

    @callback
    def async_place_room(self, room_id: str) -> None:
        """Put a new room that is named like an area into that area.

        After its entities are registered: Home Assistant would name them after the area too,
        `sensor.bathroom_bathroom_dew_point`. Once only: where the user moved it, it stays.
        """
        device = self._device(room_id)
        if room_id not in self._unplaced or device is None:
            return
        entities = er.async_entries_for_device(
            er.async_get(self._hass), device.id, include_disabled_entities=True
        )
        if len(entities) < ENTITIES_OF_A_ROOM:
            return
        self._unplaced.discard(room_id)
        area = ar.async_get(self._hass).async_get_area_by_name(device.name or "")
        if area is not None:
            dr.async_get(self._hass).async_update_device(device.id, area_id=area.id)

    @callback
    def risk_entity_id(self, room_id: str) -> str | None:
        """Return the entity a notification about the room leads to."""
        return er.async_get(self._hass).async_get_entity_id(
            Platform.BINARY_SENSOR, DOMAIN, f"{room_id}_{RISK_KEY}"
        )

    @callback
    def on_snapshot(self, welcome: Welcome, snapshot: Message) -> None:
        """Take the state whole."""
        del welcome
        for kind in (IssueKind.BACKEND_TOO_OLD, IssueKind.BACKEND_TOO_NEW):
            clear_issue(self._hass, kind, self._entry.entry_id)
        # The token works again without the user: nothing is to be asked any more.
        flows = self._hass.config_entries.flow
        for flow in list(self._entry.async_get_active_flows(self._hass, {SOURCE_REAUTH})):
            flows.async_abort(flow["flow_id"])
        self.coordinator.take_snapshot(snapshot)
        self._tell_dead_man(connected=True)

    @callback
    def on_message(self, message: Message) -> None:
        """Take a change or a notification."""
        match message["type"]:
            case "notify":
                self.notifier.take(message)
            case "configuration":
                self.configuration.take_owner(message.get("owner"))
            case "health":
                before = self.coordinator.data.health
                self.coordinator.take_change(message)
                # A health before the first snapshot: the backend waits for its database.
                self._tell_dead_man(connected=self.coordinator.last_update_success)
                if _has_database(self.coordinator.data.health) and not _has_database(before):
                    # it may have been restored while it was away
                    self.configuration.send_again()
                    self.notifier.ask_again()
            case _:
                self.coordinator.take_change(message)

    async def on_connected(self, stream: Stream, welcome: Welcome) -> None:
        """Configure, forward and say that notifications may come, until the connection goes."""
        async with asyncio.TaskGroup() as group:
            group.create_task(
                self.configuration.run(stream, welcome), name=f"{DOMAIN} configuration"
            )
            group.create_task(self.forwarder.run(stream), name=f"{DOMAIN} forwarding")
            group.create_task(self.notifier.run(stream), name=f"{DOMAIN} ready to deliver")
            group.create_task(self.reports.run(stream), name=f"{DOMAIN} presses and receipts")

    @callback
    def on_lost(self, error: MouldWatchClientError) -> None:
        """Make the entities unavailable; ask the user for what only the user has."""
        self.coordinator.set_lost(error)
        self.dead_man.take(connected=False, database=None)
        match error:
            case InvalidAuthError():
                self._entry.async_start_reauth(self._hass)
            case BackendTooOldError():
                raise_issue(self._hass, IssueKind.BACKEND_TOO_OLD, self._entry.entry_id)
            case BackendTooNewError():
                raise_issue(self._hass, IssueKind.BACKEND_TOO_NEW, self._entry.entry_id)

    @callback
    def _on_started(self, hass: HomeAssistant) -> None:
        del hass
        self.forwarder.start()
        self.notifier.start()
        self.dead_man.start()
        self._look_for_shared_names()
        report_missing_sources(self._hass, self._entry)

    @callback
    def _on_registry_updated(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        data = event.data
        if data["action"] == "update" and "entity_id" not in data["changes"]:
            return
        # A removed entity has no registry id any more; one that is added again has its old one.
        entity = er.async_get(self._hass).async_get(data["entity_id"])
        registry_id = self.forwarder.followed_id(data["entity_id"]) if entity is None else entity.id
        if registry_id not in wanted_entities(self._entry):
            return
        self.forwarder.registry_changed(registry_id)
        if data["action"] != "update":
            report_missing_sources(self._hass, self._entry)

    @callback
    def _on_entry_changed(self, change: ConfigEntryChange, entry: ConfigEntry) -> None:
        del change
        if entry.domain == MOBILE_APP:
            self._look_for_shared_names()

    @callback
    def _look_for_shared_names(self) -> None:
        """Ask for another name where two phones have one: they share one action."""
        if self._hass.state is CoreState.stopping:
            return
        shared = names_shared(self._hass, told_phones(self._entry))
        kind, entry_id = IssueKind.PHONES_ALIKE, self._entry.entry_id
        clear_issues_except(self._hass, kind, entry_id, frozenset(shared))
        for device_id, name in shared.items():
            raise_issue(self._hass, kind, entry_id, device_id, phone=name)

    @callback
    def _tell_dead_man(self, *, connected: bool) -> None:
        self.dead_man.take(
            connected=connected, database=self.coordinator.data.health.get("database")
        )

    async def _on_core_config_updated(self, event: Event) -> None:
        del event
        await self.configuration.changed()

    @callback
    def _rename_devices(self) -> None:
        for key, subentry in (rooms_of(self._entry) | watched_of(self._entry)).items():
            device = self._device(key)
            if device is not None and device.name != subentry.title:
                dr.async_get(self._hass).async_update_device(device.id, name=subentry.title)

    def _device(self, key: str) -> dr.DeviceEntry | None:
        """Return the device of a room or of a watched device."""
        registry = dr.async_get(self._hass)
        for device in dr.async_entries_for_config_entry(registry, self._entry.entry_id):
            if (DOMAIN, key) in device.identifiers:
                return device
        return None


def _has_database(health: Message) -> bool:
    return bool(health.get("database") == "ready")
