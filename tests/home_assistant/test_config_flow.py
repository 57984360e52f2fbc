"""Setting up a backend: its address and token, every error, and that each can be put right."""

from collections.abc import Callable

import pytest
from homeassistant.config_entries import ConfigEntryState, FlowType
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.mould_watch.config_flow import normal_url
from tests.home_assistant.backend import TOKEN, Backend
from tests.home_assistant.conftest import Setup, room
from tests.home_assistant.entry_forms import HOME, go_on, start_setup
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_unloaded")


async def test_straight_on_into_the_first_room(
    hass: HomeAssistant, backend: Backend, owner: str
) -> None:
    result = await start_setup(hass, backend, **{CONF_URL: f" 127.0.0.1:{backend.port}/ "})
    assert result["step_id"] == "home"
    result = await go_on(hass, result, **HOME)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.unique_id == backend.backend_id
    assert entry.data == {CONF_URL: backend.url, CONF_TOKEN: TOKEN}
    assert entry.state is ConfigEntryState.LOADED
    flow_type, flow_id = result["next_flow"]
    assert flow_type is FlowType.CONFIG_SUBENTRIES_FLOW
    assert hass.config_entries.subentries.async_get(flow_id)["step_id"] == "new_room"
    await until(lambda: backend.owner == owner)
    assert backend.document is not None
    assert backend.document["home"] == {
        "phones": [],
        "language": "en",
        "time_zone": "US/Pacific",
        "temperature_unit": "°C",
    }


@pytest.mark.parametrize(
    ("break_it", "error"),
    [
        (lambda backend: setattr(backend, "token", "another"), {"base": "invalid_auth"}),
        (
            lambda backend: setattr(backend, "api", {"minimum": 0, "maximum": 0}),
            {"base": "backend_too_old"},
        ),
        (
            lambda backend: setattr(backend, "api", {"minimum": 2, "maximum": 2}),
            {"base": "backend_too_new"},
        ),
        (lambda backend: setattr(backend, "info", {"some": "thing"}), {"base": "not_mould_watch"}),
        (lambda backend: setattr(backend, "info", ["list"]), {"base": "not_mould_watch"}),
        (lambda backend: setattr(backend, "backend_id", None), {"base": "backend_starting"}),
    ],
)
async def test_an_error_is_said_and_can_be_put_right(
    hass: HomeAssistant,
    backend: Backend,
    break_it: Callable[[Backend], None],
    error: dict[str, str],
) -> None:
    healthy = dict(vars(backend))
    break_it(backend)
    result = await start_setup(hass, backend)
    assert result["errors"] == error
    for name in ("token", "api", "info", "backend_id"):
        setattr(backend, name, healthy[name])
    result = await go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["step_id"] == "home"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1", {"base": "cannot_connect"}),
        ("ftp://127.0.0.1", {CONF_URL: "invalid_url"}),
        ("http://", {CONF_URL: "invalid_url"}),
        ("{backend}/elsewhere", {"base": "not_mould_watch"}),
    ],
)
async def test_a_wrong_address_is_said(
    hass: HomeAssistant, backend: Backend, url: str, error: dict[str, str]
) -> None:
    result = await start_setup(hass, backend, **{CONF_URL: url.format(backend=backend.url)})
    assert result["errors"] == error
    result = await go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["step_id"] == "home"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("box:8099", "http://box:8099"),
        ("https://box/", "https://box"),
        ("http://box:8099/path/?a=b#c", "http://box:8099/path"),
    ],
)
def test_an_address_has_one_spelling(text: str, url: str) -> None:
    assert normal_url(text) == url


async def test_a_backend_is_set_up_once(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    await setup(room())
    result = await start_setup(hass, backend)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
