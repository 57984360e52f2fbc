"""The coldest surface of a room: its temperature, and the humidity of the air touching it.

`f_Rsi = (T_si - T_e) / (T_i - T_e)` (ISO 13788, DIN 4108-2) says how far a surface follows the
room rather than the outside: 1 is the room air itself, 0.70 a wall at the standard's limit.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

from mould_watch.domain.configuration import Protect, RoomConfiguration, SurfaceKind
from mould_watch.domain.psychrometrics import (
    is_temperature_computable,
    saturation_pressure_pa,
    vapour_pressure_pa,
)

# Cold wall: what DIN 4108-2 asks for at least. Window: plain double glazing (U 2.7). Insulated
# wall: between the standard's corner and the undisturbed wall. Things: they are as warm as the air.
_DEFAULT_FACTOR: Final = {
    Protect.COLD_WALL: 0.70,
    Protect.WINDOW: 0.65,
    Protect.INSULATED_WALL: 0.85,
    # where it is said to follow the outside at all
    Protect.CELLAR: 0.50,
    Protect.THINGS: 1.0,
}
# Ground a few metres deep stays near the year's mean outside.
DEFAULT_CELLAR_C: Final = 12.0
DEFAULT_MEAN_DAYS: Final = 30.0
"""So many days of outdoor temperature a heavy wall or one in the ground follows the mean of."""

_YEAR_DAYS: Final = 365.0


F_RSI_MINIMUM: Final = 0.2
F_RSI_MAXIMUM: Final = 1.0

R_SI_GLAZING: Final = 0.13
R_SI_WALL: Final = 0.25
"""Inner surface resistances in m²K/W: for glass, where it gives the usual factors of glazing, and
a cautious one for walls, where furniture and curtains keep the warm air away."""


@dataclass(frozen=True, slots=True)
class SurfaceModel:
    """How the temperature of the watched surface follows.

    Exactly one of: a temperature factor `f_rsi` (0.2..1.0; 1: the room air itself, as for things
    in the room); a fixed `temperature_c`, for a cellar; `is_measured`, by a sensor on the surface.
    With a factor, `outdoor_mean_days` (> 0, at most 365) lets it follow not the outside but its
    running mean, as heavy walls and the ground do. Raises ValueError otherwise.
    """

    f_rsi: float | None = None
    temperature_c: float | None = None
    is_measured: bool = False
    outdoor_mean_days: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no model, or two. Raises ValueError."""
        kinds = (self.f_rsi is not None) + (self.temperature_c is not None) + self.is_measured
        if kinds != 1:
            message = "a surface has one of: a temperature factor, a fixed temperature, a sensor"
            raise ValueError(message)
        if self.f_rsi is not None:
            check_factor(self.f_rsi)
        if self.temperature_c is not None and not is_temperature_computable(self.temperature_c):
            message = f"surface temperature {self.temperature_c!r} °C is outside -80..100 °C"
            raise ValueError(message)
        days = self.outdoor_mean_days
        if days is not None and (self.f_rsi is None or not 0.0 < days <= _YEAR_DAYS):
            message = f"a surface with a factor follows the mean of 0..365 days, not {days!r}"
            raise ValueError(message)

    @property
    def needs_outdoor(self) -> bool:
        """Whether the outdoor temperature matters to it."""
        return self.f_rsi is not None and self.f_rsi < 1.0

    def surface_temperature_c(
        self, indoor_c: float, outdoor_c: float | None, measured_c: float | None = None
    ) -> float | None:
        """Return the temperature of the surface in °C; None if what it follows is missing.

        `outdoor_c` is its mean where the model follows the mean.
        """
        if self.is_measured:
            return measured_c
        if self.f_rsi is None:
            return self.temperature_c
        if not self.needs_outdoor:
            return indoor_c
        if outdoor_c is None:
            return None
        return surface_temperature_c(indoor_c, outdoor_c, self.f_rsi)


def check_factor(f_rsi: float) -> float:
    """Return the temperature factor; raises ValueError outside 0.2..1.0, and for NaN."""
    if not F_RSI_MINIMUM <= f_rsi <= F_RSI_MAXIMUM:
        message = f"temperature factor {f_rsi:.3g} is outside {F_RSI_MINIMUM}..{F_RSI_MAXIMUM}"
        raise ValueError(message)
    return f_rsi


