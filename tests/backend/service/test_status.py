"""`mould-watch status`, while the database is away: what is kept meanwhile is said."""

from pathlib import Path

from demo_flat.processes import free_port
from tests.support.backend import backend_environment, run_command, running_backend
from tests.support.ingestion import payload
from tests.support.mosquitto import Mosquitto, publisher
from tests.support.waiting import until


async def test_what_is_kept_while_the_database_is_away_is_said(
    tmp_path: Path, settings: dict[str, str], broker: Mosquitto
) -> None:
    settings |= {
        "DATABASE_URL": "postgresql://user@127.0.0.1:9/none",
        "MOULD_WATCH_API__PORT": str(free_port()),
        "MOULD_WATCH_SPOOL__FREE_DISK_MINIMUM_MIB": "0",
    }
    environment = backend_environment(tmp_path, settings)
    async with running_backend(tmp_path, settings) as backend, publisher(broker) as sensor:
        await backend.logged("broker_connected")
        for n in range(3):
            await sensor.publish("zigbee2mqtt/bath", payload(temperature=n))

        async def kept() -> int:
            spool = (await backend.get("/readyz"))[1]["parts"]["broker"]["spool"]
            return int(spool["messages"])

        async def all_kept() -> bool:
            return await kept() >= 3

        await until(all_kept)
        count = await kept()
        code, printed, _ = await run_command("status", environment=environment)
        assert code == 1
        assert "waits for: database." in printed
        assert f"{count} message(s) are kept in the spool (0% of its room)." in printed
        assert "lost" not in printed
        assert "spool cannot be used" not in printed
