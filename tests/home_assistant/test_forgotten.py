"""A backend whose database is an earlier one, or another: what it does not know is taken away."""

from typing import Any

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant, ServiceCall

from custom_components.mould_watch.deliveries import (
    SHOWN_MAXIMUM,
    STORAGE_VERSION,
    Deliveries,
    delivery_store,
)
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import RecordCalls, RegisterPhone, Setup, delivering_entry
from tests.home_assistant.messages import notification
from tests.support.waiting import until


def _shown(hass: HomeAssistant) -> set[str]:
    return set(persistent_notification._async_get_or_create_notifications(hass))


async def _again(backend: Backend) -> list[Any]:
    """Let the connection be made anew; return what the backend is asked about then."""
    before = len(backend.of("ready_to_deliver"))
    await backend.stop()
    await backend.start()
    await until(lambda: len(backend.of("ready_to_deliver")) > before)
    asked: list[Any] = backend.of("ready_to_deliver")[-1]["incidents"]
    return asked


async def test_what_the_backend_has_forgotten_is_taken_away_everywhere_and_once(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: RegisterPhone,
    record_calls: RecordCalls,
) -> None:
    phone = await mobile_app()
    calls = record_calls(phone.action)
    _, room_id = await delivering_entry(backend, setup)
    for target in (phone.device_id, "persistent"):
        await backend.notify(notification(room_id, target))
    await backend.notify(notification(room_id, "persistent", incident_id="incident-2"))
    over = {"incident_id": "incident-3"}
    await backend.notify(notification(room_id, "persistent", **over))
    await backend.notify(notification(room_id, "persistent", kind="clear", **over))
    assert _shown(hass) == {"mould_watch_incident-1", "mould_watch_incident-2"}

    backend.answers["ready_to_deliver"] = {"forgotten": ["incident-1"]}
    assert await _again(backend) == ["incident-1", "incident-2"]
    await until(lambda: _shown(hass) == {"mould_watch_incident-2"})
    await until(lambda: len(calls) == 2)
    assert calls[1].data["message"] == "clear_notification"
    assert calls[1].data["data"]["tag"] == "mould_watch_incident-1"
    # what was taken away is asked about no more
    backend.answers["ready_to_deliver"] = {"forgotten": []}
    assert await _again(backend) == ["incident-2"]
    assert len(calls) == 2


async def test_a_phone_that_is_gone_or_away_holds_nothing_up(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: RegisterPhone,
    record_calls: RecordCalls,
) -> None:
    phones = [await mobile_app(name) for name in ("Gone", "Away", "Here")]
    gone, away, here = phones
    calls = {phone.device_id: record_calls(phone.action) for phone in phones}
    _, room_id = await delivering_entry(backend, setup)
    for phone in phones:
        await backend.notify(notification(room_id, phone.device_id))
    await hass.config_entries.async_remove(gone.entry.entry_id)

    async def fail(_call: ServiceCall) -> None:
        raise TimeoutError

    hass.services.async_register("notify", away.action, fail)
    backend.answers["ready_to_deliver"] = {"forgotten": ["incident-1"]}
    await _again(backend)
    await until(lambda: len(calls[here.device_id]) == 2)
    # the one that is away is asked about until it has heard
    hass.services.async_remove("notify", away.action)
    heard = record_calls(away.action)
    assert await _again(backend) == ["incident-1"]
    await until(lambda: len(heard) == 1)
    assert heard[0].data["message"] == "clear_notification"
    assert await _again(backend) == []
    assert len(calls[here.device_id]) == 2


async def test_a_database_that_was_restored_under_a_backend_that_kept_running_is_noticed(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    """The connection stays; only the database goes, and comes back as an earlier one."""
    _, room_id = await delivering_entry(backend, setup)
    await backend.notify(notification(room_id, "persistent"))
    documents = len(backend.of("configure"))
    backend.answers["ready_to_deliver"] = {"forgotten": ["incident-1"]}
    for database in ("away", "starting", "ready", "ready"):
        assert _shown(hass) == {"mould_watch_incident-1"} or database == "ready"
        await backend.send({"type": "health", "health": {**backend.health, "database": database}})
    await until(lambda: _shown(hass) == set())
    await until(lambda: len(backend.of("configure")) > documents)
    assert backend.of("ready_to_deliver")[-1]["incidents"] == ["incident-1"]
    # once each time it comes back
    await backend.notify(notification(room_id, "persistent", incident_id="incident-2"))
    assert len(backend.of("ready_to_deliver")) == 2
    assert len(backend.of("configure")) == documents + 1


async def test_a_backend_that_does_not_say_so_notifies_all_the_same(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    _, room_id = await delivering_entry(backend, setup)
    await backend.notify(notification(room_id, "persistent"))
    backend.refusals["ready_to_deliver"] = {"code": "database_unavailable", "message": "later"}
    assert await _again(backend) == ["incident-1"]
    answer = await backend.notify(notification(room_id, "persistent", incident_id="incident-2"))
    assert answer["outcome"] == "delivered"
    assert len(_shown(hass)) == 2


async def test_of_very_many_incidents_the_newest_are_asked_about(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    hass_storage[delivery_store(hass, "entry").key] = {
        "version": STORAGE_VERSION,
        "data": {
            "ids": {
                f"notification-{number}": {
                    "state": "delivered",
                    "lane": f"incident-{number // 2}/phone-{number % 2}",
                    "closed_at": None,
                }
                for number in range(2 * SHOWN_MAXIMUM + 4)
            }
        },
    }
    deliveries = Deliveries(hass, "entry")
    await deliveries.load()
    assert deliveries.shown_incidents() == [
        f"incident-{number}" for number in range(2, SHOWN_MAXIMUM + 2)
    ]
