"""The coldest surface of a room: its temperature, and the humidity of the air touching it.

`f_Rsi = (T_si - T_e) / (T_i - T_e)` (ISO 13788, DIN 4108-2) says how far a surface follows the
room rather than the outside: 1 is the room air itself, 0.70 a wall at the standard's limit.
"""

from dataclasses import dataclass
from typing import Final

from mould_watch.domain.configuration import Protect, RoomConfiguration
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


@dataclass(frozen=True, slots=True)
class SurfaceModel:
    """How the temperature of the watched surface follows: by a factor, or fixed.

    Exactly one of the two is set. `f_rsi` is 0.2..1.0, `temperature_c` in °C.
    """

    f_rsi: float | None = None
    temperature_c: float | None = None

    def __post_init__(self) -> None:
        """Refuse neither and both. Raises ValueError."""
        if (self.f_rsi is None) == (self.temperature_c is None):
            message = "a surface has either a temperature factor or a fixed temperature"
            raise ValueError(message)

    @property
    def needs_outdoor(self) -> bool:
        """Whether the outdoor temperature matters to it."""
        return self.f_rsi is not None and self.f_rsi < 1.0

    def surface_temperature_c(self, indoor_c: float, outdoor_c: float | None) -> float | None:
        """Return the temperature of the surface in °C; None if the outdoor one is missing."""
        if self.f_rsi is None:
            return self.temperature_c
        if not self.needs_outdoor:
            return indoor_c
        if outdoor_c is None:
            return None
        return surface_temperature_c(indoor_c, outdoor_c, self.f_rsi)


def surface_temperature_c(indoor_c: float, outdoor_c: float, f_rsi: float) -> float:
    """Return the surface temperature in °C for a temperature factor 0..1."""
    return outdoor_c + f_rsi * (indoor_c - outdoor_c)


def surface_humidity_pct(indoor_c: float, humidity_pct: float, surface_c: float) -> float:
    """Return the relative humidity at the surface, 0..100 %: the room's vapour, its temperature.

    Raises ValueError outside -80..100 °C and 0..105 %.
    """
    pressure_pa = vapour_pressure_pa(indoor_c, humidity_pct)
    return min(100.0, 100.0 * pressure_pa / saturation_pressure_pa(surface_c))


def surface_of(room: RoomConfiguration) -> SurfaceModel:
    """Return the surface a room is watched for: what the user set, else the default.

    A cellar's own value is the fixed temperature, everybody else's the factor; where a room
    carries both, its own one counts.
    """
    factor = SurfaceModel(f_rsi=room.f_rsi) if room.f_rsi is not None else None
    fixed = (
        SurfaceModel(temperature_c=room.surface_temperature_c)
        if room.surface_temperature_c is not None
        else None
    )
    if room.protect is Protect.CELLAR:
        return fixed or factor or SurfaceModel(temperature_c=DEFAULT_CELLAR_C)
    return factor or fixed or SurfaceModel(f_rsi=_DEFAULT_FACTOR[room.protect])
