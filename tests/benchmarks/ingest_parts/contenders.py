"""Each contender in a process of its own: `python -m ... NAME PORT DATABASE COUNT PHASE`.

The phase "subscribe" makes the persistent session; in "drain" what waits in it is taken, and the
last line is a JSON object with the seconds between the first message and the last acknowledgement.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiomqtt
import asyncpg
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import SecretStr

from mould_watch.clock import SystemClock
from mould_watch.ingest.fingerprint import fingerprint
from mould_watch.ingest.manual_client import ManualClient
from mould_watch.ingest.mqtt import MqttSource
from mould_watch.ingest.packets import Publish
from mould_watch.ingest.service import BrokerAddress, Ingestion
from mould_watch.settings import MqttSettings, Settings
from mould_watch.storage.database import Database
from mould_watch.storage.partitions import ensure_months
from tests.benchmarks.ingest_parts.load import TOPIC_FILTER, messages

BATCH = 500
_MQTT = MqttSettings(client_id="bench")
_SAMPLE_S = 0.5


@dataclass
class Stopwatch:
    """From the first message to the last acknowledgement."""

    count: int
    first_s: float = 0.0
    last_s: float = 0.0
    acknowledged: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def received(self) -> None:
        if not self.first_s:
            self.first_s = time.perf_counter()

    def acknowledge(self, count: int = 1) -> None:
        self.acknowledged += count
        if self.acknowledged >= self.count and not self.last_s:
            self.last_s = time.perf_counter()
            self.done.set()

    @property
    def seconds(self) -> float:
        return self.last_s - self.first_s


@dataclass
class Run:
    """What a contender is given."""

    port: int
    database: str
    count: int
    subscribes: bool
    watch: Stopwatch


def _session() -> dict[str, Any]:
    """Return the settings of the product's own client."""
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = _MQTT.session_expiry_s
    properties.ReceiveMaximum = _MQTT.receive_maximum
    return {
        "identifier": _MQTT.client_id,
        "protocol": aiomqtt.ProtocolVersion.V5,
        "clean_start": False,
        "properties": properties,
        "keepalive": _MQTT.keepalive_s,
    }


async def bare_client(run: Run) -> None:
    """Take messages as aiomqtt gives them, and acknowledge them by the batch: no work."""
    async with aiomqtt.Client("127.0.0.1", run.port, **_session()) as client:
        client._client.manual_ack_set(on=True)
        if run.subscribes:
            await client.subscribe(TOPIC_FILTER, qos=1)
            return
        taken: list[int] = []
        async for message in client.messages:
            run.watch.received()
            taken.append(message.mid)
            if len(taken) >= BATCH or run.watch.acknowledged + len(taken) == run.count:
                for packet_id in taken:
                    client._client.ack(packet_id, 1)
                run.watch.acknowledge(len(taken))
                taken.clear()
                if run.watch.done.is_set():
                    return


async def bare_manual_client(run: Run) -> None:
    """Do the same with the product's own client, which has no queue in between."""
    waiting: list[int] = []
    something = asyncio.Event()

    def received(message: Publish) -> None:
        run.watch.received()
        waiting.append(message.packet_id)
        something.set()

    client = ManualClient(
        on_connected=lambda _: None,
        on_received=received,
        hostname="127.0.0.1",
        port=run.port,
        **_session(),
    )
    async with client:
        if run.subscribes:
            await client.subscribe(TOPIC_FILTER, qos=1)
            return
        while not run.watch.done.is_set():
            await something.wait()
            something.clear()
            taken, waiting[:] = waiting[:BATCH], waiting[BATCH:]
            client.acknowledge(taken)
            run.watch.acknowledge(len(taken))
            if waiting:
                something.set()
            await asyncio.sleep(0)


async def insert_per_message(run: Run) -> None:
    """Insert and commit each message, then acknowledge it."""
    async with aiomqtt.Client("127.0.0.1", run.port, **_session()) as client:
        client._client.manual_ack_set(on=True)
        if run.subscribes:
            await client.subscribe(TOPIC_FILTER, qos=1)
            return
        connection = await _prepared(run)
        async for message in client.messages:
            run.watch.received()
            assert isinstance(message.payload, bytes)
            await connection.execute(
                "INSERT INTO readings (device_id, ts, fingerprint, received_at, time_quality,"
                " qos, temperature_c, humidity_pct, battery_pct, extra)"
                " VALUES ($1, $2, $3, clock_timestamp(), 'payload', 1, $4, $5, $6, $7)"
                " ON CONFLICT DO NOTHING",
                *_row(str(message.topic), message.payload),
            )
            client._client.ack(message.mid, 1)
            run.watch.acknowledge()
            if run.watch.done.is_set():
                break
        await connection.close()