def factor_of_u_value(u_value: float, r_si: float = R_SI_GLAZING) -> float:
    """Return the temperature factor of a flat element from its U-value in W/m²K.

    `f = 1 - U R_si`: the share of the whole resistance to heat (1 / U) that is not the resistance
    `r_si` between room air and surface. It holds in the middle of a pane or
    a wall; a corner, an edge or a frame is colder, and only a reading of the cold spot knows how
    much. Raises ValueError for what is no U-value, and where the factor is outside 0.2..1.0.
    """
    if not (0.0 < u_value < inf and 0.0 < r_si < inf):
        message = f"a U-value of {u_value!r} W/m²K with R_si {r_si!r} m²K/W is none"
        raise ValueError(message)
    return check_factor(1.0 - u_value * r_si)


def factor_of_mold_indicator(calibration_factor: float) -> float:
    """Return the temperature factor for the `calibration_factor` of core's mold_indicator.

    Its critical temperature is T_e + (T_i - T_e) / c: so f = 1 / c. Raises ValueError outside 1..5.
    """
    if not 1.0 / F_RSI_MAXIMUM <= calibration_factor <= 1.0 / F_RSI_MINIMUM:
        message = f"a calibration factor of {calibration_factor!r} is outside 1..5"
        raise ValueError(message)
    return 1.0 / calibration_factor


def surface_temperature_c(indoor_c: float, outdoor_c: float, f_rsi: float) -> float:
    """Return the surface temperature in °C for a temperature factor 0..1."""
    return outdoor_c + f_rsi * (indoor_c - outdoor_c)


def surface_humidity_pct(indoor_c: float, humidity_pct: float, surface_c: float) -> float:
    """Return the relative humidity at the surface, 0..100 %: the room's vapour, its temperature.

    Raises ValueError outside -80..100 °C and 0..105 %.
    """
    pressure_pa = vapour_pressure_pa(indoor_c, humidity_pct)
    return min(100.0, 100.0 * pressure_pa / saturation_pressure_pa(surface_c))


def surface_of(room: RoomConfiguration, calibrated_f_rsi: float | None = None) -> SurfaceModel:
    """Return the surface a room is watched for: what the user set, else the default.

    Without a kind a cellar's own value is the fixed temperature, everybody else's the factor;
    where a room carries both, its own one counts. `calibrated_f_rsi`, of measured cold spots,
    stands in for a factor that the user did not set.
    """
    factor = room.f_rsi if room.f_rsi is not None else calibrated_f_rsi
    if factor is None:
        factor = _DEFAULT_FACTOR[room.protect]
    match _kind(room):
        case SurfaceKind.SENSOR:
            return SurfaceModel(is_measured=True)
        case SurfaceKind.ROOM_AIR:
            return SurfaceModel(f_rsi=1.0)
        case SurfaceKind.FIXED:
            fixed_c = room.surface_temperature_c
            return SurfaceModel(temperature_c=DEFAULT_CELLAR_C if fixed_c is None else fixed_c)
        case SurfaceKind.SLOW:
            return SurfaceModel(
                f_rsi=factor, outdoor_mean_days=room.surface_mean_days or DEFAULT_MEAN_DAYS
            )
        case SurfaceKind.U_VALUE if room.u_value_w_m2_k is not None:
            r_si = R_SI_GLAZING if room.protect is Protect.WINDOW else R_SI_WALL
            return SurfaceModel(f_rsi=factor_of_u_value(room.u_value_w_m2_k, r_si))
        case _:
            return SurfaceModel(f_rsi=factor)


def uses_calibration(room: RoomConfiguration) -> bool:
    """Say whether a measured cold spot decides about this room's factor."""
    return room.f_rsi is None and _kind(room) is SurfaceKind.F_RSI


def _kind(room: RoomConfiguration) -> SurfaceKind:
    """Return how a room's surface is known: as it was said, else by the values that were."""
    if room.surface_kind is not None:
        return room.surface_kind
    if room.protect is Protect.CELLAR:
        has_factor = room.f_rsi is not None and room.surface_temperature_c is None
        return SurfaceKind.F_RSI if has_factor else SurfaceKind.FIXED
    if room.f_rsi is not None:
        return SurfaceKind.F_RSI
    if room.surface_temperature_c is not None:
        return SurfaceKind.FIXED
    return SurfaceKind.ROOM_AIR if room.protect is Protect.THINGS else SurfaceKind.F_RSI
