"""Setting up, losing and finding the backend, unloading."""

import logging

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components import mould_watch
from custom_components.mould_watch import client, stream
from custom_components.mould_watch.const import DOMAIN
from custom_components.mould_watch.errors import CannotConnectError
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup, room, room_id_of
from tests.home_assistant.messages import device
from tests.support.waiting import until

RISK = "binary_sensor.bathroom_mould_risk"


def _state(hass: HomeAssistant, entity_id: str) -> str | None:
    state = hass.states.get(entity_id)
    return None if state is None else state.state


async def test_an_entry_sets_up_and_unloads(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    assert hass.config_entries.async_loaded_entries(DOMAIN) == [entry]
    assert _state(hass, RISK) == "unknown"
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    await until(lambda: all(socket.closed for socket in backend.sockets))


async def test_a_wrong_token_asks_for_a_new_one(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.token = "another"
    entry = await setup(wait=False)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [
        SOURCE_REAUTH
    ]


@pytest.mark.parametrize(
    ("api", "code", "issue"),
    [
        ({"minimum": 0, "maximum": 0}, "backend_too_old", "backend_too_old"),
        ({"minimum": 2, "maximum": 3}, "client_too_old", "backend_too_new"),
    ],
)
async def test_a_backend_of_another_time_is_a_repair_and_an_update_heals_it(
    *,
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    api: dict[str, int],
    code: str,
    issue: str,
) -> None:
    backend.api, backend.refuse_hello = api, {"code": code}
    entry = await setup(room(), wait=False)
    issue_id = f"{issue}.{entry.entry_id}"
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None)
    assert entry.state is ConfigEntryState.LOADED
    assert _state(hass, RISK) == "unavailable"
    backend.api, backend.refuse_hello = {"minimum": 1, "maximum": 1}, None
    await until(lambda: _state(hass, RISK) == "unknown")
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None


async def test_what_is_no_backend_is_said_and_tried_again(backend: Backend, setup: Setup) -> None:
    backend.info = {"hello": "I am a proxy"}
    entry = await setup(wait=False)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "not a Mould Watch backend" in (entry.reason or "")


async def test_without_a_backend_the_entry_loads_and_heals(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    await backend.stop()
    entry = await setup(room(), wait=False)
    assert entry.state is ConfigEntryState.LOADED
    assert _state(hass, RISK) == "unavailable"
    await backend.start()
    await until(lambda: _state(hass, RISK) == "unknown")
    # the rooms were configured before they were known
    assert backend.document is not None
    assert backend.document["rooms"][0]["room_id"] == room_id_of(entry)


async def test_entities_go_and_come_back_with_the_connection(
    hass: HomeAssistant, backend: Backend, setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await setup(room())
    await backend.tell_condition(room_id_of(entry))
    await until(lambda: _state(hass, RISK) == "on")
    caplog.clear()
    await backend.stop()
    await until(lambda: _state(hass, RISK) == "unavailable")
    failed = entry.runtime_data.client
    # several tries in vain are no news
    await until(lambda: failed._failures > 3)
    await backend.start()
    await until(lambda: _state(hass, RISK) == "on")
    said = [
        (record.levelname, "is lost" in record.message)
        for record in caplog.records
        if record.name.startswith("custom_components.mould_watch")
        and record.levelno > logging.DEBUG
    ]
    assert said == [("INFO", True), ("INFO", False)]


async def test_a_replaced_connection_waits_before_it_comes_back(
    hass: HomeAssistant, backend: Backend, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.REPLACED_BACKOFF_S >= 30
    monkeypatch.setattr(client, "REPLACED_BACKOFF_S", 0.3)
    entry = await setup(room())
    before = hass.loop.time()
    await backend.drop(4001)
    await until(lambda: backend.connections == 2)
    assert hass.loop.time() - before >= 0.3
    await until(lambda: entry.runtime_data.coordinator.last_update_success)


async def test_a_token_that_is_refused_later_asks_for_a_new_one(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    await setup(room())
    backend.token = "another"
    await backend.drop()
    await until(lambda: bool(hass.config_entries.flow.async_progress()))
    assert hass.config_entries.flow.async_progress()[0]["context"]["source"] == SOURCE_REAUTH


async def test_a_token_that_works_again_is_asked_for_no_more(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    await setup(room())
    token, backend.token = backend.token, "another"
    await backend.drop()
    await until(lambda: bool(hass.config_entries.flow.async_progress()))
    backend.token = token
    await until(lambda: not hass.config_entries.flow.async_progress())
    await until(lambda: _state(hass, RISK) == "unknown")


async def test_an_answer_nobody_understands_ends_the_connection_and_a_new_one_heals(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.answers["configure"] = {"rooms": {"one": "no object"}}
    await setup(room(), wait=False)
    await until(lambda: backend.connections > 1)
    backend.answers.clear()
    await until(lambda: backend.document is not None)
    await until(lambda: _state(hass, RISK) == "unknown")


@pytest.mark.parametrize(
    ("code", "issue"),
    [("backend_too_old", "backend_too_old"), ("client_too_old", "backend_too_new")],
)
async def test_a_refused_hello_is_a_repair_until_it_works_again(
    hass: HomeAssistant, backend: Backend, setup: Setup, code: str, issue: str
) -> None:
    entry = await setup(room())
    issue_id = f"{issue}.{entry.entry_id}"
    backend.refuse_hello = {"code": code}
    await backend.drop()
    issues = ir.async_get(hass)
    await until(lambda: issues.async_get_issue(DOMAIN, issue_id) is not None)
    backend.refuse_hello = None
    await until(lambda: issues.async_get_issue(DOMAIN, issue_id) is None)


async def test_while_the_database_is_away_there_is_no_snapshot_and_no_value(
    hass: HomeAssistant, backend: Backend, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mould_watch.FIRST_SNAPSHOT_TIMEOUT_S <= 5
    monkeypatch.setattr(mould_watch, "FIRST_SNAPSHOT_TIMEOUT_S", 0.1)
    backend.welcomes = False
    entry = await setup(room(), wait=False)
    assert _state(hass, RISK) == "unavailable"
    await until(lambda: bool(entry.runtime_data.coordinator.data.health))
    with pytest.raises(CannotConnectError):
        _ = entry.runtime_data.client.stream


# aiohttp rearms the heartbeat of a socket that this side closes; the timer ends by itself.
@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_what_is_no_message_ends_the_connection_and_a_new_one_heals(
    backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.sockets[-1].send_str("[]")
    await until(lambda: backend.connections == 2)
    await until(lambda: len(backend.sockets) == 2)
    await backend.send({"type": "room", "room": {"name": "no id"}})
    await until(lambda: backend.connections == 3)
    await until(lambda: entry.runtime_data.coordinator.last_update_success)


async def test_an_unknown_message_is_ignored(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.send({"type": "something_new"})
    await backend.tell_condition(room_id_of(entry))
    await until(lambda: _state(hass, RISK) == "on")
    assert backend.connections == 1


async def test_devices_and_health_are_kept_up(backend: Backend, setup: Setup) -> None:
    entry = await setup(room())
    coordinator = entry.runtime_data.coordinator
    await backend.send({"type": "device", "device": device("0x09", "Shed")})
    await until(lambda: ("mqtt", "0x09") in coordinator.data.devices)
    await backend.send({"type": "device_removed", "source_instance": "mqtt", "native_id": "0x09"})
    await until(lambda: ("mqtt", "0x09") not in coordinator.data.devices)
    await backend.send({"type": "health", "health": {"database": "away"}})
    await until(lambda: coordinator.data.health == {"database": "away"})


async def test_an_archived_room_is_gone(backend: Backend, setup: Setup) -> None:
    entry = await setup(room())
    message = {"room_id": room_id_of(entry), "name": "Bathroom", "archived": True}
    await backend.send({"type": "room", "room": message})
    await until(lambda: not entry.runtime_data.coordinator.data.rooms)


async def test_a_backend_that_does_not_answer_is_connected_anew(
    backend: Backend, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await setup(room())
    with monkeypatch.context() as impatient:
        impatient.setattr(stream, "REQUEST_TIMEOUT_S", 0.1)
        backend.silent = True
        entry.runtime_data.configuration._to_send.set()
        await until(lambda: backend.connections >= 2)
    backend.silent = False
    await until(lambda: entry.runtime_data.coordinator.last_update_success)


@pytest.mark.parametrize("status", [404, 500])
async def test_a_stream_that_cannot_be_opened_is_tried_again(
    backend: Backend, setup: Setup, status: int
) -> None:
    entry = await setup(room())
    backend.stream_status = status
    await backend.drop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    backend.stream_status = None
    await until(lambda: entry.runtime_data.coordinator.last_update_success)


async def test_another_address_starts_the_entry_anew_and_nothing_else_does(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    hass.config_entries.async_update_entry(entry, options={"phones": []})
    await hass.async_block_till_done()
    assert backend.connections == 1
    address = f"{backend.url}/"
    hass.config_entries.async_update_entry(
        entry, data={CONF_URL: address, CONF_TOKEN: backend.token}
    )
    await hass.async_block_till_done()
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    assert entry.runtime_data.address == (address, backend.token)


async def test_a_removed_entry_leaves_no_repair_behind(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.room_errors["Bathroom"] = "no such sensor"
    entry = await setup(room())
    await until(lambda: bool(ir.async_get(hass).issues))
    await hass.config_entries.async_remove(entry.entry_id)
    assert not [key for key in ir.async_get(hass).issues if key[0] == DOMAIN]
