"""The coldest surface of a room: its temperature, and the humidity of the air touching it.

`f_Rsi = (T_si - T_e) / (T_i - T_e)` (ISO 13788, DIN 4108-2) says how far a surface follows the
room rather than the outside: 1 is the room air itself, 0.70 a wall at the standard's limit.
"""

from dataclasses import dataclass
from datetime import datetime
from math import cos, tau
from typing import Final

from mould_watch.domain.configuration import Protect, RoomConfiguration, SurfaceKind
from mould_watch.domain.psychrometrics import saturation_pressure_pa, vapour_pressure_pa

# Cold wall: what DIN 4108-2 asks for at least. Window: plain double glazing (U 2.7). Insulated
# wall: between the standard's corner and the undisturbed wall. Things: they are as warm as the air.
_DEFAULT_FACTOR: Final = {
    Protect.COLD_WALL: 0.70,
    Protect.WINDOW: 0.65,
    Protect.INSULATED_WALL: 0.85,
    Protect.THINGS: 1.0,
}
# Ground a few metres deep stays near the year's mean outside.
DEFAULT_CELLAR_C: Final = 12.0


DEFAULT_SWING_K: Final = 3.0
"""Half of the range of a cellar wall's year."""

# The ground is warmest about the first of September, and coldest half a year later.
_WARMEST_DAY: Final = 244.0
_YEAR_DAYS: Final = 365.25

# Resistance between room and surface in m² K/W: behind furniture and in corners, and at a pane.
_RESISTANCE_WALL: Final = 0.25
_RESISTANCE_PANE: Final = 0.13
_FACTOR_LEAST: Final = 0.2


@dataclass(frozen=True, slots=True)
class SurfaceModel:
    """How the temperature of the watched surface is known: by a factor, a fixed one, measured.

    Exactly one of the three is set. `f_rsi` is 0.2..1.0, `temperature_c` in °C, and `swing_k`
    how far it goes above and below that within a year (0: it is always the same).
    """

    f_rsi: float | None = None
    temperature_c: float | None = None
    swing_k: float = 0.0
    is_measured: bool = False

    def __post_init__(self) -> None:
        """Refuse none and several. Raises ValueError."""
        if (self.f_rsi is not None) + (self.temperature_c is not None) + self.is_measured != 1:
            message = (
                "a surface has either a temperature factor or a fixed temperature, or is measured"
            )
            raise ValueError(message)

    @property
    def needs_outdoor(self) -> bool:
        """Whether the outdoor temperature matters to it."""
        return self.f_rsi is not None and self.f_rsi < 1.0

    def surface_temperature_c(
        self,
        indoor_c: float,
        outdoor_c: float | None,
        *,
        at: datetime,
        measured_c: float | None = None,
    ) -> float | None:
        """Return the temperature of the surface in °C; None if what it needs is missing."""
        if self.is_measured:
            return measured_c
        if self.f_rsi is None:
            return self._of_the_year(at)
        if not self.needs_outdoor:
            return indoor_c
        if outdoor_c is None:
            return None
        return surface_temperature_c(indoor_c, outdoor_c, self.f_rsi)

    def _of_the_year(self, at: datetime) -> float | None:
        if self.temperature_c is None or not self.swing_k:
            return self.temperature_c
        day = at.timetuple().tm_yday + at.hour / 24.0
        return self.temperature_c + self.swing_k * cos(tau * (day - _WARMEST_DAY) / _YEAR_DAYS)


def surface_temperature_c(indoor_c: float, outdoor_c: float, f_rsi: float) -> float:
    """Return the surface temperature in °C for a temperature factor 0..1."""
    return outdoor_c + f_rsi * (indoor_c - outdoor_c)


def surface_humidity_pct(indoor_c: float, humidity_pct: float, surface_c: float) -> float:
    """Return the relative humidity at the surface, 0..100 %: the room's vapour, its temperature.

    Raises ValueError outside -80..100 °C and 0..105 %.
    """
    pressure_pa = vapour_pressure_pa(indoor_c, humidity_pct)
    return min(100.0, 100.0 * pressure_pa / saturation_pressure_pa(surface_c))


def factor_of_u_value(u_value_w_m2_k: float, *, is_pane: bool) -> float:
    """Return the temperature factor of a plain wall or pane with this U-value, 0.2..1.0.

    f = 1 - U R, R the resistance between room and surface: 0.25 m² K/W at a wall (ISO 13788 for
    mould: behind furniture), 0.13 at a pane. A corner is colder than this says.
    """
    resistance = _RESISTANCE_PANE if is_pane else _RESISTANCE_WALL
    return max(_FACTOR_LEAST, 1.0 - u_value_w_m2_k * resistance)


def surface_of(room: RoomConfiguration, calibrated_f_rsi: float | None = None) -> SurfaceModel:
    """Return the surface a room is watched for: what the user set, else the default.

    Without a kind a cellar's own value is the fixed temperature, everybody else's the factor;
    where a room carries both, its own one counts. `calibrated_f_rsi`, of measured cold spots,
    stands in for a factor that the user did not set.
    """
    factor = room.f_rsi if room.f_rsi is not None else calibrated_f_rsi
    default_f = _DEFAULT_FACTOR.get(room.protect, _DEFAULT_FACTOR[Protect.COLD_WALL])
    fixed_c = room.surface_temperature_c
    default_c = DEFAULT_CELLAR_C if fixed_c is None else fixed_c
    match _kind(room):
        case SurfaceKind.SENSOR:
            return SurfaceModel(is_measured=True)
        case SurfaceKind.ROOM_AIR:
            return SurfaceModel(f_rsi=1.0)
        case SurfaceKind.FIXED:
            return SurfaceModel(temperature_c=default_c)
        case SurfaceKind.SLOW:
            swing_k = DEFAULT_SWING_K if room.surface_swing_k is None else room.surface_swing_k
            return SurfaceModel(temperature_c=default_c, swing_k=swing_k)
        case SurfaceKind.U_VALUE if room.u_value_w_m2_k is not None:
            is_pane = room.protect is Protect.WINDOW
            return SurfaceModel(f_rsi=factor_of_u_value(room.u_value_w_m2_k, is_pane=is_pane))
        case _:
            return SurfaceModel(f_rsi=default_f if factor is None else factor)


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
