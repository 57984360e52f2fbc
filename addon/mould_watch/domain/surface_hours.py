"""The climate at a room's coldest surface by the hour, from the air of the room and outside.

It is derived when it is folded, not stored: another factor means other surfaces for the same air.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from mould_watch.domain.hourly import AirHour
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.surface import SurfaceModel, surface_humidity_pct

_ENOUGH: Final = 0.5
_MILLION: Final = 1_000_000


def surface_hours(
    air: Iterable[AirHour], model: SurfaceModel, before: Iterable[AirHour] = ()
) -> Iterator[SurfaceHour | None]:
    """Yield the climate at the surface for each hour of air, in order; None is a gap.

    `before` are the hours that precede `air`: a surface that follows the mean outdoor temperature
    of some days needs that many. Where less than half of those days is known, it is a gap.
    """
    if model.outdoor_mean_days is None:
        for hour in air:
            yield surface_hour(hour, model, hour.outdoor_temperature_c, hour.outdoor_coverage)
        return
    mean = _RunningMean(max(1, round(model.outdoor_mean_days * 24)))
    for hour in before:
        mean.add(hour.outdoor_temperature_c)
    for hour in air:
        mean.add(hour.outdoor_temperature_c)
        yield surface_hour(hour, model, mean.value, 1.0)


def surface_hour(
    air: AirHour, model: SurfaceModel, outdoor_c: float | None, outdoor_coverage: float
) -> SurfaceHour | None:
    """Return the climate at the surface in an hour of air; None where something is missing."""
    if air.temperature_c is None or air.humidity_pct is None:
        return None
    surface_c = model.surface_temperature_c(air.temperature_c, outdoor_c, air.surface_temperature_c)
    coverage = air.coverage
    if model.needs_outdoor:
        coverage = min(coverage, outdoor_coverage)
    elif model.is_measured:
        coverage = min(coverage, air.surface_coverage)
    if surface_c is None or coverage <= 0.0:
        return None
    return SurfaceHour(
        surface_c, surface_humidity_pct(air.temperature_c, air.humidity_pct, surface_c), coverage
    )


class _RunningMean:
    """The mean of the newest so many hours, where at least half of them are known.

    In whole millionths of a degree, so that it is the same from wherever it was begun.
    """

    def __init__(self, hours: int) -> None:
        self._hours = hours
        self._values: deque[int | None] = deque([None] * hours)
        self._sum = self._known = 0

    def add(self, value_c: float | None) -> None:
        """Take the next hour; the oldest leaves."""
        self._count(self._values.popleft(), -1)
        newest = None if value_c is None else round(value_c * _MILLION)
        self._values.append(newest)
        self._count(newest, 1)

    def _count(self, value: int | None, sign: int) -> None:
        if value is not None:
            self._sum += sign * value
            self._known += sign

    @property
    def value(self) -> float | None:
        """The mean now, in °C."""
        is_known = self._known >= self._hours * _ENOUGH
        return self._sum / self._known / _MILLION if is_known else None
