"""Home Assistant's own path: its mqtt integration, and the recorder on the same PostgreSQL."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from demo_flat.home_assistant import HomeAssistant
from demo_flat.home_assistant_api import HomeAssistantApi
from demo_flat.processes import free_port
from tests.benchmarks.ingest_parts.load import (
    DEVICES,
    METRICS,
    Message,
    messages,
    publish,
    topic,
)
from tests.support.home_assistant import eventually
from tests.support.mosquitto import Mosquitto

_CONFIGURATION = """\
homeassistant:
  name: Bench
  unit_system: metric
  time_zone: UTC
recorder:
  db_url: "{database}"
  commit_interval: 1
  include:
    entity_globs: sensor.bench_*
logger:
  default: error
"""
_COMMIT_INTERVAL_S = 1
_TIMEOUT_S = 300.0
_POLL_S = 0.05
_FIRST_VALUE = 1.0
_FIRST = [
    (topic(device), json.dumps(dict.fromkeys(METRICS, _FIRST_VALUE)).encode())
    for device in range(DEVICES)
]
_UNITS = {"temperature": "°C", "humidity": "%"}


class MeasuredHomeAssistant:
    """A real Home Assistant that hears the same sensors; idle while others are measured."""

    def __init__(self, folder: Path, database: str) -> None:
        """Keep its files in `folder`, its states in `database`."""
        self._database = database
        self._broker = Mosquitto(
            folder / "broker",
            persistence=False,
            options=("max_queued_messages 0", "max_queued_bytes 0", "log_type none"),
        )
        self._program = HomeAssistant(folder / "config", free_port())
        self._api = HomeAssistantApi(self._program.address)
        self._rows = 0

    async def start(self) -> None:
        """Start it, set its mqtt integration up, and wait until it knows every sensor."""
        await self._broker.start()
        self._program.prepare()
        # without the demo's parts: only what is measured runs
        (self._program.folder / "configuration.yaml").write_text(
            _CONFIGURATION.format(database=_for_sqlalchemy(self._database)), encoding="utf-8"
        )
        await self._program.start()
        self._api = await self._program.log_in("a password of the bench")
        await eventually(self._api.running, timeout_s=120, what="Home Assistant to have started")
        flow = await self._api.post("/api/config/config_entries/flow", {"handler": "mqtt"})
        broker = {
            "broker": self._broker.host,
            "port": self._broker.port,
            "other_settings": {"set_client_cert": False, "set_ca_cert": "off"},
        }
        while flow["type"] in {"form", "menu"}:
            answer = {"next_step_id": "broker"} if flow["type"] == "menu" else broker
            path = f"/api/config/config_entries/flow/{flow['flow_id']}"
            flow = await self._api.post(path, answer)
        if flow["type"] != "create_entry":
            raise RuntimeError(f"Home Assistant's mqtt integration was not set up: {flow}")
        await publish(self._broker.port, _discovery(), retain=True)

        async def hears_all() -> bool:
            # it subscribes some time after it knows a sensor
            await publish(self._broker.port, _FIRST)
            values = self._sensors(await self._api.states()).values()
            return sum(value == _FIRST_VALUE for value in values) == DEVICES * len(METRICS)

        await eventually(
            hears_all, timeout_s=60, what="Home Assistant to hear the sensors", poll_s=1
        )

    async def stop(self) -> None:
        """End it."""
        await self._api.close()
        await self._program.stop()
        await self._broker.stop()

    async def measure(self, count: int, number: int) -> tuple[float, float]:
        """Send messages; return the seconds until all are states, and until all are rows.

        Each message changes the states of two sensors.
        """
        load = messages(count, number)
        before = await self._settled_rows()
        began = time.perf_counter()
        async with asyncio.timeout(_TIMEOUT_S), asyncio.TaskGroup() as tasks:
            states = tasks.create_task(self._until_states(load))
            rows = tasks.create_task(self._until_rows(before + count * len(METRICS)))
            tasks.create_task(publish(self._broker.port, load))
        return states.result() - began, rows.result() - began

    async def _until_states(self, load: Sequence[Message]) -> float:
        """Return when the last message of each device has become the states of its sensors."""
        last = {name: json.loads(payload) for name, payload in load[-DEVICES:]}
        wanted = {
            (_entity_id(device, metric), float(last[topic(device)][metric]))
            for device in range(DEVICES)
            for metric in METRICS
        }
        while True:
            states = self._sensors(await self._api.states())
            if wanted <= set(states.items()):
                return time.perf_counter()
            # it costs Home Assistant something to be asked
            await asyncio.sleep(_POLL_S * 4)

    async def _until_rows(self, count: int) -> float:
        connection = await asyncpg.connect(self._database)
        try:
            while await self._count_rows(connection) < count:
                await asyncio.sleep(_POLL_S)
            return time.perf_counter()
        finally:
            await connection.close()

    async def _settled_rows(self) -> int:
        """Return how many rows there are, once what was heard before is written."""
        while True:
            before = await self._count_rows()
            await asyncio.sleep(3 * _COMMIT_INTERVAL_S)
            if await self._count_rows() == before:
                return before

    async def _count_rows(
        self, connection: asyncpg.Connection[asyncpg.Record] | None = None
    ) -> int:
        """Return how many states there are: by their ids, which are given in order."""
        own = connection or await asyncpg.connect(self._database)
        try:
            count: int = await own.fetchval("SELECT coalesce(max(state_id), 0) FROM states")
        finally:
            if connection is None:
                await own.close()
        return count

    @staticmethod
    def _sensors(states: dict[str, dict[str, object]]) -> dict[str, float]:
        found = {}
        for entity_id, state in states.items():
            if entity_id.startswith("sensor.bench_"):
                try:
                    found[entity_id] = float(str(state["state"]))
                except ValueError:
                    found[entity_id] = float("nan")
        return found


def _entity_id(device: int, metric: str) -> str:
    return f"sensor.bench_{device:02}_{metric}"


def _discovery() -> list[Message]:
    """Return what Zigbee2MQTT would publish about each sensor, without a device behind it."""
    return [
        (
            f"homeassistant/sensor/bench_{device:02}/{metric}/config",
            json.dumps(
                {
                    "name": f"bench {device:02} {metric}",
                    "unique_id": f"bench_{device:02}_{metric}",
                    "default_entity_id": _entity_id(device, metric),
                    "state_topic": topic(device),
                    "value_template": f"{{{{ value_json.{metric} }}}}",
                    "device_class": metric,
                    "state_class": "measurement",
                    "unit_of_measurement": _UNITS[metric],
                    "qos": 1,
                }
            ).encode(),
        )
        for device in range(DEVICES)
        for metric in METRICS
    ]


def _for_sqlalchemy(address: str) -> str:
    """Return an address of PostgreSQL for psycopg2, as the recorder's documentation has it."""
    return urlsplit(address)._replace(scheme="postgresql").geturl()
