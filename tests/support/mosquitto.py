"""A real mosquitto for each test, on a free port of its own, and a small publisher."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import aiomqtt

from demo_flat.processes import free_port

REPOSITORY = Path(__file__).parents[2]


def mosquitto_binary() -> Path:
    """Return the project's own mosquitto (>= 2.0.22: older ones ignore the in-flight window)."""
    own = REPOSITORY / ".toolchain" / "bin" / "mosquitto"
    if own.exists():
        return own
    found = shutil.which("mosquitto")
    if found is None:
        raise FileNotFoundError("no mosquitto: run scripts/setup")
    return Path(found)


class Mosquitto:
    """One broker process; `async with` starts and ends it.

    `folder` keeps its configuration, log (`mosquitto.log`) and, with `persistence`, its
    sessions, so that `stop` + `start` is a restart that forgets nothing and `forget` in
    between one that forgets everything. `options` are further lines of its configuration.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        persistence: bool = True,
        options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.port = port if port is not None else free_port()
        self.persistence = persistence
        self.options = tuple(options)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log_file(self) -> Path:
        return self.folder / "mosquitto.log"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text("\n".join(self._configuration()) + "\n", encoding="utf-8")
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(mosquitto_binary()), "-c", str(configuration), stdout=log, stderr=log
            )
        async with asyncio.timeout(60):
            while not await self._answers():
                if self._process.returncode is not None:
                    raise RuntimeError(f"mosquitto ended: {self.log_file.read_text()[-2000:]}")
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it in order: it writes its sessions down."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop and start on the same port."""
        await self.stop()
        await self.start()

    def forget(self) -> None:
        """Remove what a stopped broker wrote down: sessions, queues and retained messages."""
        for pattern in ("mosquitto.db*", "broker.sqlite3*"):
            for database in self.folder.glob(pattern):
                database.unlink()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _configuration(self) -> list[str]:
        lines = [
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
            "sys_interval 0",
            # as in Home Assistant's own broker app
            "max_queued_messages 8192",
            # 2.1 refuses more than 2 MB unless told otherwise
            "max_packet_size 20000000",
            "log_dest stdout",
            "log_type all",
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        if self.persistence:
            lines += [
                "persistence true",
                f"persistence_location {self.folder}/",
                "autosave_on_changes true",
                "autosave_interval 1",
            ]
        return [*lines, *self.options]

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(60):
            await self._process.wait()
        self._process = None


class Publisher:
    """Publishes as a sensor's gateway would; made by `publisher`."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(
        self, topic: str, payload: bytes | str, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Publish and, at QoS 1, wait for the broker's word that it has it."""
        await self._client.publish(topic, payload, qos=qos, retain=retain)

    async def publish_all(self, messages: Sequence[tuple[str, bytes | str]], qos: int = 1) -> None:
        """Publish many, in order, some of them at a time."""
        for start in range(0, len(messages), 500):
            async with asyncio.TaskGroup() as group:
                for topic, payload in messages[start : start + 500]:
                    group.create_task(self._client.publish(topic, payload, qos=qos, timeout=60))


@contextlib.asynccontextmanager
async def publisher(broker: Mosquitto) -> AsyncIterator[Publisher]:
    """Connect a publisher to the broker."""
    client = aiomqtt.Client(
        broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5, clean_start=True
    )
    client.pending_calls_threshold = 1000
    async with client:
        yield Publisher(client)
