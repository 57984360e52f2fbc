"""The backend as it is shipped, but for its clock: that one can be set wrong from outside."""

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from mould_watch.api.token import load_token
from mould_watch.clock import SystemClock
from mould_watch.observability.logs import configure_logging
from mould_watch.service import Service
from mould_watch.settings import Settings

OFFSET_FILE: Final = "MOULD_WATCH_TEST_CLOCK_OFFSET_FILE"
"""Seconds that are added to the wall clock; read anew at each look."""


class WrongClock(SystemClock):
    """A wall clock that is off by what a file says."""

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.offset_s)

    @property
    def offset_s(self) -> float:
        return float(Path(os.environ[OFFSET_FILE]).read_text(encoding="utf-8"))

    def is_synchronised(self) -> bool:
        """As a kernel says it that was told the time."""
        return self.offset_s == 0


def main() -> int:
    settings = Settings.load()
    secrets = configure_logging(settings.log_level, settings.log_format)
    token = load_token(settings.data_dir, settings.token)
    clock = WrongClock()
    service = Service(settings, token, clock, secrets, is_synchronised=clock.is_synchronised)
    return asyncio.run(service.run())


if __name__ == "__main__":
    sys.exit(main())
