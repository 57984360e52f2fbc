"""A real Home Assistant in a folder of its own: started, onboarded, restarted, asked."""

import asyncio
import itertools
import json
import re
import secrets
import shutil
import time
from pathlib import Path

import aiohttp

from . import paths
from .home_assistant_api import HomeAssistantApi
from .processes import ServerProcess

USER_NAME = "demo"
_CONFIGURATION = """\
# Written by the demo at every start.
homeassistant:
  name: Demo flat
  latitude: 52.52
  longitude: 13.405
  elevation: 40
  country: DE
  currency: EUR
  unit_system: metric
  time_zone: {time_zone}
  external_url: "http://127.0.0.1:{port}"
  internal_url: "http://127.0.0.1:{port}"
frontend:
config:
history:
logbook:
recorder:
  commit_interval: 1
mobile_app:
automation: !include automations.yaml
person:
sun:
logger:
  default: warning
  logs:
    custom_components.mould_watch: info
{more}"""

# Programs for cameras and voices, which Home Assistant looks for and the demo does without.
_EXPECTED_FAULTS = re.compile(r"ffmpeg|turbojpeg", re.IGNORECASE)
_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.MULTILINE)
_FAULT = re.compile(r"^\S+ \S+ (ERROR|CRITICAL) ")
# The step in which Home Assistant sets up weather, radio and text-to-speech services of the
# internet. The configuration file answers its questions, so it counts as taken.
_ONBOARDING = {
    "version": 4,
    "minor_version": 1,
    "key": "onboarding",
    "data": {"done": ["core_config"]},
}


class HomeAssistant:
    """The program, its folder and its people."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        time_zone: str = "Europe/Berlin",
        more_configuration: str = "",
    ) -> None:
        """Describe it; nothing is written or started yet."""
        self.folder = folder
        self.port = port
        self.time_zone = time_zone
        self.more_configuration = more_configuration
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / "output.log"
        self.process = ServerProcess(
            "Home Assistant",
            [paths.HASS, "-c", folder, "--skip-pip", "--log-no-color"],
            self.log,
            # not in the configuration file, where the port would be a deprecated setting that
            # Home Assistant takes back after five minutes unless somebody confirms it
            {"SETUP_PORT": str(port)},
        )

    def prepare(self) -> None:
        """Write the configuration and put the integration where Home Assistant looks for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "configuration.yaml").write_text(
            _CONFIGURATION.format(
                port=self.port, time_zone=self.time_zone, more=self.more_configuration
            ),
            encoding="utf-8",
        )
        automations = self.folder / "automations.yaml"
        if not automations.exists():
            automations.write_text("[]\n", encoding="utf-8")
        onboarding = self.folder / ".storage" / "onboarding"
        if not onboarding.exists():
            onboarding.parent.mkdir(exist_ok=True)
            onboarding.write_text(json.dumps(_ONBOARDING), encoding="utf-8")
        self._forget_other_port()
        components = self.folder / "custom_components"
        components.mkdir(exist_ok=True)
        link = components / paths.INTEGRATION.name
        # a copy from an older demo would be run in place of the clone's
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)
        link.unlink(missing_ok=True)
        link.symlink_to(paths.INTEGRATION, target_is_directory=True)

    def _forget_other_port(self) -> None:
        """Home Assistant keeps the port it first had: let it take the one it gets now."""
        stored = self.folder / ".storage" / "http"
        if not stored.exists():
            return
        content = json.loads(stored.read_text(encoding="utf-8"))
        stable = content["data"]["stable"]
        if stable is not None and stable["server_port"] != self.port:
            stored.unlink()

    async def start(self, timeout_s: float = 180.0) -> float:
        """Start it and wait until it answers; return the seconds that took."""
        began = time.monotonic()
        self.process.start()
        await self.wait_answering(timeout_s)
        return time.monotonic() - began

    async def wait_answering(self, timeout_s: float) -> None:
        """Wait until it answers HTTP requests."""
        deadline = time.monotonic() + timeout_s
        async with aiohttp.ClientSession() as session:
            while True:
                self.process.require_running()
                try:
                    async with session.get(
                        f"{self.address}/api/onboarding", timeout=aiohttp.ClientTimeout(total=5)
                    ) as answer:
                        if answer.status < 500:  # noqa: PLR2004
                            return
                except aiohttp.ClientError, TimeoutError:
                    pass
                if time.monotonic() > deadline:
                    raise TimeoutError(f"Home Assistant did not answer within {timeout_s:g} s")
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End it, giving it time to write its states."""
        await self.process.stop(grace_s=60)

    async def log_in(self, password: str) -> HomeAssistantApi:
        """Return the API as the demo's user, onboarding the instance if it is new."""
        api = HomeAssistantApi(self.address)
        if await api.is_new():
            await api.onboard(USER_NAME, password)
        else:
            await api.log_in(USER_NAME, password)
        return api

    def faults(self) -> list[str]:
        """Return the errors in its log, each with its traceback, that are not expected."""
        if not self.log.exists():
            return []
        text = self.log.read_text(encoding="utf-8", errors="replace")
        starts = [match.start() for match in _RECORD.finditer(text)]
        records = [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]
        return [
            record.strip()
            for record in records
            if _FAULT.match(record) and not _EXPECTED_FAULTS.search(record)
        ]


def new_password() -> str:
    """Return a password for people to type: 12 letters and digits, easily told apart."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(12))
