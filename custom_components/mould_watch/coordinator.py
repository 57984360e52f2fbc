"""What the backend told last, for the entities: pushed, never polled."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .const import DOMAIN
from .models import Backend, Device, MouldWatchData, Room

if TYPE_CHECKING:
    from .asking import Message
    from .errors import MouldWatchClientError
    from .runtime import MouldWatchConfigEntry

_LOGGER = logging.getLogger(__name__)


class MouldWatchCoordinator(DataUpdateCoordinator[MouldWatchData]):
    """One snapshot on each connection, then a new data object at each change."""

    config_entry: MouldWatchConfigEntry

    def __init__(self, hass: HomeAssistant, entry: MouldWatchConfigEntry) -> None:
        """Begin knowing nothing: entities are unavailable until the first snapshot."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=DOMAIN, update_interval=None)
        self.data = MouldWatchData()

    @callback
    def take_snapshot(self, snapshot: Message) -> None:
        """Replace everything known."""
        if not self.last_update_success:
            self.logger.info("The connection to the Mould Watch backend is back")
        self.async_set_updated_data(MouldWatchData.from_snapshot(snapshot))

    @callback
    def take_change(self, message: Message) -> None:
        """Apply one change; a message of an unknown type changes nothing."""
        match message["type"]:
            case "room":
                room = Room.from_wire(message["room"])
                rooms = {**self.data.rooms, room.room_id: room}
                if room.archived:
                    del rooms[room.room_id]
                self.async_set_updated_data(replace(self.data, rooms=rooms))
            case "room_removed":
                rooms = {**self.data.rooms}
                rooms.pop(message["room_id"], None)
                self.async_set_updated_data(replace(self.data, rooms=rooms))
            case "device":
                device = Device.from_wire(message["device"])
                devices = {**self.data.devices, device.key: device}
                self.async_set_updated_data(replace(self.data, devices=devices))
            case "device_removed":
                devices = {**self.data.devices}
                devices.pop((message["source_instance"], message["native_id"]), None)
                self.async_set_updated_data(replace(self.data, devices=devices))
            case "backend":
                backend = Backend.from_wire(message["backend"])
                self.async_set_updated_data(replace(self.data, backend=backend))
            case "health":
                self.data = replace(self.data, health=dict(message["health"]))

    @callback
    def set_lost(self, error: MouldWatchClientError) -> None:
        """Make the entities unavailable; said once until the connection is back.

        At level info, unlike `async_set_update_error`: a backend that is restarted is no fault
        of Home Assistant.
        """
        self.last_exception = UpdateFailed(
            translation_domain=DOMAIN,
            translation_key="connection_lost",
            translation_placeholders={"error": str(error)},
        )
        if not self.last_update_success:
            return
        self.logger.info("The connection to the Mould Watch backend is lost: %s", error)
        self.last_update_success = False
        self.async_update_listeners()
