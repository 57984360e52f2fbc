"""The simulated flat: a bathroom without a fan, towels in it, a bedroom, the weather.

Water is kept count of, in grams: showers and sleepers put vapour into the air, air exchange
carries it out, cold walls take it up when they are below the dew point and everything wet
gives it back. So a bathroom dries by itself, slowly, and its wall stays damp for hours.

Everything is a function of the time of day and of a seed, so that the past and the present of
a flat fit together however often the demo is stopped and started.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

TIME_ZONE = ZoneInfo("Europe/Berlin")
_STEP_S = 60
# by now the flat has forgotten what it was started with
_WARM_UP = timedelta(days=4)

# temperature factor of the coldest surface, as a poorly insulated outer wall has it
_WALL_F = 0.70
# the vapour a wet square metre gives off or takes up, in m3/h: about 9, from the heat transfer
# coefficient of still air by Lewis' relation
_TRANSFER_M_H = 9.0

# what dries is uneven: the wet area shrinks as the water does
_HALF_WET_G = 45.0

_SHOWERS = ((6.75, 6.0), (14.75, 6.0), (21.75, 6.0))
"""When somebody showers, in local hours, and for how many minutes."""
_SHOWER_VAPOUR_G_MIN = 16.0
_SHOWER_WETS_G_MIN = 15.0
_SHOWER_HEATS_K = 2.6
_SLEEP_HOURS = (22.5, 6.75)
_SLEEPERS_VAPOUR_G_H = 36.0


class Place(StrEnum):
    """Where there is a sensor."""

    BATHROOM = "bathroom"
    TOWELS = "towels"
    BEDROOM = "bedroom"
    OUTDOOR = "outdoor"
    HALL = "hall"


@dataclass(frozen=True)
class Air:
    """What a sensor would read: °C and % relative humidity."""

    temperature_c: float
    humidity_pct: float


@dataclass(frozen=True)
class _Zone:
    """A room's air. Vapour in g/m3; `film_g` is water lying on its surfaces."""

    volume_m3: float
    wet_area_m2: float
    exchange_per_h: float
    vapour_g_m3: float
    temperature_c: float
    film_g: float = 0.0

    @property
    def humidity_pct(self) -> float:
        return min(99.9, 100 * self.vapour_g_m3 / saturation_g_m3(self.temperature_c))


class Flat:
    """One flat, from a moment in the past on."""

    def __init__(self, start: datetime, seed: int = 1) -> None:
        """Begin at `start`, warmed up: the days before have left their damp."""
        self._seed = seed
        self._now = start.astimezone(UTC) - _WARM_UP
        self._bathroom = _Zone(14.0, 3.5, 0.3, 8.0, 21.0)
        self._bedroom = _Zone(34.0, 0.8, 0.5, 8.0, 18.0)
        # what hangs in the bathroom follows its air, and keeps the last shower's wet
        self._towels_humidity_pct = 60.0
        self._shower_until: datetime | None = None
        self.advance(start)

    @property
    def now(self) -> datetime:
        """Return the time up to which the flat has lived."""
        return self._now

    def start_shower(self, minutes: float) -> None:
        """Let somebody shower out of turn."""
        self._shower_until = self._now + timedelta(minutes=minutes)

    def advance(self, until: datetime) -> None:
        """Let time pass, in steps of at most a minute."""
        while self._now < until:
            step_s = min(_STEP_S, (until - self._now).total_seconds())
            self._step(step_s / 3600)
            self._now += timedelta(seconds=step_s)

    def air(self, place: Place) -> Air:
        """Return what the sensor at a place reads now (its noise included)."""
        bathroom, bedroom = self._bathroom, self._bedroom
        match place:
            case Place.BATHROOM:
                exact = Air(bathroom.temperature_c, bathroom.humidity_pct)
            case Place.TOWELS:
                exact = Air(bathroom.temperature_c - 0.4, self._towels_humidity_pct)
            case Place.BEDROOM:
                exact = Air(bedroom.temperature_c, bedroom.humidity_pct)
            case Place.OUTDOOR:
                exact = self._outdoor()
            case Place.HALL:
                exact = Air(19.5, 100 * _supply_g_m3(self._outdoor()) / saturation_g_m3(19.5))
        return Air(
            round(exact.temperature_c + 0.05 * self._noise(place, "t"), 2),
            round(min(100.0, max(1.0, exact.humidity_pct + 0.25 * self._noise(place, "h"))), 2),
        )

    def _step(self, hours: float) -> None:
        outdoor = self._outdoor()
        supply_g_m3 = _supply_g_m3(outdoor)
        local = self._now.astimezone(TIME_ZONE)
        hour = local.hour + local.minute / 60 + local.second / 3600

        showering = any(begin <= hour < begin + minutes / 60 for begin, minutes in _SHOWERS) or (
            self._shower_until is not None and self._now < self._shower_until
        )
        bathroom = self._bathroom
        if showering:
            bathroom = replace(
                bathroom,
                film_g=bathroom.film_g + _SHOWER_WETS_G_MIN * 60 * hours,
                vapour_g_m3=bathroom.vapour_g_m3
                + _SHOWER_VAPOUR_G_MIN * 60 * hours / bathroom.volume_m3,
                temperature_c=_approach(
                    bathroom.temperature_c, 21.0 + _SHOWER_HEATS_K, hours, 0.12
                ),
            )
        else:
            warm_c = 21.0 if hour >= 6 else 20.0  # noqa: PLR2004 - the heating rests at night
            bathroom = replace(
                bathroom, temperature_c=_approach(bathroom.temperature_c, warm_c, hours, 1.2)
            )
        self._bathroom = _exchange(bathroom, supply_g_m3, outdoor, hours)
        # cloth is wet at first, takes damp up at once and gives it back slowly
        film_g = self._bathroom.film_g
        wetter_pct = 20.5 if film_g > 62 else 7.0 if film_g > 1 else 2.0  # noqa: PLR2004
        towards_pct = min(96.0, self._bathroom.humidity_pct + wetter_pct)
        pace_h = 0.4 if towards_pct > self._towels_humidity_pct else 1.3
        self._towels_humidity_pct = _approach(self._towels_humidity_pct, towards_pct, hours, pace_h)

        asleep = hour >= _SLEEP_HOURS[0] or hour < _SLEEP_HOURS[1]
        bedroom = self._bedroom
        bedroom = replace(
            bedroom,
            temperature_c=_approach(bedroom.temperature_c, 17.0 if asleep else 19.0, hours, 3.0),
            vapour_g_m3=bedroom.vapour_g_m3
            + (_SLEEPERS_VAPOUR_G_H if asleep else 5.0) * hours / bedroom.volume_m3,
            # somebody airs the bed in the morning
            exchange_per_h=3.0 if _SLEEP_HOURS[1] <= hour < _SLEEP_HOURS[1] + 0.4 else 0.9,
        )
        self._bedroom = _exchange(bedroom, supply_g_m3, outdoor, hours)

    def _outdoor(self) -> Air:
        """The weather: a day's cycle, and calmer and windier days."""
        day = self._now.timestamp() / 86400
        local = self._now.astimezone(TIME_ZONE)
        hour = local.hour + local.minute / 60
        drift_k = 1.6 * math.sin(2 * math.pi * day / 5.3 + self._seed)
        temperature_c = 4.5 + drift_k + 3.2 * math.cos(2 * math.pi * (hour - 14.5) / 24)
        dew_point_c = 1.0 + 0.7 * drift_k + 0.6 * math.sin(2 * math.pi * day / 2.1)
        humidity_pct = 100 * saturation_pa(dew_point_c) / saturation_pa(temperature_c)
        return Air(temperature_c, min(98.0, humidity_pct))

    def _noise(self, place: Place, what: str) -> float:
        """A sensor's noise in -1..1, the same at the same time in every run."""
        key = f"{self._seed}/{place}/{what}/{int(self._now.timestamp())}"
        digest = hashlib.blake2b(key.encode(), digest_size=4).digest()
        return int.from_bytes(digest) / 2**31 - 1


