"""The test notification of the set-up is really sent, and what fails of it is said."""

from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er

from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import RegisterPhone
from tests.home_assistant.entry_forms import HOME, choose_step, go_on, start_setup
from tests.home_assistant.forms import suggested_of

pytestmark = pytest.mark.usefixtures("_unloaded")


async def test_a_test_notification_is_really_sent(
    hass: HomeAssistant,
    backend: Backend,
    mobile_app: RegisterPhone,
    record_calls: Callable[[str], list[Any]],
) -> None:
    phone = await mobile_app("Pixel")
    # without the entity, which is asked first
    for entity in er.async_entries_for_device(er.async_get(hass), phone.device_id):
        er.async_get(hass).async_remove(entity.entity_id)
    calls = record_calls(phone.action)
    result = await start_setup(hass, backend)
    result = await go_on(hass, result, **{**HOME, "phones": [phone.device_id], "send_test": True})
    assert result["step_id"] == "test_sent"
    assert calls[0].data["title"] == "Mould Watch"
    assert "at risk" in calls[0].data["message"]
    result = await choose_step(hass, result, "home")
    assert suggested_of(result["data_schema"])["outdoor_kind"] == "none"
    result = await go_on(hass, result, **{**HOME, "phones": [phone.device_id], "send_test": True})
    result = await choose_step(hass, result, "test_arrived")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(calls) == 2


async def test_going_back_from_the_test_notification_keeps_what_was_chosen(
    hass: HomeAssistant, backend: Backend
) -> None:
    registry = er.async_get(hass)
    for name in ("away", "home"):
        entity = registry.async_get_or_create("weather", "test", name, object_id_base=name)
        hass.states.async_set(entity.entity_id, "sunny")
    chosen = sorted(hass.states.async_entity_ids("weather"))[1]
    result = await start_setup(hass, backend)
    weather = {"outdoor_kind": "weather", "weather": chosen, "phones": [], "send_test": True}
    result = await choose_step(hass, await go_on(hass, result, **weather), "home")
    assert suggested_of(result["data_schema"])["outdoor_kind"] == "weather"
    assert suggested_of(result["data_schema"])["weather"] == chosen


async def test_a_test_notification_that_fails_is_said(
    hass: HomeAssistant, backend: Backend, mobile_app: RegisterPhone
) -> None:
    phone = await mobile_app("Pixel")
    await hass.config_entries.async_unload(phone.entry.entry_id)
    result = await start_setup(hass, backend)
    result = await go_on(
        hass, result, **{**HOME, "phones": [phone.device_id, "gone"], "send_test": True}
    )
    assert result["errors"] == {"base": "test_failed"}
    fault = (result["description_placeholders"] or {})["error"]
    assert "Pixel has no notify action" in fault
    assert "gone" in fault
    result = await go_on(hass, result, **HOME)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_push_that_does_not_get_through_is_said(
    hass: HomeAssistant, backend: Backend, mobile_app: RegisterPhone
) -> None:
    # nothing listens at the phone's push address: the action would hide it
    phone = await mobile_app("Pixel")
    result = await start_setup(hass, backend)
    result = await go_on(hass, result, **{**HOME, "phones": [phone.device_id], "send_test": True})
    assert result["errors"] == {"base": "test_failed"}


async def test_the_test_notification_goes_to_the_services_too(
    hass: HomeAssistant, backend: Backend
) -> None:
    from homeassistant.components import persistent_notification  # noqa: PLC0415

    backend.service_faults["mail"] = "the mail server answered 535"
    result = await start_setup(hass, backend)
    form = {**HOME, "services": ["chat", "mail"], "send_test": True}
    result = await go_on(hass, result, **form)
    assert result["errors"] == {"base": "test_failed"}
    # the chat has got it
    fault = (result["description_placeholders"] or {})["error"]
    assert fault == "mail: the mail server answered 535"
    backend.service_faults.clear()
    result = await go_on(hass, result, **form)
    assert result["step_id"] == "test_sent"
    told = backend.of("service_test")
    assert sorted(one["name"] for one in told) == ["chat", "chat", "mail", "mail"]
    assert (told[0]["title"], "at risk" in told[0]["body"]) == ("Mould Watch", True)
    assert not persistent_notification._async_get_or_create_notifications(hass)


async def test_a_backend_that_goes_before_the_test_is_said(
    hass: HomeAssistant, backend: Backend
) -> None:
    result = await start_setup(hass, backend)
    await backend.stop()
    result = await go_on(hass, result, **{**HOME, "services": ["chat"], "send_test": True})
    assert result["errors"] == {"base": "test_failed"}
    assert (result["description_placeholders"] or {})["error"].startswith("chat: ")


async def test_without_a_phone_the_test_is_shown_inside_home_assistant(
    hass: HomeAssistant, backend: Backend
) -> None:
    from homeassistant.components import persistent_notification  # noqa: PLC0415

    result = await start_setup(hass, backend)
    await go_on(hass, result, **{**HOME, "send_test": True})
    assert "mould_watch_test" in persistent_notification._async_get_or_create_notifications(hass)
