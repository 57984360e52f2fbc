"""A backend that has rooms already: given back to their owner, watched only, or taken over."""

import pytest
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.mould_watch.const import CONF_TAKE_OVER
from tests.home_assistant.backend import TOKEN, Backend
from tests.home_assistant.entry_forms import (
    HOME,
    ROOM_ID,
    SOURCE,
    choose_step,
    go_on,
    start_setup,
    stored_document,
)
from tests.home_assistant.forms import suggested_of
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_unloaded")


async def test_a_backend_with_rooms_gives_them_back(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    backend.document = stored_document(owner, "Cellar", "Bathroom")
    backend.owner, backend.revision = owner, 7
    result = await start_setup(hass, backend)
    assert suggested_of(result["data_schema"])["outdoor_kind"] == "fixed"
    result = await go_on(hass, result, **{**HOME, "outdoor_kind": "fixed"})
    result = await go_on(hass, result, **suggested_of(result["data_schema"]))
    entry = result["result"]
    assert "next_flow" not in result
    assert {s.title: s.unique_id for s in entry.subentries.values()} == {
        "Cellar": ROOM_ID[:-1] + "0",
        "Bathroom": ROOM_ID[:-1] + "1",
    }
    cellar = next(s for s in entry.subentries.values() if s.title == "Cellar")
    assert dict(cellar.data) == {
        "sources": {"temperature": SOURCE, "humidity": SOURCE},
        "protect": "cellar",
        "damp_hours": 4.0,
    }
    # it goes on where the backend was, and archives nothing
    await until(lambda: backend.revision == 8)
    assert backend.archived == []


async def test_rooms_that_cannot_be_read_are_said(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    backend.document, backend.owner = stored_document(owner, "Cellar"), owner
    backend.refusals["restore"] = {"code": "database_unavailable", "message": "away"}
    result = await start_setup(hass, backend)
    assert result["errors"] == {"base": "refused"}
    backend.refusals.clear()
    result = await go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["step_id"] == "home"


async def test_another_owner_can_be_watched_only(hass: HomeAssistant, backend: Backend) -> None:
    backend.document, backend.owner = stored_document("somebody", "Cellar"), "somebody"
    result = await start_setup(hass, backend)
    assert result["step_id"] == "other_owner"
    result = await choose_step(hass, result, "read_only")
    entry = result["result"]
    assert "next_flow" not in result
    assert not entry.subentries
    assert entry.runtime_data.configuration.reader
    assert backend.of("configure") == []


async def test_another_owner_can_be_taken_over_with_its_rooms(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    backend.document, backend.owner = stored_document("somebody", "Cellar"), "somebody"
    backend.revision = 7
    backend.refusals["configure"] = {"code": "other_owner", "data": {"owner": "somebody"}}
    result = await choose_step(hass, await start_setup(hass, backend), "take_over")
    result = await go_on(hass, result, **HOME)
    entry = result["result"]
    await until(lambda: backend.owner == owner)
    assert [subentry.title for subentry in entry.subentries.values()] == ["Cellar"]
    assert backend.archived == []
    await until(lambda: CONF_TAKE_OVER not in entry.data)
    assert backend.of("configure")[-1]["choice"] == "use_this"


async def test_taking_over_what_cannot_be_read_ends_clearly(
    hass: HomeAssistant, backend: Backend
) -> None:
    backend.document, backend.owner = stored_document("somebody", "Cellar"), "somebody"
    backend.refusals["restore"] = {"code": "database_unavailable", "message": "away"}
    result = await choose_step(hass, await start_setup(hass, backend), "take_over")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "refused"
