"""The app's image, built from addon/ as the Supervisor would, and booted against a fake one."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from demo_flat.processes import free_port
from tests.support.image import (
    ROOT,
    Buildah,
    Container,
    ImageToolsMissingError,
    require_tools,
)
from tests.support.mosquitto import Mosquitto, publisher
from tests.support.supervisor import FakeSupervisor

pytestmark = [pytest.mark.image, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    buildah = Buildah(tmp_path_factory.mktemp("containers"))
    try:
        require_tools()
        buildah.build(ROOT / ".toolchain/image")
    except ImageToolsMissingError as error:
        pytest.skip(str(error))
    yield buildah
    # gigabytes, which pytest would keep for three runs
    shutil.rmtree(buildah.storage)


@dataclass(frozen=True)
class App:
    """The booted app and how to ask it."""

    container: Container
    supervisor: FakeSupervisor
    broker: Mosquitto
    session: aiohttp.ClientSession
    address: str

    async def get(self, path: str, token: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self.session.get(f"{self.address}{path}", headers=headers) as response:
                return response.status, await response.json()
        except aiohttp.ClientError, TimeoutError:
            return 0, None

    async def ready(self) -> bool:
        return (await self.get("/readyz"))[0] == 200

    async def until(self, what: str, holds: Callable[[], Any], limit_s: float = 60) -> None:
        """Wait until `holds()`, which may be awaitable, is true."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            held = holds()
            if asyncio.iscoroutine(held):
                held = await held
            if held:
                return
            await asyncio.sleep(0.2)
        pytest.fail(f"no {what} within {limit_s:g} s; the app said:\n{self.container.text()}")


def _owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def _offer(broker: Mosquitto) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": broker.port, "ssl": False, "protocol": "3.1.1"}


@asynccontextmanager
async def _booted(image: Buildah, folder: Path) -> AsyncIterator[App]:
    data = folder / "data"
    data.mkdir(parents=True)
    # As the Supervisor leaves it: for root alone.
    options = data / "options.json"
    options.write_text(json.dumps({"mqtt": {}, "log_level": "info"}))
    options.chmod(0o600)
    port = free_port()
    async with (
        Mosquitto(folder / "broker") as broker,
        FakeSupervisor(mqtt=_offer(broker)) as supervisor,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
    ):
        environment = {
            "SUPERVISOR_TOKEN": supervisor.token,
            "MOULD_WATCH_SUPERVISOR_URL": supervisor.url,
            "MOULD_WATCH_API__PORT": str(port),
            # without a process namespace of its own it is not process 1
            "TINI_SUBREAPER": "1",
        }
        with image.boot(data, environment, folder / "container.log") as container:
            yield App(container, supervisor, broker, session, f"http://127.0.0.1:{port}")


def test_the_image_declares_its_health_its_port_and_its_version(image: Buildah) -> None:
    configuration = image.configuration()
    assert configuration["Healthcheck"]["Test"] == ["CMD", "mould-watch-health"]  # type: ignore[index]
    assert "8099/tcp" in configuration["ExposedPorts"]  # type: ignore[operator]
    assert configuration["Labels"]["io.hass.type"] == "app"  # type: ignore[index]


async def test_the_booted_app_finds_its_broker_announces_itself_and_heals(
    image: Buildah, tmp_path: Path
) -> None:
    async with _booted(image, tmp_path) as app:
        await app.until("readiness", app.ready, 120)

        # It took the Supervisor's broker, and told Home Assistant where it is and how to enter.
        await app.until("discovery", lambda: app.supervisor.discoveries)
        announced = app.supervisor.discoveries[-1]
        assert announced["service"] == "mould_watch"
        token = announced["config"]["auth_token"]
        assert announced["config"]["port"] == int(app.address.rsplit(":", 1)[1])
        assert (await app.get("/v1/info", token))[0] == 200
        assert (await app.get("/v1/info", "wrong"))[0] == 401
        assert app.container.execute("mould-watch", "token") == token
        app.container.execute("mould-watch-health")

        # Neither the backend nor PostgreSQL is root.
        running = app.container.processes("mould_watch serve")
        servers = app.container.processes("postgres")
        assert running
        assert servers
        assert all(_owner(pid) != 0 for pid in (*running, *servers))

        async def stored() -> bool:
            _, answer = await app.get("/v1/devices", token)
            return bool(answer) and any(
                device["native_id"].endswith("/pantry") for device in answer["devices"]
            )

        async with publisher(app.broker) as publish:
            await publish.publish(
                "mould-watch/readings/pantry", b'{"temperature": 18.5, "humidity": 61}'
            )
        await app.until("device of the reading", stored)

        # Killed, it is back by itself, with the same token and the same data.
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        await app.until("restart", lambda: "starting it again" in app.container.text())
        await app.until("readiness after the kill", app.ready, 120)
        assert await stored()

        # Told to stop, it stops all of itself, PostgreSQL too, and says it ended well.
        init = app.container.init()
        assert init is not None
        os.kill(init, signal.SIGTERM)
        await app.until("end", lambda: app.container.init() is None, 30)
        await app.until("end of PostgreSQL", lambda: not app.container.processes("postgres"), 30)
        assert "mould-watch-init: stopped" in app.container.text().splitlines()[-3:]
