"""The command line: answers on stdout, faults as one sentence on stderr."""

import asyncio
import sys
from pathlib import Path

from demo_flat.processes import free_port
from mould_watch import __version__
from tests.support.backend import backend_environment, run_command
from tests.support.postgres import PostgresForTests


async def test_version_needs_no_settings(tmp_path: Path) -> None:
    environment = backend_environment(tmp_path, {"MOULD_WATCH_API__PORT": "wrong"})
    assert await run_command("version", environment=environment) == (0, f"{__version__}\n", "")


async def test_bad_settings_are_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    environment = backend_environment(tmp_path, {"MOULD_WATCH_API__PORT": "wrong"})
    for command in ("serve", "token"):
        code, out, err = await run_command(command, environment=environment)
        assert (code, out) == (2, "")
        assert err.startswith("mould-watch: the settings do not fit: api.port")
        assert err.count("\n") == 1


async def test_an_options_file_that_is_no_json_is_a_clear_fault(tmp_path: Path) -> None:
    (tmp_path / "options.json").write_text("{", encoding="utf-8")
    code, _, err = await run_command("token", environment=backend_environment(tmp_path))
    assert code == 2
    assert err.startswith("mould-watch: ")
    assert "options.json" in err
    assert err.count("\n") == 1


async def test_token_makes_it_once(tmp_path: Path) -> None:
    environment = backend_environment(tmp_path)
    code, first, err = await run_command("token", environment=environment)
    assert (code, err) == (0, "")
    assert (await run_command("token", environment=environment))[1] == first


async def test_status_without_a_backend_says_so(tmp_path: Path) -> None:
    environment = backend_environment(tmp_path, {"MOULD_WATCH_API__PORT": str(free_port())})
    code, out, err = await run_command("status", environment=environment)
    assert (code, out) == (1, "")
    assert err.startswith("mould-watch: no Mould Watch answers at 127.0.0.1 port")


async def test_migrate_brings_an_empty_database_up_to_date(
    postgres: PostgresForTests, tmp_path: Path
) -> None:
    async with postgres.fresh_database(migrated=False) as address:
        environment = backend_environment(tmp_path, {"DATABASE_URL": address})
        code, out, _ = await run_command("migrate", environment=environment)
        assert code == 0
        assert out.startswith("Applied migrations: 1")
        code, out, _ = await run_command("migrate", environment=environment)
        assert (code, out) == (0, "The database was up to date.\n")


async def test_migrate_without_a_database_fails_with_a_sentence(tmp_path: Path) -> None:
    address = "postgresql://user:a-db-password@127.0.0.1:9/none"
    environment = backend_environment(tmp_path, {"DATABASE_URL": address})
    code, _, err = await run_command("migrate", environment=environment)
    assert code == 1
    assert err.startswith("mould-watch: PostgreSQL cannot be used now")
    assert "a-db-password" not in err


async def test_asking_for_the_token_loads_nothing_of_the_backend() -> None:
    heavy = {"aiohttp", "asyncpg", "aiomqtt", "mould_watch.service"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys, mould_watch.cli; print(*sys.modules)",
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert heavy.isdisjoint(out.decode().split())
