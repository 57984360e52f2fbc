"""How a device reports, as far as it is known: what decides when it counts as silent."""

from collections.abc import Collection
from typing import Final

from mould_watch.domain.rules.silent import Habits

_BATTERY: Final = "battery_pct"
_FORWARDED: Final = "ha:"


def habits_of(source_instance: str, metrics: Collection[str], interval_s: float | None) -> Habits:
    """Return the habits of a device.

    It has mains power for sure only if it comes over the broker without a battery among its
    metrics: of a forwarded entity the battery is another entity.
    """
    is_mains = not source_instance.startswith(_FORWARDED) and _BATTERY not in metrics
    return Habits(interval_s=interval_s, is_mains=is_mains)
