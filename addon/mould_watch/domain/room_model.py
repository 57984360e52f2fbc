"""What a room's mould index is reckoned by: its surface, its material, how sure its humidity is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mould_watch.domain.configuration import RoomConfiguration
from mould_watch.domain.critical_humidity import DEFAULT_CLASS
from mould_watch.domain.mould.band import DEFAULT_UNCERTAINTY_PCT
from mould_watch.domain.mould.model import Decline, MouldModel
from mould_watch.domain.room_eras import ALWAYS, Era
from mould_watch.domain.surface import SurfaceModel, surface_of


@dataclass(frozen=True, slots=True)
class RoomModel:
    """All that turns a room's air into a mould index."""

    surface: SurfaceModel
    mould: MouldModel
    # how far the humidity at the surface may be off, %RH
    uncertainty_pct: float = DEFAULT_UNCERTAINTY_PCT

    @property
    def memory(self) -> timedelta:
        """How far back the surface remembers the outdoor air."""
        return timedelta(hours=round((self.surface.outdoor_mean_days or 0.0) * 24))


@dataclass(frozen=True, slots=True)
class CalibratedFactor:
    """A temperature factor from measured cold spots, and from when on it counts."""

    start: datetime
    f_rsi: float


def model_of(room: RoomConfiguration, calibrated_f_rsi: float | None = None) -> RoomModel:
    """Return the model of a room: what the user set, else the defaults."""
    uncertainty_pct = room.humidity_uncertainty_pct
    return RoomModel(
        surface_of(room, calibrated_f_rsi),
        MouldModel(
            room.material or DEFAULT_CLASS,
            Decline.RELATIVELY_LOW if room.decline is None else Decline(room.decline),
        ),
        DEFAULT_UNCERTAINTY_PCT if uncertainty_pct is None else uncertainty_pct,
    )


def models_of(
    eras: Sequence[Era], factors: Sequence[CalibratedFactor]
) -> list[tuple[datetime, RoomModel]]:
    """Return the model of each time, from `ALWAYS` on; both in the order of their times."""
    starts = sorted({ALWAYS, *(era.start for era in eras), *(one.start for one in factors)})
    return [(at, model_of(_at(eras, at).config, _factor(factors, at))) for at in starts]


def _at(eras: Sequence[Era], at: datetime) -> Era:
    return [era for era in eras if era.start <= at][-1]


def _factor(factors: Sequence[CalibratedFactor], at: datetime) -> float | None:
    found = [one.f_rsi for one in factors if one.start <= at]
    return found[-1] if found else None