def past(flat: Flat, until: datetime, step: timedelta) -> Iterator[datetime]:
    """Let the flat live on to `until`, and say each time when its sensors have news."""
    while flat.now + step <= until:
        flat.advance(flat.now + step)
        yield flat.now


def saturation_pa(temperature_c: float) -> float:
    """Return the saturation vapour pressure over water in Pa (Magnus, -45..60 °C)."""
    return 611.2 * math.exp(17.62 * temperature_c / (243.12 + temperature_c))


def saturation_g_m3(temperature_c: float) -> float:
    """Return the vapour that air can hold, in g/m3."""
    return 1000 * saturation_pa(temperature_c) / (461.5 * (temperature_c + 273.15))


def _supply_g_m3(outdoor: Air) -> float:
    """Return the vapour in the air that comes in: the outdoor air's, and what people add."""
    return saturation_g_m3(outdoor.temperature_c) * outdoor.humidity_pct / 100 + 2.2


def _exchange(zone: _Zone, supply_g_m3: float, outdoor: Air, hours: float) -> _Zone:
    """Let air be exchanged, and vapour go between the air and cold or wet surfaces."""
    wall_c = outdoor.temperature_c + _WALL_F * (zone.temperature_c - outdoor.temperature_c)
    # wet tiles and tubs are between the wall's temperature and the air's
    surface_c = 0.5 * (wall_c + zone.temperature_c)
    transfer_m3_h = _TRANSFER_M_H * zone.wet_area_m2
    vapour_g_m3 = zone.vapour_g_m3
    wet = zone.film_g / (zone.film_g + _HALF_WET_G)
    evaporated_g = max(
        0.0, wet * transfer_m3_h * (0.9 * saturation_g_m3(surface_c) - vapour_g_m3) * hours
    )
    evaporated_g = min(evaporated_g, zone.film_g)
    condensed_g = max(0.0, transfer_m3_h * (vapour_g_m3 - saturation_g_m3(wall_c)) * hours)
    condensed_g = min(condensed_g, max(0.0, vapour_g_m3 - saturation_g_m3(wall_c)) * zone.volume_m3)
    change_g_m3 = (evaporated_g - condensed_g) / zone.volume_m3
    vapour_g_m3 = _approach(vapour_g_m3 + change_g_m3, supply_g_m3, hours, 1 / zone.exchange_per_h)
    return replace(
        zone,
        vapour_g_m3=min(vapour_g_m3, saturation_g_m3(zone.temperature_c)),
        film_g=zone.film_g + condensed_g - evaporated_g,
    )


def _approach(value: float, towards: float, hours: float, time_constant_h: float) -> float:
    return towards + (value - towards) * math.exp(-hours / time_constant_h)
