"""The demo itself: starts every part, sets the home up, tells what happens, ends it all."""

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import leftovers, recording, zigbee
from .backend import Backend
from .broker import Broker
from .dashboard import make_dashboard
from .events import LogEvents
from .flat import Flat
from .home import TRIAL_TAG, Home, Room, configure
from .home_assistant import USER_NAME, HomeAssistant
from .home_assistant_api import HomeAssistantApi
from .phone import Phone, Push
from .processes import ProcessError, ServerProcess, free_port
from .publisher import Publisher
from .recording import Recording
from .screen import Screen
from .state import State
from .zigbee import Sensor

LOCK_NAME = "lock"
_PAST = timedelta(days=3)
_PHONE_NAME = "Demo phone"
_PREFERRED_PORT = 8123
_SAVE_EVERY_S = 5.0


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    port: int | None = None
    replay: Path | None = None
    once: bool = False


class Demo:
    """One run, in one folder."""

    def __init__(self, folder: Path, options: Options, screen: Screen) -> None:
        """Describe the run; nothing is started yet."""
        self._folder = folder
        self._options = options
        self._screen = screen
        self._say = screen.say
        self._state = State.load(folder)
        self._resumed = self._state.published is not None
        self._stopping = False
        self._up_at: float | None = None
        self._api: HomeAssistantApi | None = None
        self._first_push = asyncio.Event()
        self._first_push_at: float | None = None

    async def run(self) -> int:
        """Run until interrupted (or, with --once, until the first push); return 0."""
        began = time.monotonic()
        for name in await leftovers.end(self._folder):
            self._say("demo", f"ended {name}, left over from a demo that was killed")
        self._choose_ports()
        recorded = self._recorded()
        flat_from = self._publish_from()
        flat = Flat(flat_from)

        self._broker = Broker(self._folder / "broker", self._port("broker_port"))
        self._backend = Backend(
            self._folder / "backend", self._port("backend_port"), self._broker.port
        )
        self._home_assistant = HomeAssistant(
            self._folder / "home-assistant", self._port("home_assistant_port")
        )
        self._phone = Phone(self._port("phone_port"), self._pushed)
        self._publisher = Publisher(
            self._broker.port, flat, lambda what: self._say("flat", what), recorded
        )
        self._events = LogEvents(self._backend.log, self._say)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._events.run(), name="demo.events")
                await self._phone.start()
                await self._start_all(flat_from)
                api = await self._set_up()
                tasks.create_task(self._publisher.run(), name="demo.publisher")
                tasks.create_task(self._keep_state(), name="demo.state")
                tasks.create_task(self._keep_running(), name="demo.keeper")
                self._tell_where(began)
                if self._options.once:
                    await self._until_first_push(api)
                    raise _FinishedError
                await asyncio.Event().wait()
        except* _FinishedError:
            pass
        finally:
            await self._end_all()
        if self._options.once:
            self._screen.plain(json.dumps(self._measured(began)))
        return 0

    # ------------------------------------------------------------------ before the start

    def _choose_ports(self) -> None:
        state = self._state
        wanted = self._options.port or state.home_assistant_port or _PREFERRED_PORT
        state.home_assistant_port = free_port(wanted)
        if state.home_assistant_port != wanted:
            self._say("demo", f"port {wanted} is taken; Home Assistant gets another")
        if state.backend_port is not None and free_port(state.backend_port) != state.backend_port:
            raise ProcessError(
                f"port {state.backend_port}, which this demo's Home Assistant knows the backend "
                "by, is taken by another program; end that, or start anew with --reset"
            )
        state.backend_port = free_port(state.backend_port)
        state.broker_port = free_port(state.broker_port)
        state.phone_port = free_port(state.phone_port)
        state.save(self._folder)

    def _port(self, name: str) -> int:
        port: int = getattr(self._state, name)
        return port

    def _recorded(self) -> tuple[Sensor, Recording] | None:
        chosen = self._options.replay
        known = self._state.recording
        path = chosen or (Path(known) if known else None)
        if path is None:
            return None
        if self._resumed and str(path.resolve()) != known:
            raise recording.RecordingError(
                "this demo was begun with another flat; start anew with --reset --replay FILE"
            )
        self._state.recording = str(path.resolve())
        series = recording.read(path, self._state.began)
        self._say(
            "demo",
            f"replaying {path.name}: its {series.present:%Y-%m-%d %H:%M} UTC was the demo's start",
        )
        return zigbee.recorded_room(_title(path)), series

    def _publish_from(self) -> datetime:
        """Return from when on the flat's life is still to be published."""
        past = _PAST if self._state.recording is None else recording.PAST_MAXIMUM
        earliest = datetime.now(UTC) - past
        published = self._state.published
        return earliest if published is None else max(earliest, published)

    # ------------------------------------------------------------------ starting

    async def _start_all(self, flat_from: datetime) -> None:
        self._say("demo", "starting mosquitto, the backend with its PostgreSQL, Home Assistant")
        await self._broker.start()
        self._say("mosquitto", f"listens on port {self._broker.port}")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._start_home_assistant(), name="demo.home_assistant")
            tasks.create_task(self._start_backend(flat_from), name="demo.backend")
        leftovers.record(self._folder, self._processes())

    async def _start_backend(self, flat_from: datetime) -> None:
        await self._backend.start()
        leftovers.record(self._folder, self._processes())
        await self._backend.wait_ready()
        self._say("backend", f"is ready on port {self._backend.port}, its PostgreSQL too")
        now = datetime.now(UTC)
        published = await self._publisher.publish_past(flat_from, now)
        self._state.published_until = now.isoformat()
        if published.messages:
            self._say(
                "flat",
                f"published {published.messages} messages of the past "
                f"{_duration(now - flat_from)} ({published.twice} of them twice)",
            )

    async def _start_home_assistant(self) -> None:
        self._home_assistant.prepare()
        took_s = await self._home_assistant.start()
        self._up_at = time.monotonic()
        self._say("home assistant", f"answers after {took_s:.1f} s")

    async def _set_up(self) -> HomeAssistantApi:
        api = self._api = await self._home_assistant.log_in(self._state.password)
        await _until_true(api.running)
        if self._resumed and await api.entries("mould_watch"):
            await self._reconnect_phone(api)
            self._say("home assistant", "goes on as it was set up")
        else:
            self._say("home assistant", f"user “{USER_NAME}” registered")
            phone_id, self._state.phone_webhook = await api.register_phone(
                _PHONE_NAME, self._phone.push_url
            )
            self._say("phone", f"registered as “{_PHONE_NAME}”")
            home = Home(
                self._backend.address,
                await self._backend.token(),
                zigbee.OUTDOOR.name,
                phone_id,
                send_test=True,
            )
            async for line in configure(api, home, self._rooms()):
                self._say("home assistant", line)
            await make_dashboard(api, [room.name for room in self._rooms()])
        self._state.save(self._folder)
        return api

    def _rooms(self) -> list[Room]:
        if self._state.recording is not None:
            name = _title(Path(self._state.recording))
            return [Room(name, name, "cold_wall")]
        return [
            Room("Bathroom", zigbee.BATHROOM.name, "cold_wall"),
            Room("Towels", zigbee.TOWELS.name, "things"),
            Room("Bedroom", zigbee.BEDROOM.name, "cold_wall"),
        ]

    async def _reconnect_phone(self, api: HomeAssistantApi) -> None:
        """Tell Home Assistant where the phone's push service is now, as the app does."""
        if self._state.phone_webhook is not None:
            await api.update_phone(_PHONE_NAME, self._state.phone_webhook, self._phone.push_url)

    # ------------------------------------------------------------------ while it runs

    def _pushed(self, push: Push) -> None:
        # the set-up's test goes over the phone's notify entity, which can carry no tag
        about_a_room = push.tag not in {None, TRIAL_TAG}
        self._state.pushes += about_a_room
        self._events.take_new()
        if push.clears:
            self._say("phone", f"push received: takes {push.tag} away")
            return
        self._say("phone", f"push received: {push.title or ''}")
        for line in push.message.splitlines():
            self._say("phone", f"  {line}")
        if self._first_push_at is None and about_a_room:
            self._first_push_at = time.monotonic()
            if self._up_at is not None:
                after_s = self._first_push_at - self._up_at
                self._say("demo", f"that was {after_s:.1f} s after Home Assistant was up")
            self._first_push.set()

    async def _until_first_push(self, api: HomeAssistantApi) -> None:
        if self._resumed and self._state.pushes:
            self._say("demo", "the phone has been told before; nothing is repeated")
            await _until_true(api.running)
            return
        await self._first_push.wait()

    async def _keep_state(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_EVERY_S)
            self._save()

    def _save(self) -> None:
        until = self._publisher.published.until
        if until is not None:
            self._state.published_until = until.isoformat()
        self._state.save(self._folder)

    async def _keep_running(self) -> None:
        """Start a server again that ended by itself, or was killed to see what happens."""
        restart: list[tuple[ServerProcess, Callable[[], Awaitable[object]]]] = [
            (self._broker.process, self._broker.start),
            (self._backend.process, self._backend.start),
            (self._home_assistant.process, self._home_assistant.start),
        ]
        while True:
            for process, start in restart:
                if process.running:
                    continue
                self._say("demo", f"{process.name} ended ({process.exit_code}); starting it again")
                with contextlib.suppress(ProcessError, TimeoutError):
                    await start()
                    self._say("demo", f"{process.name} runs again")
                leftovers.record(self._folder, self._processes())
            await asyncio.sleep(1.0)

    def _processes(self) -> list[ServerProcess]:
        return [self._broker.process, self._backend.process, self._home_assistant.process]

    def _tell_where(self, began: float) -> None:
        self._screen.box(
            [
                f"Home Assistant:  {self._home_assistant.address}",
                f"user:            {USER_NAME}",
                f"password:        {self._state.password}",
                "",
                f"Everything runs, {time.monotonic() - began:.0f} s after the start.",
                "Ctrl-C ends it all; a second start goes on, --reset starts anew.",
                f"Logs and data: {self._folder}",
            ]
        )

    def _measured(self, began: float) -> dict[str, object]:
        up, push = self._up_at, self._first_push_at
        return {
            "home_assistant_up_s": None if up is None else round(up - began, 2),
            "first_push_after_home_assistant_up_s": (
                None if up is None or push is None else round(push - up, 2)
            ),
            "resumed": self._resumed,
            "pushes": self._state.pushes,
        }

    # ------------------------------------------------------------------ the end

    async def _end_all(self) -> None:
        self._say("demo", "ending everything that was started")
        with contextlib.suppress(AttributeError):
            self._save()
        if self._api is not None:
            await self._api.close()
        await asyncio.gather(self._home_assistant.stop(), self._backend.stop())
        await self._broker.stop()
        await self._phone.stop()
        leftovers.record(self._folder, self._processes())
        self._say("demo", "ended")


class _FinishedError(Exception):
    """The demo has shown what it was asked to show."""


async def _until_true(ask: Callable[[], Awaitable[bool]]) -> None:
    while not await ask():
        await asyncio.sleep(0.2)


def _duration(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"  # noqa: PLR2004


async def reset(folder: Path) -> None:
    """End what is left over, and delete everything of the last demo but the lock on it."""
    await leftovers.end(folder)
    await Backend(folder / "backend", 0, 0).remove_database()
    await asyncio.to_thread(_empty, folder)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK_NAME:
            path.unlink()


def _title(path: Path) -> str:
    return path.stem.replace("_", " ")
