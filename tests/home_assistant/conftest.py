"""Home Assistant in this process, and a backend on the loopback interface."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import instance_id
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
)

from custom_components.mould_watch import client
from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import TOKEN, Backend, running_backend
from tests.home_assistant.messages import Message, device, notification
from tests.support.waiting import until

type Setup = Callable[..., Awaitable[MockConfigEntry]]
type RegisterSensor = Callable[..., er.RegistryEntry]
type RegisterPhone = Callable[..., Awaitable[Phone]]
type RecordCalls = Callable[[str], list[ServiceCall]]


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None, socket_enabled: None) -> None:
    """Let Home Assistant find the integration, and the loopback interface be used."""


@pytest.fixture(autouse=True)
def _quick_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test not wait for the network's patience."""
    monkeypatch.setattr(client, "BACKOFF_INITIAL_S", 0.05)
    monkeypatch.setattr(client, "BACKOFF_MAXIMUM_S", 0.2)


@pytest.fixture
async def backend() -> AsyncGenerator[Backend]:
    async with running_backend() as running:
        yield running


def room(title: str = "Bathroom", room_id: str | None = None, **data: object) -> ConfigSubentryData:
    """Return a room watched by an MQTT device."""
    source = {"kind": "device", "source_instance": "mqtt", "native_id": "0x01"}
    return ConfigSubentryData(
        data={"sources": {"temperature": source, "humidity": source}, "protect": "cold_wall"}
        | data,
        subentry_type="room",
        title=title,
        unique_id=room_id or str(uuid4()),
    )


def entity_room(
    temperature: er.RegistryEntry, humidity: er.RegistryEntry, title: str = "Bathroom"
) -> ConfigSubentryData:
    """Return a room watched by entities of Home Assistant."""
    return room(
        title,
        sources={
            "temperature": {"kind": "entity", "registry_id": temperature.id},
            "humidity": {"kind": "entity", "registry_id": humidity.id},
        },
    )


def room_id_of(entry: MockConfigEntry, title: str = "Bathroom") -> str:
    for subentry in entry.subentries.values():
        if subentry.title == title:
            return str(subentry.unique_id)
    raise KeyError(title)


@pytest.fixture
async def _unloaded(hass: HomeAssistant, backend: Backend) -> AsyncGenerator[None]:
    """Unload the entries before their backend goes."""
    del backend
    yield
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def setup(hass: HomeAssistant, backend: Backend, _unloaded: None) -> Setup:
    """Set an entry up, with these rooms, and wait until the backend has them."""

    async def make(
        *rooms: ConfigSubentryData,
        options: dict[str, Any] | None = None,
        wait: bool = True,
        **data: object,
    ) -> MockConfigEntry:
        entry = MockConfigEntry(
            domain=DOMAIN,
            title="Mould Watch",
            unique_id=backend.backend_id,
            data={CONF_URL: backend.url, CONF_TOKEN: TOKEN, **data},
            options=options or {},
            subentries_data=list(rooms),
        )
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
        if wait:
            await backend.wait_for("configure")
            names = {s["title"] for s in rooms if s["subentry_type"] == "room"}
            await until(
                lambda: (
                    {r.name for r in entry.runtime_data.coordinator.data.rooms.values()} >= names
                )
            )
        await hass.async_block_till_done()
        return entry

    return make


@pytest.fixture
async def owner(hass: HomeAssistant) -> str:
    """Return the id of this Home Assistant."""
    return await instance_id.async_get(hass)


class Phone:
    """A phone registered with mobile_app: what it was pushed, and how it answers."""

    def __init__(self, device_id: str, entry: MockConfigEntry, action: str) -> None:
        self.device_id = device_id
        self.entry = entry
        self.action = action
        self.pushes: list[dict[str, Any]] = []


