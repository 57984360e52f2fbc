"""The dead man's switch: says so when nobody watches any more.

The backend tells of everything but its own absence. After 15 minutes without it, or while it
has no database, the integration notifies by itself, once, and takes that back when all is well.
What it has told is kept, so that a restart of Home Assistant neither repeats nor forgets it.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypedDict

from homeassistant.components import persistent_notification
from homeassistant.core import CALLBACK_TYPE, CoreState, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import CONF_PHONES, DOMAIN, TARGET_PERSISTENT
from .phones import PhoneCallError, find_phone
from .push import clear_data, own_data
from .stored import OrderedStore
from .texts import common_texts

if TYPE_CHECKING:
    from .runtime import MouldWatchConfigEntry

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1
PATIENCE: Final = timedelta(minutes=15)
# Time for the connection after a start of Home Assistant, whatever was before.
GRACE: Final = timedelta(minutes=2)
AGAIN: Final = timedelta(minutes=5)


class _Stored(TypedDict):
    """What the Store keeps."""

    # since when nobody watches; None: somebody does
    since: str | None
    # by target: "sending", or "told"
    told: dict[str, str]


def dead_man_store(hass: HomeAssistant, entry_id: str) -> OrderedStore[_Stored]:
    """Return the Store of an entry's dead man's switch."""
    return OrderedStore(hass, STORAGE_VERSION, f"{DOMAIN}.dead_man.{entry_id}")


class DeadMansSwitch:
    """Tells of an absent backend, and of one without its database."""

    def __init__(self, hass: HomeAssistant, entry: MouldWatchConfigEntry) -> None:
        """Belong to an entry."""
        self._hass = hass
        self._entry = entry
        self._store = dead_man_store(hass, entry.entry_id)
        self._tag = f"{DOMAIN}_backend_{entry.entry_id}"
        self._since: datetime | None = None
        self._told: dict[str, str] = {}
        self._is_well = False
        self._is_connected = False
        self._is_started = False
        self._is_overdue = False
        self._is_stopped = False
        self._cancel_timer: CALLBACK_TYPE | None = None
        # One telling or taking back at a time, the newest state counts.
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Read what was told before."""
        stored = await self._store.async_load()
        if stored is not None:
            self._told = stored["told"]
            since = stored["since"]
            self._since = None if since is None else dt_util.parse_datetime(since)

    @callback
    def start(self) -> None:
        """Home Assistant has started: from now an absence counts."""
        self._is_started = True
        if self._is_well:
            self._changed()
            return
        now = dt_util.utcnow()
        self._since = self._since or now
        # Bounded on both sides: the wall clock may have jumped meanwhile.
        left = min(max(PATIENCE - (now - self._since), GRACE), PATIENCE)
        self._wait(left)

    @callback
    def stop(self) -> None:
        """Do nothing more; the entry is unloaded."""
        self._is_stopped = True
        self._stop_waiting()

    @callback
    def take(self, *, connected: bool, database: str | None) -> None:
        """Take how the backend is."""
        is_well = connected and database == "ready"
        self._is_connected = connected or database is not None
        if is_well == self._is_well or self._is_stopped:
            return
        self._is_well = is_well
        if is_well:
            self._since = None
            self._is_overdue = False
            self._stop_waiting()
            self._changed()
        elif self._is_started:
            self._since = dt_util.utcnow()
            self._wait(PATIENCE)
            self._changed()

    @callback
    def _stop_waiting(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    @callback
    def _wait(self, delay: timedelta) -> None:
        self._stop_waiting()
        self._cancel_timer = async_call_later(self._hass, delay, self._on_time)

    @callback
    def _on_time(self, now: datetime) -> None:
        del now
        self._cancel_timer = None
        self._is_overdue = not self._is_well
        self._changed()

    @callback
    def _changed(self) -> None:
        # Begun is finished, also when the connection comes or goes meanwhile.
        self._entry.async_create_background_task(
            self._hass, self._follow(), name=f"{DOMAIN} dead man's switch"
        )

    async def _follow(self) -> None:
        """Tell, or take back, what is to be told now; what fails is tried again later."""
        async with self._lock:
            await self._save()
            if self._hass.state is CoreState.stopping:
                return
            if self._is_well:
                done = [await self._take_back(target) for target in list(self._told)]
            elif self._is_overdue:
                done = [await self._tell(target) for target in self._targets()]
            else:
                return
            if not all(done):
                self._wait(AGAIN)

    def _targets(self) -> Sequence[str]:
        """Return the phones that are still there; without any it is told inside Home Assistant."""
        phones = self._entry.options.get(CONF_PHONES, ())
        there = [phone for phone in phones if find_phone(self._hass, phone) is not None]
        return there or (TARGET_PERSISTENT,)

    async def _tell(self, target: str) -> bool:
        """Tell one target, unless it knows; return whether it knows now."""
        before = self._told.get(target)
        if before == "told":
            return True
        texts = await common_texts(self._hass)
        key = "no_database" if self._is_connected else "no_backend"
        title, message = texts[f"{key}_title"], texts[f"{key}_message"]
        if target == TARGET_PERSISTENT:
            persistent_notification.async_create(
                self._hass, message, title=title, notification_id=self._tag
            )
            return await self._note(target, "told")
        phone = find_phone(self._hass, target)
        if phone is None:
            return True
        await self._note(target, "sending")
        try:
            if phone.action is not None:
                await phone.push(
                    **own_data(
                        message, title, tag=self._tag, repeated=before == "sending", texts=texts
                    )
                )
            elif not await phone.say(title, message):
                raise PhoneCallError(f"{phone.name} takes no notifications now")
        except PhoneCallError as err:
            _LOGGER.warning("Nobody watches for mould, and %s cannot be told: %s", phone.name, err)
            if not err.may_have_arrived:
                await self._note(target, before)
            return False
        return await self._note(target, "told")

    async def _take_back(self, target: str) -> bool:
        """Take away what a target may show; return whether that is done."""
        phone = None if target == TARGET_PERSISTENT else find_phone(self._hass, target)
        if target == TARGET_PERSISTENT:
            persistent_notification.async_dismiss(self._hass, self._tag)
        elif phone is not None and phone.action is not None:
            try:
                await phone.push(**clear_data(self._tag))
            except PhoneCallError as err:
                _LOGGER.debug("What %s shows is taken back later: %s", phone.name, err)
                return False
        return await self._note(target, None)

    async def _note(self, target: str, state: str | None) -> bool:
        """Keep what a target knows, at once."""
        told = {key: value for key, value in self._told.items() if key != target}
        self._told = told if state is None else {**told, target: state}
        await self._save()
        return True

    async def _save(self) -> None:
        since = None if self._since is None else self._since.isoformat()
        await self._store.async_save({"since": since, "told": self._told})