async def plain_copy(run: Run) -> None:
    """COPY the same rows, a transaction for each batch; there is no broker in this one."""
    if run.subscribes:
        return
    connection = await _prepared(run)
    now = SystemClock().now()
    rows = []
    for name, payload in messages(run.count):
        device, ts, mark, temperature_c, humidity_pct, battery_pct, extra = _row(name, payload)
        values = (temperature_c, humidity_pct, battery_pct, extra)
        rows.append((device, ts, mark, now, "payload", 1, *values))
    columns = ("device_id", "ts", "fingerprint", "received_at", "time_quality", "qos",
               "temperature_c", "humidity_pct", "battery_pct", "extra")  # fmt: skip
    run.watch.received()
    for start in range(0, run.count, BATCH):
        part = rows[start : start + BATCH]
        await connection.copy_records_to_table("readings", records=part, columns=columns)
        run.watch.acknowledge(len(part))
    await connection.close()


async def mould_watch(run: Run) -> None:
    """Run the product's ingestion as it is; its PUBACKs are counted where they leave."""
    acknowledge, on_received = ManualClient.acknowledge, MqttSource._on_received

    def counted(client: ManualClient, packet_ids: Iterable[int]) -> None:
        taken = list(packet_ids)
        acknowledge(client, taken)
        run.watch.acknowledge(len(taken))

    def timed(source: MqttSource, message: Publish) -> None:
        run.watch.received()
        on_received(source, message)

    ManualClient.acknowledge = counted  # type: ignore[assignment,method-assign]
    MqttSource._on_received = timed  # type: ignore[assignment,method-assign]

    async def address() -> BrokerAddress:
        return BrokerAddress("127.0.0.1", run.port)

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_url=SecretStr(run.database), mqtt=_MQTT)
        database = Database(settings, SystemClock())
        ingestion = Ingestion(settings, database, SystemClock(), address)
        async with asyncio.timeout(600):
            tasks = [asyncio.create_task(part.run()) for part in (database, ingestion)]
            if run.subscribes:
                while not ingestion.health()["ready"]:
                    await asyncio.sleep(0.02)
            else:
                await run.watch.done.wait()
        for task in reversed(tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


CONTENDERS: dict[str, Callable[[Run], Awaitable[None]]] = {
    "mould_watch": mould_watch,
    "bare_client": bare_client,
    "bare_manual_client": bare_manual_client,
    "copy": plain_copy,
    "insert_per_message": insert_per_message,
}


async def _prepared(run: Run) -> asyncpg.Connection[asyncpg.Record]:
    connection = await asyncpg.connect(run.database)
    first, last = messages(run.count)[0], messages(run.count)[-1]
    await ensure_months(connection, {_row(*first)[1].date(), _row(*last)[1].date()}, SystemClock())
    return connection


def _row(name: str, payload: bytes) -> tuple[Any, ...]:
    """Return what any program has to do to a message before its row can be written."""
    state = json.loads(payload)
    extra = json.dumps({key: state[key] for key in ("linkquality", "voltage")})
    return (
        int(name[-2:]),
        datetime.fromisoformat(state["last_seen"]),
        fingerprint("mqtt:zigbee2mqtt", name, payload),
        state["temperature"],
        state["humidity"],
        state["battery"],
        extra,
    )


def _resident_mib() -> float:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def _sample(run: Run, samples: list[tuple[int, float]]) -> None:
    while True:
        samples.append((run.watch.acknowledged, round(_resident_mib(), 1)))
        await asyncio.sleep(_SAMPLE_S)


async def main(arguments: list[str]) -> None:
    """Run one contender through one phase."""
    name, port, database, count, phase = arguments
    run = Run(int(port), database, int(count), phase == "subscribe", Stopwatch(int(count)))
    samples: list[tuple[int, float]] = []
    sampling = asyncio.create_task(_sample(run, samples))
    began = time.process_time()
    await CONTENDERS[name](run)
    sampling.cancel()
    print(
        json.dumps(
            {
                "seconds": run.watch.seconds,
                "cpu_s": time.process_time() - began,
                "resident_mib": samples,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
