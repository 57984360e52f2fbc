"""What a household can do now: open the window or not, heat a little, bring less moisture in.

Absolute humidity decides about airing, never relative: cold air at 90 % dries a warm room, and a
cool cellar aired in summer condenses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Final

from mould_watch.domain.climate import Climate, Series
from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.psychrometrics import (
    absolute_humidity_g_m3,
    saturation_pressure_pa,
    saturation_temperature_c,
    vapour_pressure_pa,
)

WORTHWHILE_G_M3: Final = 1.5
"""So much drier must the outside be, in g/m³, that airing is worth it."""
NO_LONGER_WORTHWHILE_G_M3: Final = 0.8
"""Below this the advice is withdrawn: between the two it stays as it was."""
HARMFUL_G_M3: Final = -0.8
NO_LONGER_HARMFUL_G_M3: Final = 0.0

FRESH: Final = timedelta(hours=2)
"""Advice is given on values of now, not on those of this morning."""

SAFE_SURFACE_PCT: Final = 80.0
"""Below this nothing grows on any surface at any temperature."""
WARMEST_ROOM_C: Final = 30.0
"""Nobody heats a room to more than that against mould."""

# A rule of thumb: what drives the exchange through an open window is the difference of
# temperature, and its square root the speed; ten minutes at 10 K change the air of a room.
_MINUTES_AT_10_K: Final = 10.0
_MINUTES_STEP: Final = 5
_MINUTES: Final = (5, 30)


@dataclass(frozen=True, slots=True)
class AiringAdvice:
    """What opening a window does now.

    `difference_g_m3` is inside minus outside, None where one is unknown or stale; `minutes` say
    how long to air, a rule of thumb, where it helps.
    """

    effect: AiringEffect
    difference_g_m3: float | None = None
    minutes: int | None = None


def airing(
    climate: Climate, now: datetime, previous: AiringEffect = AiringEffect.UNKNOWN
) -> AiringAdvice:
    """Return what airing would do at `now`; UNKNOWN on stale or missing values.

    `previous` is the last advice: it stays while the difference is in the dead band.
    """
    inside = _fresh_air(climate.temperature, climate.humidity, now)
    outside = _fresh_air(climate.outdoor_temperature, climate.outdoor_humidity, now)
    if inside is None or outside is None:
        return AiringAdvice(AiringEffect.UNKNOWN)
    difference_g_m3 = absolute_humidity_g_m3(*inside) - absolute_humidity_g_m3(*outside)
    effect = airing_effect(difference_g_m3, previous)
    is_helpful = effect is AiringEffect.HELPS
    return AiringAdvice(
        effect,
        difference_g_m3=difference_g_m3,
        minutes=airing_minutes(inside[0] - outside[0]) if is_helpful else None,
    )


def airing_effect(
    difference_g_m3: float, previous: AiringEffect = AiringEffect.UNKNOWN
) -> AiringEffect:
    """Return what airing does for absolute humidity inside minus outside, in g/m³."""
    was_helpful = previous is AiringEffect.HELPS
    if difference_g_m3 >= (NO_LONGER_WORTHWHILE_G_M3 if was_helpful else WORTHWHILE_G_M3):
        return AiringEffect.HELPS
    if difference_g_m3 <= HARMFUL_G_M3:
        return AiringEffect.HARMS
    if previous is AiringEffect.HARMS and difference_g_m3 < NO_LONGER_HARMFUL_G_M3:
        return AiringEffect.HARMS
    return AiringEffect.NEUTRAL


def airing_minutes(warmer_k: float) -> int:
    """Return how long to open a window wide, 5..30 min, for a room warmer than outside by K.

    A rule of thumb, shorter the colder it is outside; wind is not in it.
    """
    minutes = _MINUTES_AT_10_K * sqrt(10.0 / max(abs(warmer_k), 1.0))
    shortest, longest = _MINUTES
    return min(longest, max(shortest, round(minutes / _MINUTES_STEP) * _MINUTES_STEP))


def lowest_safe_temperature_c(
    indoor_c: float,
    humidity_pct: float,
    outdoor_c: float,
    f_rsi: float,
    safe_pct: float = SAFE_SURFACE_PCT,
) -> float | None:
    """Return the room temperature in °C at which the surface is just dry enough.

    With the water that is in the air now: warming changes nothing of it. None where heating is no
    way: the room would have to be warmer than 30 °C, or there is no water to keep off.
    Raises ValueError outside -80..100 °C and 0..105 %, and for a factor of 0 or below.
    """
    if not f_rsi > 0.0:
        message = f"a surface with a factor of {f_rsi!r} does not follow the room"
        raise ValueError(message)
    needed_c = saturation_temperature_c(
        vapour_pressure_pa(indoor_c, humidity_pct) / (safe_pct / 100.0)
    )
    if needed_c is None:
        return None
    room_c = outdoor_c + (needed_c - outdoor_c) / f_rsi
    return room_c if room_c <= WARMEST_ROOM_C else None


def highest_safe_humidity_pct(
    indoor_c: float, surface_c: float, safe_pct: float = SAFE_SURFACE_PCT
) -> float:
    """Return the relative humidity of the room, 0..100 %, at which the surface is just dry enough.

    With room and surface as warm as they are now. Raises ValueError outside -80..100 °C.
    """
    surface_pa = safe_pct / 100.0 * saturation_pressure_pa(surface_c)
    return min(100.0, 100.0 * surface_pa / saturation_pressure_pa(indoor_c))


def _fresh_air(
    temperature: Series | None, humidity: Series | None, now: datetime
) -> tuple[float, float] | None:
    if temperature is None or humidity is None:
        return None
    temperature_c, humidity_pct = temperature.newest(now), humidity.newest(now)
    if temperature_c is None or humidity_pct is None:
        return None
    if now - min(temperature_c.ts, humidity_pct.ts) > FRESH:
        return None
    return temperature_c.value, humidity_pct.value
