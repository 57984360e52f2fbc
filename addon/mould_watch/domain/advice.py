"""Whether opening a window would dry a room now.

Absolute humidity decides, never relative: cold air at 90 % dries a warm room.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from mould_watch.domain.climate import Climate, Series
from mould_watch.domain.psychrometrics import absolute_humidity_g_m3

WORTHWHILE_G_M3: Final = 1.5
"""So much drier must the outside be, in g/m³, that airing is worth it."""

FRESH: Final = timedelta(hours=2)
"""Advice is given on values of now, not on those of this morning."""


class Airing(StrEnum):
    """What opening a window would do."""

    DRIES = "dries"
    DOES_NOTHING = "does_nothing"
    DAMPENS = "dampens"
    UNKNOWN = "unknown"


def airing(climate: Climate, now: datetime) -> Airing:
    """Return what airing would do at `now`; UNKNOWN on stale or missing values."""
    indoor_g_m3 = _fresh_g_m3(climate.temperature, climate.humidity, now)
    outdoor_g_m3 = _fresh_g_m3(climate.outdoor_temperature, climate.outdoor_humidity, now)
    if indoor_g_m3 is None or outdoor_g_m3 is None:
        return Airing.UNKNOWN
    difference_g_m3 = indoor_g_m3 - outdoor_g_m3
    if difference_g_m3 >= WORTHWHILE_G_M3:
        return Airing.DRIES
    return Airing.DOES_NOTHING if difference_g_m3 >= 0 else Airing.DAMPENS


def _fresh_g_m3(temperature: Series | None, humidity: Series | None, now: datetime) -> float | None:
    if temperature is None or humidity is None:
        return None
    temperature_c, humidity_pct = temperature.newest(now), humidity.newest(now)
    if temperature_c is None or humidity_pct is None:
        return None
    if now - min(temperature_c.ts, humidity_pct.ts) > FRESH:
        return None
    return absolute_humidity_g_m3(temperature_c.value, humidity_pct.value)
