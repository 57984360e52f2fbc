"""A phone that is gone, without its action or failing: what is told, tried again and repaired."""

import pytest
from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components.mould_watch import phones
from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import (
    Phone,
    RecordCalls,
    RegisterPhone,
    Setup,
    delivering_entry,
    room,
    room_id_of,
)
from tests.home_assistant.messages import notification
from tests.home_assistant.phone_calls import fail_call, hang_call, shown_inside
from tests.support.waiting import until


async def test_without_a_phone_it_is_shown_inside_home_assistant(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    _, room_id = await delivering_entry(backend, setup)
    alarm = notification(room_id, "persistent")
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    shown = shown_inside(hass)["mould_watch_incident-1"]
    assert (shown["title"], shown["message"]) == (alarm["title"], alarm["body"])
    await backend.notify(notification(room_id, "persistent", kind="recovery", body="dry"))
    assert shown_inside(hass)["mould_watch_incident-1"]["message"] == "dry"
    await backend.notify(notification(room_id, "persistent", kind="clear"))
    assert "mould_watch_incident-1" not in shown_inside(hass)


async def test_a_phone_that_is_gone_is_failed(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: RegisterPhone
) -> None:
    phone = await mobile_app()
    _, room_id = await delivering_entry(backend, setup)
    await hass.config_entries.async_remove(phone.entry.entry_id)
    answer = await backend.notify(notification(room_id, phone.device_id))
    assert answer["outcome"] == "failed"
    assert answer["code"] == "phone_gone"


async def test_a_device_that_is_no_phone_is_failed(backend: Backend, setup: Setup) -> None:
    entry, room_id = await delivering_entry(backend, setup)
    device = entry.runtime_data._device(room_id)
    answer = await backend.notify(notification(room_id, device.id))
    assert answer["outcome"] == "failed"


async def test_a_missing_action_is_never_failed(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: RegisterPhone,
    record_calls: RecordCalls,
) -> None:
    phone = await mobile_app()
    entry, room_id = await delivering_entry(backend, setup)
    await hass.config_entries.async_unload(phone.entry.entry_id)
    alarm = notification(room_id, phone.device_id)
    answer = await backend.notify(alarm)
    assert answer["outcome"] == "retry"
    assert answer["code"] == "phone_action_missing"
    assert answer["retry_after_s"] > 0
    assert "mould_watch_incident-1" in shown_inside(hass)
    issue = f"phone_unreachable.{entry.entry_id}.{phone.device_id}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is not None
    # what the user has dismissed is not shown again by a retry
    persistent_notification.async_dismiss(hass, "mould_watch_incident-1")
    assert (await backend.notify(alarm))["outcome"] == "retry"
    assert "mould_watch_incident-1" not in shown_inside(hass)
    # the phone is back
    await hass.config_entries.async_setup(phone.entry.entry_id)
    calls = record_calls(phone.action)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert calls[0].data["data"]["alert_once"] is False
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is None


async def test_clearing_what_a_missing_action_has_shown(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: RegisterPhone
) -> None:
    phone = await mobile_app()
    _, room_id = await delivering_entry(backend, setup)
    await hass.config_entries.async_unload(phone.entry.entry_id)
    await backend.notify(notification(room_id, phone.device_id))
    answer = await backend.notify(notification(room_id, phone.device_id, kind="clear"))
    assert answer["outcome"] == "delivered"
    assert "mould_watch_incident-1" not in shown_inside(hass)


async def test_an_entity_that_fails_is_tried_again(
    backend: Backend, setup: Setup, twins: tuple[Phone, Phone]
) -> None:
    _, room_id = await delivering_entry(backend, setup)
    # nothing listens at the phone's push address: the entity says so, unlike the action
    answer = await backend.notify(notification(room_id, twins[0].device_id))
    assert answer["outcome"] == "retry"
    assert answer["code"] == "push_failed"


async def test_a_failing_action_is_tried_again(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: RegisterPhone
) -> None:
    phone = await mobile_app()
    hass.services.async_register("notify", phone.action, fail_call)
    _, room_id = await delivering_entry(backend, setup)
    answer = await backend.notify(notification(room_id, phone.device_id))
    assert answer["outcome"] == "retry"
    assert answer["code"] == "push_failed"


async def test_what_surely_did_not_arrive_is_no_silent_repetition(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: RegisterPhone,
    record_calls: RecordCalls,
) -> None:
    phone = await mobile_app()
    hass.services.async_register("notify", phone.action, fail_call)
    _, room_id = await delivering_entry(backend, setup)
    alarm = notification(room_id, phone.device_id, severity="high")
    assert (await backend.notify(alarm))["outcome"] == "retry"
    calls = record_calls(phone.action)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert calls[0].data["data"]["alert_once"] is False
    assert calls[0].data["data"]["push"] == {"interruption-level": "time-sensitive"}


async def test_what_may_have_arrived_is_repeated_silently(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    mobile_app: RegisterPhone,
    record_calls: RecordCalls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phone = await mobile_app()
    hass.services.async_register("notify", phone.action, hang_call)
    _, room_id = await delivering_entry(backend, setup)
    alarm = notification(room_id, phone.device_id, severity="high")
    with monkeypatch.context() as impatient:
        impatient.setattr(phones, "CALL_TIMEOUT_S", 0.05)
        assert (await backend.notify(alarm))["outcome"] == "retry"
    # a later failure does not unsay that the first may have arrived
    hass.services.async_register("notify", phone.action, fail_call)
    assert (await backend.notify(alarm))["outcome"] == "retry"
    calls = record_calls(phone.action)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert calls[0].data["data"]["alert_once"] is True
    assert calls[0].data["data"]["push"] == {"interruption-level": "passive"}


async def test_a_phone_the_user_no_longer_notifies_needs_no_repair(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: RegisterPhone
) -> None:
    phone = await mobile_app()
    entry = await setup(room(), options={"phones": [phone.device_id]})
    await backend.wait_for("ready_to_deliver")
    await hass.config_entries.async_unload(phone.entry.entry_id)
    await backend.notify(notification(room_id_of(entry), phone.device_id))
    issue = f"phone_unreachable.{entry.entry_id}.{phone.device_id}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is not None
    hass.config_entries.async_update_entry(entry, options={"phones": []})
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue) is None)


