"""What a push looks like: its channel, its sound, what it replaces and what it removes."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant

from custom_components.mould_watch import phones
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import RecordCalls, RegisterPhone, Setup, Told, delivering_entry
from tests.home_assistant.messages import notification
from tests.home_assistant.phone_calls import shown_inside, stored_ids


@pytest.mark.parametrize(
    ("severity", "channel", "importance", "level"),
    [
        ("watch", "Mould Watch: information", "low", "active"),
        ("warning", "Mould Watch: warning", "default", "active"),
        ("high", "Mould Watch: high risk", "high", "time-sensitive"),
        ("damage", "Mould Watch: damage", "high", "time-sensitive"),
        ("unheard_of", "Mould Watch: warning", "default", "active"),
    ],
)
async def test_a_fixed_channel_for_each_severity_and_from_high_on_it_breaks_through(
    *, backend: Backend, told: Told, severity: str, channel: str, importance: str, level: str
) -> None:
    await backend.notify(told.notification(severity=severity))
    assert told.calls[0].data["data"]["channel"] == channel
    assert told.calls[0].data["data"]["importance"] == importance
    # nothing critical: no sound of its own, no volume
    assert told.calls[0].data["data"]["push"] == {"interruption-level": level}


async def test_an_iphone_is_asked_for_no_receipt_and_repeats_passively(
    backend: Backend, setup: Setup, mobile_app: RegisterPhone, record_calls: RecordCalls
) -> None:
    phone = await mobile_app("iPhone", os_name="iOS")
    calls = record_calls(phone.action)
    _, room_id = await delivering_entry(backend, setup)
    answer = await backend.notify(notification(room_id, phone.device_id, severity="high"))
    assert answer["expects_receipt"] is False
    assert "confirmation" not in calls[0].data["data"]


async def test_what_the_backend_repeats_replaces_silently(backend: Backend, told: Told) -> None:
    await backend.notify(told.notification(severity="high"))
    again = told.notification(severity="high", is_repetition=True)
    assert (await backend.notify(again))["expects_receipt"] is True
    first, second = (call.data["data"] for call in told.calls)
    assert first["tag"] == second["tag"]
    assert (first["alert_once"], second["alert_once"]) == (False, True)
    assert second["push"] == {"interruption-level": "passive"}
    assert second["confirmation"] is True


@pytest.mark.parametrize("kind", ["reminder", "step_up", "of_a_newer_backend"])
async def test_what_follows_an_alarm_replaces_it_and_is_heard(
    backend: Backend, told: Told, kind: str
) -> None:
    await backend.notify(told.notification())
    answer = await backend.notify(told.notification(kind=kind))
    assert answer["expects_receipt"] is True
    assert told.calls[1].data["data"]["tag"] == told.calls[0].data["data"]["tag"]
    assert told.calls[1].data["data"]["alert_once"] is False


async def test_a_summary_replaces_the_one_before_and_no_alarm(backend: Backend, told: Told) -> None:
    for incident_id in ("incident-1", "incident-2"):
        answer = await backend.notify(told.notification(kind="summary", incident_id=incident_id))
        assert answer["expects_receipt"] is None
    assert {call.data["data"]["tag"] for call in told.calls} == {"mould_watch_summary"}
    assert all("confirmation" not in call.data["data"] for call in told.calls)
    # of the first the phone shows nothing any more; seen on the second, its summary goes
    for incident_id in ("incident-1", "incident-2"):
        await backend.notify(told.notification(kind="clear", incident_id=incident_id))
    cleared = [call.data["data"]["tag"] for call in told.calls[2:]]
    assert cleared == ["mould_watch_incident-1", "mould_watch_incident-2", "mould_watch_summary"]


async def test_what_clears_an_incident_leaves_its_summary_and_the_other_way_round(
    backend: Backend, told: Told
) -> None:
    """It tells of others too; the backend says when it may go."""
    await backend.notify(told.notification())
    await backend.notify(told.notification(kind="summary"))
    for clears in ("incident", "summary"):
        await backend.notify(told.notification(kind="clear", clears=clears))
    assert [call.data["message"] for call in told.calls[2:]] == ["clear_notification"] * 2
    cleared = [call.data["data"]["tag"] for call in told.calls[2:]]
    assert cleared == ["mould_watch_incident-1", "mould_watch_summary"]


async def test_a_summary_that_was_replaced_is_not_cleared_for_the_later_one(
    backend: Backend, told: Told
) -> None:
    for incident_id in ("incident-1", "incident-2"):
        await backend.notify(told.notification(kind="summary", incident_id=incident_id))
    answer = await backend.notify(
        told.notification(kind="clear", clears="summary", incident_id="incident-1")
    )
    assert answer["outcome"] == "delivered"
    assert len(told.calls) == 2
    await backend.notify(
        told.notification(kind="clear", clears="summary", incident_id="incident-2")
    )
    assert told.calls[2].data["data"]["tag"] == "mould_watch_summary"


async def test_a_summary_inside_home_assistant_goes_as_well(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    _, room_id = await delivering_entry(backend, setup)
    summary = notification(room_id, "persistent", kind="summary")
    await backend.notify(notification(room_id, "persistent"))
    await backend.notify(summary)
    assert set(shown_inside(hass)) == {"mould_watch_incident-1", "mould_watch_summary"}
    await backend.notify(notification(room_id, "persistent", kind="clear", clears="summary"))
    assert set(shown_inside(hass)) == {"mould_watch_incident-1"}


async def test_by_the_entity_it_is_plain_text_and_its_errors_are_told(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    mobile_app: RegisterPhone,
    record_calls: RecordCalls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phone = await mobile_app()
    pushes = record_calls(phone.action)
    entry, room_id = await delivering_entry(backend, setup)
    alarm = notification(room_id, phone.device_id, via="entity", is_repetition=True)
    # nothing listens at the phone's push address
    answer = await backend.notify(alarm)
    assert (answer["outcome"], answer["code"]) == ("retry", "push_failed")
    assert "Pixel" in answer["message"]
    said: list[dict[str, Any]] = []

    async def call(_phone: phones.Phone, action: str, payload: dict[str, Any]) -> None:
        assert action == "send_message"
        said.append(payload)

    monkeypatch.setattr(phones.Phone, "_call", call)
    answer = await backend.notify(alarm)
    assert (answer["outcome"], answer["expects_receipt"]) == ("delivered", None)
    assert [(one["title"], one["message"]) for one in said] == [(alarm["title"], alarm["body"])]
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert len(said) == 1
    assert pushes == []
    await hass.config_entries.async_unload(phone.entry.entry_id)
    lost = notification(room_id, phone.device_id, via="entity")
    answer = await backend.notify(lost)
    assert (answer["outcome"], answer["code"]) == ("retry", "phone_entity_missing")
    assert shown_inside(hass) == {}
    assert (await stored_ids(hass, entry))[alarm["notification_id"]]["state"] == "delivered"


async def test_recovery_replaces_silently_and_clear_removes(backend: Backend, told: Told) -> None:
    await backend.notify(told.notification())
    await backend.notify(told.notification(kind="recovery"))
    await backend.notify(told.notification(kind="clear"))
    alarm, recovery, clear = (call.data for call in told.calls)
    assert {data["data"]["tag"] for data in (alarm, recovery, clear)} == {"mould_watch_incident-1"}
    assert recovery["data"]["alert_once"] is True
    assert recovery["data"]["push"] == {"interruption-level": "passive"}
    assert recovery["data"]["importance"] == "low"
    assert clear["message"] == "clear_notification"
