"""The Supervisor's client, against a small Supervisor over real HTTP."""

import logging

import pytest
from pydantic import SecretStr

from mould_watch.clock import SystemClock
from mould_watch.observability.logs import Secrets
from mould_watch.retry import Backoff
from mould_watch.settings import MqttSettings
from mould_watch.supervisor.client import SupervisorClient
from mould_watch.wiring import BrokerLookup
from tests.support.supervisor import TOKEN, FakeSupervisor

_OFFER = {
    "host": "core-mosquitto",
    "port": 1883,
    "ssl": False,
    "username": "addons",
    "password": "broker-password",
    "protocol": "3.1.1",
    "addon": "core_mosquitto",
}


def client(supervisor: FakeSupervisor, token: str = TOKEN) -> SupervisorClient:
    backoff = Backoff(initial_s=0.001, maximum_s=0.01)
    return SupervisorClient(supervisor.url, SecretStr(token), SystemClock(), backoff=backoff)


async def test_the_offered_broker_is_returned() -> None:
    async with FakeSupervisor(mqtt=_OFFER) as supervisor:
        broker = await client(supervisor).mqtt_service()
    assert broker is not None
    assert (broker.host, broker.port, broker.username) == ("core-mosquitto", 1883, "addons")
    assert broker.password is not None
    assert broker.password.get_secret_value() == "broker-password"
    assert "broker-password" not in repr(broker)
    assert supervisor.requests[0]["authorized"]


async def test_no_broker_no_supervisor_and_a_wrong_token_are_none_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with FakeSupervisor() as supervisor:
        assert await client(supervisor).mqtt_service() is None
        assert await client(supervisor, "wrong").mqtt_service() is None
    assert await client(supervisor).mqtt_service() is None
    assert "Service not enabled" in caplog.messages[0]
    assert "Unauthorized" in caplog.messages[1]
    assert "could not be asked" in caplog.messages[2]


async def test_an_answer_that_is_not_understood_is_none_and_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeSupervisor(mqtt={"password": "broker-password"}) as supervisor:
        assert await client(supervisor).mqtt_service() is None
    assert "broker-password" not in caplog.text


async def test_the_backend_is_announced_with_what_opens_it() -> None:
    async with FakeSupervisor() as supervisor:
        await client(supervisor).announce("mould-watch", 8099, "secret")
    assert supervisor.discoveries == [
        {
            "service": "mould_watch",
            "config": {"host": "mould-watch", "port": 8099, "auth_token": "secret"},
        }
    ]


async def test_the_announcement_is_repeated_until_it_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeSupervisor(failing=5) as supervisor:
        await client(supervisor).announce("mould-watch", 8099, "secret")
    assert len(supervisor.requests) == 6
    assert len(supervisor.discoveries) == 1
    assert caplog.text.count("The Supervisor is starting") == 5
    assert "secret" not in caplog.text


async def test_the_broker_is_the_set_one_else_the_offered_one_else_this_machine() -> None:
    secrets = Secrets()
    async with FakeSupervisor(mqtt=_OFFER) as supervisor:
        offered = client(supervisor).mqtt_service
        own = MqttSettings(host="own", port=1884, username="me", tls=True)
        assert (await BrokerLookup(own, offered, secrets.add)()).host == "own"
        lookup = BrokerLookup(MqttSettings(), offered, secrets.add)
        assert (await lookup()).host == "core-mosquitto"
        # asked anew: the broker's app may have moved, or gone
        supervisor.mqtt = _OFFER | {"host": "moved", "ssl": True}
        address = await lookup()
        assert (address.host, address.tls is not None) == ("moved", True)
        supervisor.mqtt = None
        assert (await lookup()).host == "localhost"
    assert (await BrokerLookup(MqttSettings(port=1885), None, secrets.add)()).port == 1885


async def test_the_password_the_supervisor_tells_is_kept_out_of_the_log() -> None:
    secrets = Secrets()
    async with FakeSupervisor(mqtt=_OFFER) as supervisor:
        address = await BrokerLookup(MqttSettings(), client(supervisor).mqtt_service, secrets.add)()
    assert address.password is not None
    assert secrets.redact(f"<{address.password.get_secret_value()}>") == "<***>"


async def test_where_the_broker_is_looked_for_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "mould_watch")
    lookup = BrokerLookup(MqttSettings(), None, Secrets().add)
    for _ in range(3):
        await lookup()
    (record,) = caplog.records
    assert record.getMessage() == (
        "No MQTT broker is set (MOULD_WATCH_MQTT__HOST, or the app's option mqtt.host); "
        "trying localhost:1883."
    )
