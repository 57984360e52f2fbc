"""Two phones of one name: each gets only its own, and the household is asked to rename one."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir

from custom_components.mould_watch import phones
from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Phone, RegisterPhone, Setup, delivering_entry, room
from tests.home_assistant.messages import notification
from tests.support.waiting import until


async def test_of_two_phones_with_one_name_each_gets_only_its_own(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    twins: tuple[Phone, Phone],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = twins
    pushed: list[str] = []
    said: list[dict[str, Any]] = []

    async def call(self: phones.Phone, action: str, payload: dict[str, Any]) -> None:
        (said if action == "send_message" else pushed).append(
            payload if action == "send_message" else self.device_id  # type: ignore[arg-type]
        )

    monkeypatch.setattr(phones.Phone, "_call", call)
    entry, room_id = await delivering_entry(backend, setup)
    answer = await backend.notify(notification(room_id, first.device_id))
    # its notify entity is its own, and takes text
    assert answer["outcome"] == "delivered"
    assert pushed == []
    entity = er.async_get(hass).async_get(said[0]["entity_id"])
    assert entity is not None
    assert entity.device_id == first.device_id
    await backend.notify(notification(room_id, second.device_id, incident_id="incident-2"))
    assert pushed == [second.device_id]
    issue = f"phones_alike.{entry.entry_id}.{first.device_id}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is not None


async def test_two_phones_of_one_name_are_a_repair_until_one_is_renamed(
    hass: HomeAssistant, setup: Setup, twins: tuple[Phone, Phone], mobile_app: RegisterPhone
) -> None:
    first, second = twins
    other = await mobile_app("Fairphone")
    entry = await setup(room(), options={"phones": [first.device_id, other.device_id]})
    issues = ir.async_get(hass)

    def found(phone: Phone) -> ir.IssueEntry | None:
        return issues.async_get_issue(DOMAIN, f"phones_alike.{entry.entry_id}.{phone.device_id}")

    issue = found(first)
    assert issue is not None
    assert issue.translation_placeholders == {"phone": "Pixel"}
    # nobody is told by the second, and the third has a name of its own
    assert found(second) is found(other) is None
    hass.config_entries.async_update_entry(
        second.entry, data={**second.entry.data, "device_name": "Pixel of Anna"}
    )
    await hass.async_block_till_done()
    assert found(first) is None
    # alike is what becomes the same action
    hass.config_entries.async_update_entry(
        second.entry, data={**second.entry.data, "device_name": "PIXEL!"}
    )
    await hass.async_block_till_done()
    assert found(first) is not None
    hass.config_entries.async_update_entry(entry, options={"phones": []})
    await until(lambda: found(first) is None)
