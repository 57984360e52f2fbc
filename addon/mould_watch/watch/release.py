"""Letting notifications go whose waiting is over: alone, with their room's, or summed up."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from mould_watch.domain.configuration import HomeConfiguration
from mould_watch.domain.holding import Bundle, decide, night_of
from mould_watch.domain.notification import Lane, NotificationKind
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.domain.texts import Told, also, buttons, summary
from mould_watch.storage import held
from mould_watch.storage.database import Connection


async def release_due(
    connection: Connection, target: Lane, now: datetime, policy: NotificationPolicy
) -> None:
    """Decide about all that has waited long enough for a target, in this transaction.

    Whoever else decides about it at this moment does it alone.
    """
    if not await held.lock_target(connection, target):
        return
    home = await _home(connection)
    decision = decide(
        await held.due(connection, target, now),
        await held.released(connection, target, now),
        now,
        home=home,
        policy=policy,
    )
    await held.release(connection, decision.release, now)
    if decision.hold is not None:
        await held.hold(connection, decision.wait, decision.hold, now)
    for bundle in decision.bundles:
        message = await held.message_of(connection, bundle.head.notification_id)
        for recovery in bundle.cleared:
            await held.clear(connection, recovery, message, now)
        await held.bundle(
            connection,
            bundle.told,
            bundle.kind,
            severity=bundle.severity,
            message=dict(message) | _words(bundle, message, home.language),
            now=now,
        )


async def keep_quiet(connection: Connection, now: datetime, policy: NotificationPolicy) -> int:
    """Put off what comes late into the quiet hours; return how many that were.

    Home Assistant was away, or a phone: what is not urgent is no reason to wake anybody when it
    is back.
    """
    morning = night_of(now, home=await _home(connection), policy=policy)
    if morning is None:
        return 0
    return await held.keep_for_the_morning(connection, now, morning, policy.urgent_from)


async def _home(connection: Connection) -> HomeConfiguration:
    try:
        return HomeConfiguration.model_validate(await held.home(connection))
    except ValidationError:  # told by whoever judges; what waits must not wait for it
        return HomeConfiguration()


def _words(bundle: Bundle, message: Mapping[str, Any], language: str) -> dict[str, Any]:
    if bundle.kind is not NotificationKind.SUMMARY:
        others = [one.title for one in bundle.told[1:]]
        return {"body": f"{message['body']}\n{also(message['room'], others, language)}"}
    said = summary(
        [Told(one.title, is_over=one.is_over and one.kind.is_alarming) for one in bundle.told],
        language,
        is_of_a_flood=bundle.is_of_a_flood,
    )
    return {
        "title": said.title,
        "body": said.body,
        "buttons": [] if bundle.head.is_over else buttons(language),
    }
