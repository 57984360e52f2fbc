"""How a device reports, as far as it is known: what decides when it counts as silent."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from mould_watch.domain.power import PowerSource
from mould_watch.domain.rules.silent import Habits

_BATTERY: Final = "battery_pct"
_FORWARDED: Final = "ha:"

NEVER_SLEEPS: Final = timedelta(minutes=2)
"""A device of which nothing is said, and that reports so often, does not sleep.

It is the least that can be learned: reports are told apart by the minute, so one each minute has
gaps of one and of two. 95 % of its gaps were no longer, over 240 reports: for hours it reported
each minute, whether or not anything changed, which is no sensor that reports changes and sleeps in
between. Over Wi-Fi a sleeper could not afford it: waking, connecting and sending take about 3 s at
80 mA (an estimate), 0.07 mAh, and 720 of them a day empty two AA cells in two months. Beacons can,
and they come by families that say so (`PowerSource.BATTERY`).
"""


def habits_of(
    source_instance: str,
    metrics: Collection[str],
    interval_s: float | None,
    power_source: PowerSource | None,
) -> Habits:
    """Return the habits of a device.

    It has mains power where its gateway or its kind says so, and where nothing is said and it
    never sleeps; never where anything speaks of a battery. Of a forwarded entity the battery is
    another entity, and how often it reports is how often Home Assistant asks.
    """
    speaks_of_battery = power_source is PowerSource.BATTERY or _BATTERY in metrics
    is_busy = interval_s is not None and timedelta(seconds=interval_s) <= NEVER_SLEEPS
    is_mains = not speaks_of_battery and (
        power_source is PowerSource.MAINS
        or (is_busy and not source_instance.startswith(_FORWARDED))
    )
    return Habits(interval_s=interval_s, is_mains=is_mains)
