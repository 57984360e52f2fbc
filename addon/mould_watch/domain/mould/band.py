"""The mould index with its uncertainty: three states side by side.

The humidity at the surface is known to a few % at best, and the error of a sensor is a bias that
does not average out. So everything is reckoned with a humidity that is lower, as measured, and
higher.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mould_watch.domain.mould.index import INITIAL, MouldState, SurfaceHour, fold
from mould_watch.domain.mould.model import MouldModel

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


def fold_band(
    band: BandState,
    hours: Iterable[SurfaceHour | None],
    model: MouldModel,
    *,
    uncertainty_pct: float = DEFAULT_UNCERTAINTY_PCT,
) -> BandState:
    """Return the band after these hours in order; None, a gap, changes nothing.

    Raises ValueError when `uncertainty_pct` is no sensor's.
    """
    if not 0.0 <= uncertainty_pct < 50.0:  # noqa: PLR2004 - no sensor at all
        message = f"an uncertainty of {uncertainty_pct!r} % is none"
        raise ValueError(message)
    series = tuple(hours)
    return BandState(
        low=fold(band.low, series, model, -uncertainty_pct),
        mid=fold(band.mid, series, model),
        high=fold(band.high, series, model, uncertainty_pct),
    )
