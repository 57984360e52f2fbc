"""`mould-watch serve` as a process: it starts, answers, works, and ends."""

import json
import signal
import socket
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from tests.support.backend import backend_environment, run_command, running_backend
from tests.support.mosquitto import Mosquitto, publisher
from tests.support.stream import connect, document, room
from tests.support.supervisor import TOKEN as SUPERVISOR_TOKEN
from tests.support.supervisor import FakeSupervisor


async def test_it_starts_becomes_ready_and_ends_in_order(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    async with running_backend(tmp_path, settings) as backend:
        await backend.ready()
        token_file = tmp_path / "token"
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        environment = backend_environment(tmp_path, settings)
        code, printed, _ = await run_command("token", environment=environment)
        assert (code, printed) == (0, backend.token + "\n")

        async with connect(await backend.url(), backend.token) as stream:
            await stream.open()
            backend.process.send_signal(signal.SIGTERM)
            assert await stream.closed() == 1001
            assert await backend.ended() == 0
    assert backend.entries[-1]["action"] == "stopped"
    assert len(backend.entries) == len(backend.lines)
    assert backend.token not in "\n".join(backend.lines)


async def test_a_message_becomes_a_push_and_its_answer_a_sent_notification(
    tmp_path: Path, settings: dict[str, str], broker: Mosquitto
) -> None:
    now = datetime.now(UTC)
    topic = "mould-watch/readings/bath"
    async with (
        running_backend(tmp_path, settings) as backend,
        publisher(broker) as sensor,
    ):
        await backend.ready()
        async with connect(await backend.url(), backend.token) as stream:
            await stream.open()
            await stream.request("ready_to_deliver")

            def payload(hours_ago: float) -> str:
                timestamp = (now - timedelta(hours=hours_ago)).isoformat()
                return json.dumps({"timestamp": timestamp, "temperature": 20.0, "humidity": 97.0})

            await sensor.publish(topic, payload(30))
            known = (await stream.receive("device"))["device"]
            source = {
                "kind": "device",
                "source_instance": known["source_instance"],
                "native_id": known["native_id"],
            }
            sent = room(uuid4(), "Bath", sources={"temperature": source, "humidity": source})
            answer = await stream.request("configure", document=document(sent, phones=["phone"]))
            assert answer["success"]
            for quarter in range(29 * 4, -1, -1):
                await sensor.publish(topic, payload(quarter / 4))

            notify = (await stream.receive("notify"))["notification"]
            assert (notify["room"], notify["kind"], notify["target"]) == ("Bath", "alarm", "phone")
            await stream.send(
                {
                    "type": "notification_result",
                    "notification_id": notify["notification_id"],
                    "outcome": "delivered",
                }
            )
            pushed = await stream.receive(
                "room",
                lambda message: (message["room"]["condition"] or {}).get("at_risk") is True,
            )
            assert pushed["room"]["condition"]["level"] == "warning"
            await backend.logged("notification_sent")
            _, body = await backend.get("/v1/notifications?state=sent")
            [notification] = body["notifications"]
            assert notification["notification_id"] == notify["notification_id"]
            _, body = await backend.get("/v1/incidents?live=true")
            assert [incident["state"] for incident in body["incidents"]] == ["open"]

            environment = backend_environment(tmp_path, settings) | {
                "MOULD_WATCH_API__PORT": (await backend.url()).rpartition(":")[2]
            }
            code, printed, _ = await run_command("notifications", environment=environment)
            assert code == 0
            assert "sent" in printed
            code, printed, _ = await run_command("status", environment=environment)
            assert (code, printed) == (0, "Mould Watch is ready.\n")
        backend.process.send_signal(signal.SIGINT)
        assert await backend.ended() == 0


async def test_without_database_and_broker_it_answers_waits_and_ends(tmp_path: Path) -> None:
    nothing = {
        "DATABASE_URL": "postgresql://user:a-db-password@127.0.0.1:9/none",
        "MOULD_WATCH_MQTT__HOST": "127.0.0.1",
        "MOULD_WATCH_MQTT__PORT": "9",
    }
    async with running_backend(tmp_path, nothing) as backend:
        assert (await backend.get("/healthz"))[0] == 200
        status, body = await backend.get("/readyz")
        assert (status, body["waiting_for"]) == (503, ["database", "broker"])
        environment = backend_environment(tmp_path, nothing) | {
            "MOULD_WATCH_API__PORT": (await backend.url()).rpartition(":")[2]
        }
        code, printed, _ = await run_command("status", environment=environment)
        assert code == 1
        assert "waits for: database, broker" in printed
        backend.process.send_signal(signal.SIGTERM)
        assert await backend.ended() == 0
    log = "\n".join(backend.lines)
    assert "a-db-password" not in log
    # what a household needs to find the fault
    assert "the database at 127.0.0.1:9, which DATABASE_URL names" in log
    assert "notification_claims_kept" not in log


async def test_a_part_that_dies_ends_the_process_and_says_why(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with running_backend(
            tmp_path, settings | {"MOULD_WATCH_API__PORT": str(port)}
        ) as backend:
            assert await backend.ended() == 1
    [death] = [entry for entry in backend.entries if entry.get("action") == "part_died"]
    assert death["part"] == "api"
    assert f"cannot listen on 127.0.0.1 port {port} (Address already in use)" in death["message"]
    assert "MOULD_WATCH_API__PORT" in death["message"]


async def test_with_a_supervisor_it_uses_its_broker_and_is_announced_with_its_token(
    tmp_path: Path, settings: dict[str, str], broker: Mosquitto
) -> None:
    offer = {"host": broker.host, "port": broker.port, "ssl": False, "protocol": "3.1.1"}
    async with FakeSupervisor(mqtt=offer, failing=1) as supervisor:
        mine = {
            "DATABASE_URL": settings["DATABASE_URL"],
            "SUPERVISOR_TOKEN": SUPERVISOR_TOKEN,
            "MOULD_WATCH_SUPERVISOR_URL": supervisor.url,
        }
        async with running_backend(tmp_path, mine) as backend:
            await backend.ready()
            await backend.logged("announced")
            port = int((await backend.url()).rpartition(":")[2])
    assert supervisor.discoveries == [
        {
            "service": "mould_watch",
            "config": {
                "host": socket.gethostname(),
                "port": port,
                "auth_token": backend.token,
            },
        }
    ]
    assert all(request["authorized"] for request in supervisor.requests)
    assert SUPERVISOR_TOKEN not in "\n".join(backend.lines)