@pytest.fixture
def mobile_app(hass: HomeAssistant) -> RegisterPhone:
    """Register a phone with the real mobile_app; its push goes to a list."""

    async def register(name: str = "Pixel", *, os_name: str = "Android") -> Phone:
        assert await async_setup_component(hass, "http", {})
        user = await hass.auth.async_create_user(name)
        entry = MockConfigEntry(
            domain="mobile_app",
            title=name,
            data={
                "app_data": {"push_token": "t", "push_url": "http://127.0.0.1:9/push"},
                "app_id": "io.robbie.HomeAssistant",
                "app_name": "Home Assistant",
                "app_version": "1",
                "device_id": f"id-{uuid4()}",
                "device_name": name,
                "manufacturer": "Google",
                "model": "Pixel",
                "os_name": os_name,
                "os_version": "16",
                "supports_encryption": False,
                "user_id": user.id,
                "webhook_id": uuid4().hex,
            },
        )
        entry.add_to_hass(hass)
        if "mobile_app" in hass.config.components:
            assert await hass.config_entries.async_setup(entry.entry_id)
        else:
            assert await async_setup_component(hass, "mobile_app", {})
        await hass.async_block_till_done()
        from homeassistant.components.mobile_app.const import DATA_DEVICES  # noqa: PLC0415

        device = hass.data["mobile_app"][DATA_DEVICES][entry.data["webhook_id"]]
        return Phone(device.id, entry, f"mobile_app_{name.lower()}")

    return register


@pytest.fixture
async def twins(mobile_app: RegisterPhone) -> tuple[Phone, Phone]:
    """Return two phones of one name: only the second has an action."""
    return await mobile_app("Pixel"), await mobile_app("Pixel")


@pytest.fixture
def register_sensor(hass: HomeAssistant) -> RegisterSensor:
    """Register a sensor of another integration and give it a state."""

    def register(
        object_id: str,
        device_class: str,
        state: str | None,
        unit: str,
        **extra: Any,  # noqa: ANN401 - as the registry takes it
    ) -> er.RegistryEntry:
        entity = er.async_get(hass).async_get_or_create(
            "sensor",
            "test",
            object_id,
            object_id_base=object_id,
            original_device_class=device_class,
            original_name=object_id,
            **extra,
        )
        if state is not None:
            set_sensor(hass, entity.entity_id, state, unit, device_class)
        return entity

    return register


def set_sensor(
    hass: HomeAssistant, entity_id: str, state: str, unit: str, device_class: str = "temperature"
) -> None:
    hass.states.async_set(
        entity_id, state, {"unit_of_measurement": unit, "device_class": device_class}
    )


@pytest.fixture
def record_calls(hass: HomeAssistant) -> RecordCalls:
    """Put an own notify action in the place of a phone's."""

    def record(action: str) -> list[ServiceCall]:
        calls: list[ServiceCall] = []
        hass.services.async_register("notify", action, calls.append)
        return calls

    return record


async def delivering_entry(backend: Backend, setup: Setup) -> tuple[MockConfigEntry, str]:
    """Return an entry that may deliver, and the id of its room."""
    entry = await setup(room())
    await backend.wait_for("ready_to_deliver")
    return entry, room_id_of(entry)


@dataclass(frozen=True)
class Told:
    """A phone that is told of a room, and the calls of its action."""

    phone: Phone
    calls: list[ServiceCall]
    entry: MockConfigEntry
    room_id: str

    def notification(self, **changed: object) -> Message:
        """Return a notification of the room for the phone."""
        return notification(self.room_id, self.phone.device_id, **changed)


@pytest.fixture
async def told(
    backend: Backend, setup: Setup, mobile_app: RegisterPhone, record_calls: RecordCalls
) -> Told:
    phone = await mobile_app()
    calls = record_calls(phone.action)
    return Told(phone, calls, *await delivering_entry(backend, setup))


@pytest.fixture
def _fridge(backend: Backend) -> None:
    """Let the backend know a fridge's thermometer."""
    backend.devices.append(device("0xf0", "Kitchen fridge", "temperature_c", "battery_pct"))
