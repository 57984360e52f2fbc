"""`mould-watch notifications`, beside a real backend."""

from pathlib import Path

import asyncpg

from demo_flat.processes import free_port
from tests.support.backend import backend_environment, run_command, running_backend
from tests.support.notifications import add_incident, add_notification, claim, finish, states_of


async def test_one_that_failed_is_listed_shown_and_tried_again(
    tmp_path: Path,
    settings: dict[str, str],
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    settings = settings | {"MOULD_WATCH_API__PORT": str(free_port())}
    environment = backend_environment(tmp_path, settings)

    async def command(*arguments: str) -> tuple[int, str]:
        code, out, err = await run_command("notifications", *arguments, environment=environment)
        return code, out + err

    async with running_backend(tmp_path, settings) as backend:
        await backend.ready()
        assert await command() == (0, "There are no notifications.\n")
        incident = await add_incident(connection)
        failed = await add_notification(connection, incident)
        # nobody is connected: the backend leaves it to this worker
        (claimed,) = await claim(connection, worker="worker-1")
        assert await finish(connection, claimed, "failed", "phone_gone: it is not registered")
        waiting = await add_notification(connection, incident, target="phone-2")

        code, out = await command("list")
        assert code == 0
        assert f"{failed}  " in out
        assert "home_assistant/phone-1  Mould risk\n" in out
        assert "claimed, attempt 1 by worker-1" in out
        assert "failed, attempt 1 by worker-1 (phone_gone: it is not registered)" in out
        assert str(waiting) in out
        code, out = await command("list", "--state", "failed")
        assert str(failed) in out
        assert str(waiting) not in out

        code, out = await command("show", str(failed))
        assert code == 0
        said = dict(line.split(maxsplit=1) for line in out.splitlines() if line[0] != " ")
        assert said["state"] == "failed"
        assert said["last_error"] == "phone_gone: it is not registered"
        assert said["incident_id"] == str(incident)
        assert said["body"] == "The wall is damp."

        assert await command("retry", str(failed)) == (0, "It is tried again.\n")
        code, out = await command("retry", str(failed))
        assert code == 1
        assert "It has not failed" in out
        code, out = await command("show", str(incident))
        assert code == 1
        assert "There is no notification with this id." in out
    states = await states_of(connection, failed)
    assert states == ["pending", "claimed", "failed", "pending"]
