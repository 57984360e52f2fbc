"""`mould-watch dead-letters`, beside a real backend."""

from pathlib import Path

from demo_flat.processes import free_port
from tests.support.backend import backend_environment, run_command, running_backend
from tests.support.mosquitto import Mosquitto, publisher
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"


async def test_they_are_listed_shown_tried_again_and_removed(
    tmp_path: Path, settings: dict[str, str], broker: Mosquitto
) -> None:
    settings = settings | {"MOULD_WATCH_API__PORT": str(free_port())}
    environment = backend_environment(tmp_path, settings)

    async def command(*arguments: str) -> tuple[int, str]:
        code, out, err = await run_command("dead-letters", *arguments, environment=environment)
        return code, out + err

    async with running_backend(tmp_path, settings) as backend, publisher(broker) as sensor:
        await backend.ready()
        assert await command("list") == (0, "0 came so far, 0 are kept (0 KiB).\n")
        assert await command("replay", "--all") == (0, "There are none.\n")
        await sensor.publish(TOPIC, b'{"temperature": "21", "token": "abcdef"}')
        await sensor.publish(TOPIC, b'{"temperature": 21, "x": "' + b"x" * 2_000_000 + b'"}')

        async def both_there() -> bool:
            kept: int = (await backend.get("/v1/dead-letters"))[1]["kept"]
            return kept == 2

        await until(both_there)
        code, out = await command("list", "--topic", TOPIC)
        assert code == 0
        assert "temperature_wrong_type" in out
        assert "truncated: cannot be replayed" in out
        assert "2 came so far, 2 are kept" in out
        (first,) = (
            letter["id"]
            for letter in (await backend.get("/v1/dead-letters"))[1]["dead_letters"]
            if letter["reason"] == "temperature_wrong_type"
        )
        code, out = await command("show", str(first))
        assert code == 0
        assert '{"temperature": "21", "token": "***"}' in out
        code, out = await command("replay", "--all")
        assert code == 1
        assert "2 still cannot be understood." in out
        assert "cannot be replayed" in out
        code, out = await command("replay", str(first))
        assert (code, out.splitlines()[-1]) == (1, "1 still cannot be understood.")
        code, out = await command("purge")
        assert code == 1
        assert "say which" in out
        code, out = await command("show", "999999")
        assert code == 1
        assert "There is no dead letter with this id." in out
        assert await command("purge", str(first)) == (0, "Removed 1.\n")
        assert await command("purge", "--reason", "payload_too_large") == (0, "Removed 1.\n")
    assert "abcdef" not in "\n".join(backend.lines)