async def test_a_phone_that_only_a_room_tells_has_its_repairs_too(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    twins: tuple[Phone, Phone],
    mobile_app: RegisterPhone,
) -> None:
    first, _ = twins
    away = await mobile_app("Fairphone")
    targets = [first.device_id, away.device_id, "apprise:mail"]
    entry = await setup(room(targets=targets), options={"phones": []})
    (subentry,) = entry.subentries.values()
    issues = ir.async_get(hass)
    alike = f"phones_alike.{entry.entry_id}.{first.device_id}"
    unreachable = f"phone_unreachable.{entry.entry_id}.{away.device_id}"
    await until(lambda: issues.async_get_issue(DOMAIN, alike) is not None)
    await backend.wait_for("ready_to_deliver")
    await hass.config_entries.async_unload(away.entry.entry_id)
    await backend.notify(notification(room_id_of(entry), away.device_id))
    assert issues.async_get_issue(DOMAIN, unreachable) is not None
    # another change of the entry is none of its business
    hass.config_entries.async_update_subentry(entry, subentry, title="Bath")
    await hass.async_block_till_done()
    assert issues.async_get_issue(DOMAIN, unreachable) is not None
    data = {key: value for key, value in subentry.data.items() if key != "targets"}
    hass.config_entries.async_update_subentry(entry, subentry, data=data)
    await until(lambda: issues.async_get_issue(DOMAIN, unreachable) is None)
    assert issues.async_get_issue(DOMAIN, alike) is None


async def test_an_action_that_hangs_is_tried_again(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: RegisterPhone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phones, "CALL_TIMEOUT_S", 0.05)
    phone = await mobile_app()
    hass.services.async_register("notify", phone.action, hang_call)
    _, room_id = await delivering_entry(backend, setup)
    answer = await backend.notify(notification(room_id, phone.device_id))
    assert answer["outcome"] == "retry"
