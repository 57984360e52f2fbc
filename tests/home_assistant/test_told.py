"""Who is told of a room: as of the home, or those only that its form names."""

from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.mould_watch.document import told_phones
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup, room
from tests.home_assistant.room_forms import FORM, change_room

HOME = {"phones": ["phone-1", "phone-2"], "services": ["mail"]}


async def _tell(hass: HomeAssistant, result: Any, **told: object) -> Any:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.subentries.async_configure(
        result["flow_id"], {**FORM, "told": {"notify": True, **told}}
    )


def _shown(result: Any) -> dict[str, Any]:  # noqa: ANN401 - a flow result has many shapes
    fields: dict[Any, Any] = result["data_schema"].schema["told"].schema.schema
    return {str(key): key.description["suggested_value"] for key in fields if key.description}


def _targets(backend: Backend) -> object:
    assert backend.document is not None
    return backend.document["rooms"][0].get("targets")


AS_HOME = {"notify": True, "who": "as_home", **HOME}


async def test_a_new_room_is_told_of_as_the_home(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(options=HOME)
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "room"), context={"source": SOURCE_USER}
    )
    # whoever wants to leave one out begins with those of the home
    assert _shown(result) == AS_HOME
    assert result["data_schema"] is not None
    selector = result["data_schema"].schema["told"].schema.schema["services"]
    assert selector.config["options"] == ["chat", "mail"]
    result = await _tell(hass, result, who="as_home", **HOME)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await backend.wait_for("configure", lambda m: bool(m["document"]["rooms"]))
    assert _targets(backend) is None


@pytest.mark.parametrize(
    ("chosen", "targets"),
    [
        ({"phones": ["phone-1"], "services": ["chat"]}, ["phone-1", "apprise:chat"]),
        ({"phones": HOME["phones"]}, ["phone-1", "phone-2"]),
        ({"phones": HOME["phones"], "services": []}, ["phone-1", "phone-2"]),
        ({"services": [" apprise:mail ", "mail"]}, ["apprise:mail"]),
        # told to nobody, it is shown inside Home Assistant
        ({}, ["persistent"]),
        # the same as the home has today, whatever that has tomorrow
        (HOME, ["phone-1", "phone-2", "apprise:mail"]),
    ],
)
async def test_only_those_who_are_chosen_are_told(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    chosen: dict[str, list[str]],
    targets: list[str],
) -> None:
    """None of the services is another answer than those of the home."""
    entry = await setup(room(), options=HOME)
    result = await _tell(hass, await change_room(hass, entry), who="only_these", **chosen)
    assert result["reason"] == "reconfigure_successful"
    await backend.wait_for(
        "configure", lambda m: m["document"]["rooms"][0].get("targets") == targets
    )
    # shown again as it was said, also where the backend gives it back
    await entry.runtime_data.configuration.use_backend()
    result = await change_room(hass, entry)
    services = [one.removeprefix("apprise:") for one in targets if one.startswith("apprise:")]
    assert _shown(result) == {
        "notify": True,
        "who": "only_these",
        "phones": [one for one in targets if one.startswith("phone")],
        "services": services,
    }
    # and back
    shown = _shown(result) | {"who": "as_home"}
    result = await _tell(hass, result, **shown)
    assert result["reason"] == "reconfigure_successful"
    (subentry,) = entry.subentries.values()
    assert "targets" not in subentry.data
    assert _shown(await change_room(hass, entry)) == AS_HOME


async def test_a_room_of_an_earlier_version_has_its_phones_and_no_service(
    hass: HomeAssistant, setup: Setup
) -> None:
    entry = await setup(room(targets=["phone-2"]), options=HOME)
    told = {"phones": ["phone-2"], "services": []}
    assert _shown(await change_room(hass, entry)) == {"notify": True, "who": "only_these", **told}


@pytest.mark.parametrize(
    "changed",
    [{"phones": ["phone-1"], "services": ["mail"]}, {"services": ["mail"]}, {"phones": ["x"]}],
)
async def test_a_choice_that_may_be_meant_in_two_ways_is_asked_again(
    hass: HomeAssistant, setup: Setup, changed: dict[str, list[str]]
) -> None:
    entry = await setup(room(), options=HOME)
    result = await _tell(hass, await change_room(hass, entry), who="as_home", **changed)
    assert result["errors"] == {"base": "told_as_home"}
    # it is about what is folded away to begin with
    assert result["data_schema"].schema["told"].options == {"collapsed": False}
    # in another order, or emptied, they say nothing
    turned = {"phones": ["phone-2", "phone-1"], "services": ["mail"]}
    for harmless in (turned, {}):
        result = await change_room(hass, entry)
        result = await _tell(hass, result, who="as_home", **harmless)
        assert result["reason"] == "reconfigure_successful"


async def test_a_service_that_the_backend_does_not_know_is_refused(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room(), options=HOME)
    result = await change_room(hass, entry)
    result = await _tell(hass, result, who="only_these", services=["E-Mail"])
    assert result["errors"] == {"base": "service_name"}
    result = await _tell(hass, result, who="only_these", services=["mial"])
    assert result["errors"] == {"base": "service_unknown"}
    assert result["description_placeholders"]["services"] == "chat, mail"
    backend.services = []
    result = await _tell(hass, result, who="only_these", services=["mail"])
    assert result["description_placeholders"]["services"] == "-"
    # an earlier backend does not say what it knows
    backend.services = None
    result = await _tell(hass, result, who="only_these", services=["mial"])
    assert result["reason"] == "reconfigure_successful"


async def test_a_phone_that_one_rule_alone_names_is_told(setup: Setup) -> None:
    """Its faults are looked for as those of any other."""
    limit = {"rule_id": "r-1", "metric": "humidity_pct", "direction": "above", "threshold": 65.0}
    entry = await setup(
        room(
            targets=["phone-2"],
            rules={"condensation": {"targets": ["phone-3", "apprise:mail"]}},
            metric_thresholds=[limit, {**limit, "rule_id": "r-2", "targets": ["phone-4"]}],
        ),
        options={"phones": ["phone-1"], "rules": {"broker_away": {"targets": ["phone-5"]}}},
    )
    assert told_phones(entry) == {f"phone-{number}" for number in range(1, 6)}
