from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.mosquitto import Mosquitto


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncGenerator[Mosquitto]:
    """Yield a running broker of the test's own."""
    async with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture
def settings(broker: Mosquitto, database_url: str) -> dict[str, str]:
    """Return what a backend must be told to use the test's broker and database."""
    return {
        "DATABASE_URL": database_url,
        "MOULD_WATCH_MQTT__HOST": broker.host,
        "MOULD_WATCH_MQTT__PORT": str(broker.port),
    }
