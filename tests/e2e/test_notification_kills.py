"""The backend killed a hundred times with notifications on their way to three phones.

It dies between claim and send, between send and answer (at the moment a phone has the push), and
between answer and SENT, with the real Home Assistant at the other end. Two of the phones have one
name: Home Assistant's action for phones cannot tell them apart, and the integration reaches them
by their notify entities. Each transition shows exactly once as a phone sees it: a notification
with the tag of one that is shown replaces it silently. None is missing.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from demo_flat.phone import Phone, Push
from tests.support.home_assistant import House, eventually
from tests.support.notifications import add_incident, add_notification

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

CYCLES = int(os.environ.get("MOULD_WATCH_TEST_KILLS") or 100)
_SEED = 20261125
_NAMES = ("Lone phone", "Alike phone", "Alike phone")
_PATIENCE_S = 60.0
# short leases: what a killed backend had claimed is taken over by its next life
_SETTINGS = {
    "MOULD_WATCH_NOTIFY__CHANNEL_TIMEOUT_S": "4",
    "MOULD_WATCH_NOTIFY__LEASE_S": "5",
    "MOULD_WATCH_NOTIFY__RETRY_INITIAL_S": "0.2",
    "MOULD_WATCH_NOTIFY__POLL_S": "0.5",
    "MOULD_WATCH_NOTIFY__BREAKER_FAILURES": "1000",
}


class Moment(StrEnum):
    """When the backend dies."""

    BEFORE_SEND = "after_claim_before_send"
    BEFORE_ANSWER = "the phone has it"
    BEFORE_SENT = "after_send_before_sent"


@dataclass
class Family:
    """Three phones, two of one name, and what is killed when one of them is reached."""

    phones: tuple[Phone, ...] = field(init=False)
    targets: list[str] = field(default_factory=list)
    # the process to kill with the next push
    victim: int | None = None

    def __post_init__(self) -> None:
        self.phones = tuple(Phone(on_push=self._hear) for _ in _NAMES)

    def _hear(self, _push: Push) -> None:
        """Kill before the phone has answered: Home Assistant has not answered either then."""
        victim, self.victim = self.victim, None
        if victim is not None:
            os.kill(victim, signal.SIGKILL)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def family(house: House) -> AsyncIterator[Family]:
    """Three phones, registered with Home Assistant.

    They outlive their test, as its incidents do: what they were told is taken back some day.
    """
    family = Family()
    for number, (name, phone) in enumerate(zip(_NAMES, family.phones, strict=True)):
        await phone.start()
        family.targets.append(await _register(house, name, f"kill-{number}", phone.push_url))
    yield family
    for phone in family.phones:
        await phone.stop()


async def _register(house: House, name: str, device_id: str, push_url: str) -> str:
    await house.api.post(
        "/api/mobile_app/registrations",
        {
            "app_id": "io.homeassistant.companion.android",
            "app_name": "Home Assistant",
            "app_version": "2026.11.1",
            "device_name": name,
            "device_id": device_id,
            "manufacturer": "Fairphone",
            "model": "FP5",
            "os_name": "Android",
            "os_version": "16",
            "supports_encryption": False,
            "app_data": {"push_token": f"token-of-{device_id}", "push_url": push_url},
        },
    )
    found: list[str] = []

    async def is_there() -> bool:
        found[:] = [
            str(device["id"])
            for device in await house.api.devices()
            if ["mobile_app", device_id] in device["identifiers"]
        ]
        return bool(found)

    await eventually(is_there, timeout_s=60, what=f"{device_id} to be registered")
    return found[0]


async def _write(
    connection: asyncpg.Connection[Any], route: str, targets: list[str], title: str
) -> UUID:
    """Write an incident with its alarm for each phone, as an evaluation does, in one commit."""
    async with connection.transaction():
        incident = await add_incident(connection)
        # in no document: what Home Assistant sends does not concern it
        await connection.execute(
            "UPDATE room SET archived_at = clock_timestamp() WHERE id = (SELECT room_id "
            "FROM subject JOIN incident ON subject.id = subject_id WHERE incident.id = $1)",
            incident,
        )
        for target in targets:
            id_ = await add_notification(connection, incident, route=route, target=target)
            await connection.execute(
                "UPDATE notification SET message = message || jsonb_build_object('title', $2::text)"
                " WHERE id = $1",
                id_,
                title,
            )
    return incident


def _alerts(phone: Phone) -> Counter[str]:
    """Return how often a phone made itself heard with each title."""
    alerts: Counter[str] = Counter()
    shown: set[str | None] = set()
    for push in phone.pushes:
        is_silent = push.tag in shown and bool(push.data.get("alert_once"))
        alerts[str(push.title)] += not is_silent
        if push.tag is not None:
            shown.add(push.tag)
    return alerts


@pytest.mark.timeout(900)
async def test_a_hundred_kills_on_the_way_to_the_phones(house: House, family: Family) -> None:
    chance = random.Random(_SEED)  # noqa: S311 - a repeatable order of moments
    moments = [list(Moment)[number % len(Moment)] for number in range(CYCLES)]
    chance.shuffle(moments)
    connection = await asyncpg.connect(house.backend.database.address)
    route = str(await connection.fetchval("SELECT owner FROM configuration"))
    incidents: list[UUID] = []
    titles = [f"Bathroom {number}: too damp" for number in range(CYCLES)]
    deaths: Counter[Moment] = Counter()
    await house.backend.process.kill()
    for moment, title in zip(moments, titles, strict=True):
        incidents.append(await _write(connection, route, family.targets, title))
        environment = dict(_SETTINGS)
        if moment is not Moment.BEFORE_ANSWER:
            environment["MOULD_WATCH_FAILPOINT"] = moment.value
            environment["MOULD_WATCH_FAILPOINT_AFTER"] = str(chance.choice((1, 2)))
        house.backend.process.start(**environment)
        family.victim = house.backend.process.pid if moment is Moment.BEFORE_ANSWER else None
        code = await house.backend.process.wait_exit(_PATIENCE_S)
        assert code == -signal.SIGKILL, f"it ended with {code} at {moment}"
        deaths[moment] += 1
    family.victim = None

    await house.backend.start(**_SETTINGS)

    async def all_sent() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT count(*) = $2 FROM notification "
                "WHERE incident_id = ANY ($1::uuid[]) AND state = 'sent'",
                incidents,
                len(family.phones) * CYCLES,
            )
        )

    try:
        await eventually(all_sent, timeout_s=120, what="every notification to be sent")
        attempts = await connection.fetchval(
            "SELECT sum(attempts) FROM notification WHERE incident_id = ANY ($1::uuid[])",
            incidents,
        )
    finally:
        await connection.close()
    assert sum(deaths.values()) == CYCLES
    assert attempts >= len(family.phones) * CYCLES + deaths[Moment.BEFORE_SENT]
    for phone in family.phones:
        assert _alerts(phone) == dict.fromkeys(titles, 1)
    lone = family.phones[0]
    assert set(lone.screen().shown) == {f"mould_watch_{incident}" for incident in incidents}
