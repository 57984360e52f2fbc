"""What the outbox needs now and then: another way for what waits, and room for what comes."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.notify.channel import Channel
from mould_watch.retry import Backoff
from mould_watch.settings import NotifySettings
from mould_watch.storage import outbox_care
from mould_watch.storage.database import Database
from mould_watch.storage.outbox_care import HandedOver
from mould_watch.storage.told import told_targets

_LOGGER = logging.getLogger(__name__)
_LOOK_S: Final = 15.0
_CLEAN_S: Final = 86400.0
_NEWS_S: Final = 86400.0
"""How long after it failed a notification's words are still worth another way, in seconds."""

_INCIDENTS_AT_ONCE: Final = 200


class Care:
    """Hands what nobody can take, and what failed, to the fallback; removes what is long over."""

    def __init__(
        self,
        settings: NotifySettings,
        database: Database,
        clock: Clock,
        channels: Sequence[Channel],
        resting: Callable[[], Collection[tuple[str, str]]],
    ) -> None:
        """Care for the notifications of `channels`; `resting`: channels and routes left alone."""
        self._settings = settings
        self._database = database
        self._clock = clock
        self._channels = channels
        self._resting = resting
        self._began_s = clock.monotonic_s()
        # (channel, route) -> when this process last had it: bounded by the routes there ever were
        self._served_s: dict[tuple[str, str], float] = {}
        self._clean_at_s = clock.monotonic_s()

    async def run(self) -> None:
        """Look for ever."""
        self._began_s = self._clock.monotonic_s()
        backoff = Backoff(initial_s=0.2, maximum_s=10.0)
        look_s = min(_LOOK_S, self._settings.poll_s, self._settings.fallback_after_s / 4)
        while True:
            self._note_served()
            try:
                await self._tell_what_waits()
                await self._fall_back()
                await self._hand_over()
                await self._clean()
            except DatabaseUnavailableError:
                await self._clock.sleep(backoff.next_delay_s())
                await self._database.wait_ready()
                continue
            backoff.reset()
            await self._clock.sleep(look_s)

    def _note_served(self) -> None:
        now_s = self._clock.monotonic_s()
        for channel in self._channels:
            for route in channel.routes():
                self._served_s[channel.name, route] = now_s

    async def _tell_what_waits(self) -> None:
        """Tell each channel for which other routes there is something."""
        for channel in self._channels:
            async with self._database.connection() as connection:
                others = await outbox_care.unserved_routes(
                    connection, channel.name, channel.routes()
                )
            if others:
                channel.asked_for(others)

    async def _fall_back(self) -> None:
        """Hand over what waited too long for a route that nobody has.

        A process that has just started, or just lost the route, waits as long before it says
        so: whoever has the route may be about to come back to it.
        """
        way = self._settings.fallback_way
        after_s = self._settings.fallback_after_s
        now_s = self._clock.monotonic_s()
        if way is None or now_s - self._began_s < after_s:
            return
        said_by = f"{way.channel}:{way.target}"
        for channel in self._channels:
            if channel.name == way.channel:
                continue
            served = [
                route
                for (name, route), at_s in self._served_s.items()
                if name == channel.name and now_s - at_s < after_s
            ]
            reason = f"nobody was connected for {after_s / 60:.0f} min: {said_by} says it instead"
            async with self._database.transaction() as connection:
                handed = await outbox_care.fall_back(
                    connection, channel.name, served, after_s, way=way, reason=reason
                )
            _tell(
                handed,
                "A notification that nobody took for %.0f min goes to %s",
                after_s / 60,
                said_by,
            )

    async def _hand_over(self) -> None:
        """Have said another way what does not arrive: a service is down, a phone is gone."""
        way = self._settings.fallback_way
        if way is None:
            return
        after_s = self._settings.fallback_after_s
        said_by = f"{way.channel}:{way.target}"
        reason = f"it could not be delivered for {after_s / 60:.0f} min: {said_by} says it instead"
        is_settled = self._clock.monotonic_s() - self._began_s >= after_s
        late: list[HandedOver] = []
        async with self._database.transaction() as connection:
            told = await told_targets(connection)
            if is_settled:
                late = await outbox_care.fall_back_undelivered(
                    connection,
                    after_s,
                    way=way,
                    reason=reason,
                    told=told,
                    resting=self._resting(),
                )
            failed = await outbox_care.hand_over_failed(connection, _NEWS_S, way=way, told=told)
        _tell(
            late,
            "A notification that could not be delivered for %.0f min goes to %s",
            after_s / 60,
            said_by,
        )
        _tell(failed, "A notification that cannot be delivered goes to %s", said_by)

    async def _clean(self) -> None:
        """Once a day remove the notifications of incidents that ended long ago."""
        now_s = self._clock.monotonic_s()
        if now_s < self._clean_at_s:
            return
        removed = 0
        while True:
            async with self._database.transaction() as connection:
                now_removed = await outbox_care.remove_finished(
                    connection, self._settings.keep_days, _INCIDENTS_AT_ONCE
                )
            removed += now_removed
            if not now_removed:
                break
        self._clean_at_s = now_s + _CLEAN_S
        if removed:
            _LOGGER.info(
                "Removed %d notifications of incidents that ended more than %d days ago",
                removed,
                self._settings.keep_days,
                extra={"action": "notifications_removed", "count": removed},
            )


def _tell(handed: Iterable[HandedOver], text: str, *values: object) -> None:
    """Log of each that it goes another way."""
    for one in handed:
        _LOGGER.warning(
            text,
            *values,
            extra={
                "action": "notification_fell_back",
                "notification_id": str(one.notification_id),
                "fallback_id": one.fallback_id and str(one.fallback_id),
                "correlation_id": one.correlation_id and str(one.correlation_id),
            },
        )
