"""The mould index with its uncertainty: three states side by side.

The humidity at the surface is known to a few % at best, and the error of a sensor is a bias that
does not average out. So everything is reckoned with a humidity that is lower, as measured, and
higher.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from mould_watch.domain.mould.index import INITIAL, MouldState, SurfaceHour, fold, step
from mould_watch.domain.mould.model import MouldModel, check_surface

DEFAULT_UNCERTAINTY_PCT: Final = 3.0
"""The accuracy of a common sensor, in %RH."""


@dataclass(frozen=True, slots=True)
class BandState:
    """The states for RH - u, RH and RH + u."""

    low: MouldState = INITIAL
    mid: MouldState = INITIAL
    high: MouldState = INITIAL

    @classmethod
    def starting_at(cls, index: float) -> BandState:
        """Return the band of a surface on which a person sees mould of this index now."""
        state = MouldState.starting_at(index)
        return cls(state, state, state)

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest index of the three.

        Not simply low and high: over a series a damper surface may end with less mould, because
        each damp hour starts the dry clock again. That is the model.
        """
        indices = (self.low.index, self.mid.index, self.high.index)
        return min(indices), max(indices)


INITIAL_BAND: Final = BandState()


def step_band(
    band: BandState,
    surface_temperature_c: float,
    surface_humidity_pct: float,
    hours: float,
    model: MouldModel,
    *,
    uncertainty_pct: float = DEFAULT_UNCERTAINTY_PCT,
) -> BandState:
    """Return the band after `hours` of constant conditions. Raises ValueError as `step` does."""

    def advance(state: MouldState, offset_pct: float) -> MouldState:
        humidity_pct = min(max(surface_humidity_pct + offset_pct, 0.0), 100.0)
        return step(state, surface_temperature_c, humidity_pct, hours, model)

    check_surface(surface_temperature_c, surface_humidity_pct)
    return _three(band, advance, uncertainty_pct)


def fold_band(
    band: BandState,
    hours: Iterable[SurfaceHour | None],
    model: MouldModel,
    *,
    uncertainty_pct: float = DEFAULT_UNCERTAINTY_PCT,
) -> BandState:
    """Return the band after these hours in order; None, a gap, changes nothing."""
    series = tuple(hours)
    return _three(
        band, lambda state, offset_pct: fold(state, series, model, offset_pct), uncertainty_pct
    )


def _three(
    band: BandState, advance: Callable[[MouldState, float], MouldState], uncertainty_pct: float
) -> BandState:
    if not 0.0 <= uncertainty_pct < 50.0:  # noqa: PLR2004 - no sensor at all
        message = f"an uncertainty of {uncertainty_pct!r} % is none"
        raise ValueError(message)
    return BandState(
        low=advance(band.low, -uncertainty_pct),
        mid=advance(band.mid, 0.0),
        high=advance(band.high, uncertainty_pct),
    )
