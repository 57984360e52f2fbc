"""The document: whole, counted, answered room by room; and the repairs that choose a side."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM

from custom_components.mould_watch import configuration
from custom_components.mould_watch.const import DOMAIN
from custom_components.mould_watch.issues import IssueKind, issue_id
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import MockConfigEntry, Setup, room, room_id_of
from tests.home_assistant.messages import condition
from tests.support.waiting import until

type ClientSessionGenerator = Callable[..., Awaitable[Any]]


def _issue(
    hass: HomeAssistant, kind: IssueKind, entry: MockConfigEntry, about: str | None = None
) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id(kind, entry.entry_id, about))


def _remove(hass: HomeAssistant, entry: MockConfigEntry, title: str) -> None:
    subentry = next(s for s in entry.subentries.values() if s.title == title)
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)


def _room(room_id: str, name: str) -> dict[str, Any]:
    source = {"kind": "device", "source_instance": "mqtt", "native_id": "0x01"}
    return {
        "room_id": room_id,
        "name": name,
        "sources": {"temperature": source, "humidity": source},
        "protect": "window",
    }


async def test_the_document_says_everything(
    hass: HomeAssistant, backend: Backend, setup: Setup, owner: str
) -> None:
    outdoor = {"kind": "fixed", "temperature_c": -5.0, "humidity_pct": 80.0}
    hass.config.units = US_CUSTOMARY_SYSTEM
    entry = await setup(room(damp_hours=4), options={"outdoor": outdoor, "phones": ["a"]})
    source = {"kind": "device", "source_instance": "mqtt", "native_id": "0x01"}
    assert backend.document == {
        "owner": owner,
        "revision": 1,
        "home": {
            "outdoor": outdoor,
            "phones": ["a"],
            "language": "en",
            "time_zone": "US/Pacific",
            "temperature_unit": "°F",
        },
        "rooms": [
            {
                "room_id": room_id_of(entry),
                "name": "Bathroom",
                "sources": {"temperature": source, "humidity": source},
                "protect": "cold_wall",
                "damp_hours": 4,
            }
        ],
        "devices": [],
    }


async def test_the_same_document_keeps_its_revision_over_reconnect_and_restart(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.drop()
    await until(lambda: len(backend.of("configure")) == 2)
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: len(backend.of("configure")) == 3)
    assert {message["document"]["revision"] for message in backend.of("configure")} == {1}


async def test_every_change_counts_once(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, title="Bath")
    await until(lambda: backend.revision == 2)
    await hass.config.async_update(language="de")
    await until(lambda: backend.revision == 3)
    assert backend.document is not None
    assert backend.document["home"]["language"] == "de"


async def test_what_changes_before_the_answer_counts_as_well(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room(), room(title="Cellar"))
    room_ids = {str(one.unique_id) for one in entry.subentries.values() if one.title == "Cellar"}
    (bathroom,) = (one for one in entry.subentries.values() if one.title == "Bathroom")
    when = backend.answered_when["configure"] = asyncio.Event()
    hass.config_entries.async_update_subentry(entry, bathroom, title="Bath")
    await until(lambda: backend.revision == 2)
    _remove(hass, entry, "Cellar")
    await hass.async_block_till_done()
    # removed here, by hand: the choice is made already
    backend.refusals["configure"] = {
        "code": "would_archive_rooms",
        "message": "rooms would be archived",
        "data": {"rooms": [{"room_id": one, "name": "Cellar"} for one in room_ids]},
    }
    when.set()
    await until(lambda: bool(backend.archived))
    assert backend.revision == 3
    assert {one["room_id"] for one in backend.archived} == room_ids
    assert _issue(hass, IssueKind.CONFIGURATION_CONFLICT, entry) is None
    hass.config_entries.async_update_subentry(entry, bathroom, title="Bathing")
    await until(lambda: backend.revision == 4)


async def test_a_change_while_the_backend_is_away_is_sent_when_it_is_back(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.stop()
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, title="Bath")
    await hass.async_block_till_done()
    await backend.start()
    await until(lambda: backend.revision == 2)
    assert backend.document is not None
    assert backend.document["rooms"][0]["name"] == "Bath"


async def test_a_change_while_the_entry_is_not_loaded_is_sent_when_it_is(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await hass.config_entries.async_unload(entry.entry_id)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, title="Bath")
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: backend.revision == 2)


async def test_a_new_entry_goes_on_where_the_backend_is(
    backend: Backend, setup: Setup, owner: str
) -> None:
    backend.owner, backend.revision = owner, 41
    await setup(room())
    assert backend.revision == 42


async def test_one_refused_room_is_one_repair(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.room_errors["Bathroom"] = "the sensor is unknown"
    entry = await setup(room(), room("Bedroom"))
    room_id = room_id_of(entry)
    await until(lambda: _issue(hass, IssueKind.ROOM_REFUSED, entry, room_id) is not None)
    issue = _issue(hass, IssueKind.ROOM_REFUSED, entry, room_id)
    assert issue is not None
    assert issue.translation_placeholders == {
        "room": "Bathroom",
        "message": "the sensor is unknown",
    }
    assert len(ir.async_get(hass).issues) == 1
    backend.room_errors.clear()
    await backend.drop()
    await until(lambda: _issue(hass, IssueKind.ROOM_REFUSED, entry, room_id) is None)


async def test_a_refusal_for_now_is_tried_again(
    backend: Backend, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "RETRY_INITIAL_S", 0.05)
    backend.refusals["configure"] = {"code": "database_unavailable", "message": "away"}
    await setup(room(), wait=False)
    await until(lambda: len(backend.of("configure")) >= 3)
    backend.refusals.clear()
    await until(lambda: backend.document is not None)


async def test_removing_rooms_in_home_assistant_is_the_users_choice(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    room_id = room_id_of(entry)
    # an empty document is refused; the room was removed here, by hand
    backend.refusals["configure"] = {
        "code": "would_archive_rooms",
        "message": "rooms would be archived",
        "data": {"rooms": [{"room_id": room_id, "name": "Bathroom"}]},
    }
    _remove(hass, entry, "Bathroom")
    await until(lambda: bool(backend.archived))
    assert backend.of("configure")[-1]["choice"] == "use_this"
    assert _issue(hass, IssueKind.CONFIGURATION_CONFLICT, entry) is None


@pytest.mark.parametrize(
    "error",
    [
        {
            "code": "would_archive_rooms",
            "message": "no",
            "data": {"rooms": [{"room_id": "x", "name": "Cellar"}]},
        },
        {"code": "revision_too_old", "message": "no", "data": {"revision": 9}},
    ],
)
async def test_a_conflict_changes_nothing_until_the_user_chooses(
    hass: HomeAssistant, backend: Backend, setup: Setup, error: dict[str, Any]
) -> None:
    backend.refusals["configure"] = error
    entry = await setup(room(), wait=False)
    await until(lambda: _issue(hass, IssueKind.CONFIGURATION_CONFLICT, entry) is not None)
    assert backend.document is None
    assert len(backend.of("configure")) == 1


async def _fix(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    kind: IssueKind,
    entry: MockConfigEntry,
    side: str,
) -> dict[str, Any]:
    """Go through the repair as the user does; return what it ends with."""
    client = await hass_client()
    response = await client.post(
        "/api/repairs/issues/fix",
        json={"handler": DOMAIN, "issue_id": issue_id(kind, entry.entry_id)},
    )
    flow = await response.json()
    assert flow["type"] == "menu"
    url = f"/api/repairs/issues/fix/{flow['flow_id']}"
    flow = await (await client.post(url, json={"next_step_id": side})).json()
    assert flow["type"] == "form"
    result: dict[str, Any] = await (await client.post(url, json={})).json()
    await hass.async_block_till_done()
    return result


@pytest.fixture
async def _repairs(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "repairs", {})


@pytest.mark.usefixtures("_repairs")
@pytest.mark.parametrize("kind", [IssueKind.CONFIGURATION_CONFLICT, IssueKind.OTHER_OWNER])
async def test_home_assistant_is_right(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    owner: str,
    hass_client: ClientSessionGenerator,
    kind: IssueKind,
) -> None:
    other = kind is IssueKind.OTHER_OWNER
    backend.owner = "somebody" if other else owner
    backend.revision = 9
    backend.document = {"owner": backend.owner, "revision": 9, "home": {}, "rooms": []}
    backend.document["rooms"] = [_room("11111111-0000-4000-8000-000000000000", "Cellar")]
    backend.refusals["configure"] = {
        "code": "other_owner" if other else "revision_too_old",
        "message": "no",
        "data": {"owner": "somebody", "revision": 9},
    }
    entry = await setup(room(), wait=False)
    await until(lambda: _issue(hass, kind, entry) is not None)
    result = await _fix(hass, hass_client, kind, entry, "home_assistant")
    assert result["type"] == "create_entry"
    assert backend.owner == owner
    assert [r["name"] for r in backend.document["rooms"]] == ["Bathroom"]
    assert [r["name"] for r in backend.archived] == ["Cellar"]
    assert backend.revision == 10
    assert _issue(hass, kind, entry) is None


@pytest.mark.usefixtures("_repairs")
async def test_the_backend_is_right(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    owner: str,
    hass_client: ClientSessionGenerator,
) -> None:
    both = room("Bathroom")
    cellar = "11111111-0000-4000-8000-000000000000"
    assert both["unique_id"] is not None
    backend.owner, backend.revision = owner, 9
    backend.document = {
        "owner": owner,
        "revision": 9,
        "home": {"phones": ["phone"], "language": "de", "outdoor": None},
        "rooms": [_room(both["unique_id"], "Bath"), _room(cellar, "Cellar")],
    }
    backend.conditions[cellar] = condition(cellar)
    backend.refusals["configure"] = {"code": "revision_too_old", "message": "no"}
    entry = await setup(both, room("Bedroom"), wait=False)
    kind = IssueKind.CONFIGURATION_CONFLICT
    await until(lambda: _issue(hass, kind, entry) is not None)
    result = await _fix(hass, hass_client, kind, entry, "backend")
    assert result["type"] == "create_entry"
    assert {s.title: s.unique_id for s in entry.subentries.values()} == {
        "Bath": both["unique_id"],
        "Cellar": cellar,
    }
    assert all(s.data["protect"] == "window" for s in entry.subentries.values())
    assert entry.options == {"phones": ["phone"]}
    assert backend.archived == []
    assert backend.revision == 10
    assert _issue(hass, kind, entry) is None
    await until(lambda: hass.states.get("binary_sensor.cellar_mould_risk") is not None)
    backend.refusals.clear()
    await backend.drop()
    await until(lambda: backend.connections == 2)
    await until(lambda: backend.of("configure")[-1]["choice"] is None)
    assert backend.revision == 10


@pytest.mark.usefixtures("_repairs")
async def test_a_choice_the_backend_does_not_take_is_said(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    hass_client: ClientSessionGenerator,
) -> None:
    backend.refusals["configure"] = {"code": "revision_too_old", "message": "no"}
    backend.refusals["restore"] = {"code": "database_unavailable", "message": "away"}
    entry = await setup(room(), wait=False)
    kind = IssueKind.CONFIGURATION_CONFLICT
    await until(lambda: _issue(hass, kind, entry) is not None)
    result = await _fix(hass, hass_client, kind, entry, "backend")
    assert result["type"] == "abort"
    assert result["reason"] == "not_solved"
    await hass.config_entries.async_unload(entry.entry_id)
    result = await _fix(hass, hass_client, kind, entry, "backend")
    assert result["reason"] == "entry_not_loaded"


async def test_another_owner_makes_this_side_read_only(
    hass: HomeAssistant, backend: Backend, setup: Setup, owner: str
) -> None:
    entry = await setup(room())
    await backend.send({"type": "configuration", "owner": "somebody", "revision": 5})
    await until(lambda: _issue(hass, IssueKind.OTHER_OWNER, entry) is not None)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, title="Bath")
    await hass.async_block_till_done()
    assert len(backend.of("configure")) == 1
    backend.refusals["configure"] = {
        "code": "other_owner",
        "message": "no",
        "data": {"owner": "somebody"},
    }
    await backend.send({"type": "configuration", "owner": owner, "revision": 6})
    await until(lambda: _issue(hass, IssueKind.OTHER_OWNER, entry) is None)
    # what the backend says to a document counts too
    hass.config_entries.async_update_subentry(entry, subentry, title="Bathroom")
    await until(lambda: _issue(hass, IssueKind.OTHER_OWNER, entry) is not None)
