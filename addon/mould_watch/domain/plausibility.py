"""What a sensor can truly have measured, and what is a fault of its own.

Two kinds of fault are told apart, because a reading is stored once and never changed:

- What the payload alone shows (`suspicion`): a value out of range. It is stored with the reading.
- What only the neighbours in time show (`plausible_samples`): a jump that the next sample does not
  confirm, and the patterns of hours (`fault_patterns`). Neighbours may come later, and in any
  order; so these are judged whenever a series is read, from all that is stored by then, in the
  order of the readings' own times. Nothing about them is stored with a reading.

Limits and patterns: faults seen in the field (Tuya's 16-bit wrap, frozen and saturated sensors).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from mould_watch.domain.climate import GAP, MeasuredSeries, Metric, Sample
from mould_watch.domain.fault_patterns import FaultKind, Place, is_hit
from mould_watch.domain.hourly import hour_start

TEMPERATURE_LEAST_C: Final[Mapping[Place, float]] = {Place.INSIDE: -30.0, Place.OUTSIDE: -60.0}
TEMPERATURE_MOST_C: Final = 60.0
HUMIDITY_LEAST_PCT: Final = 1.0
HUMIDITY_MOST_PCT: Final = 105.0
"""Saturated sensors overshoot a little: 100..105 is stored as sent and counts as 100."""

JUMP_WITHIN: Final = timedelta(minutes=10)
JUMP: Final[Mapping[Metric, float]] = {"temperature_c": 5.0, "humidity_pct": 30.0}
"""A change of more than this (K, %RH) within ten minutes needs the next sample to confirm it."""

JUMP_BEFORE: Final = 2 * JUMP_WITHIN
"""How far before a sample those lie that can say something about its jump."""


class Suspicion(StrEnum):
    """Why a stored reading is not used for risk: the words of `readings.suspect`."""

    TEMPERATURE_OUT_OF_RANGE = "temperature_out_of_range"
    HUMIDITY_OUT_OF_RANGE = "humidity_out_of_range"
    # what a broken sensor says, and air never is
    HUMIDITY_ZERO = "humidity_zero"


def suspicion(metrics: Mapping[str, float]) -> str | None:
    """Return why these values (by the columns of readings) cannot be true; None: they can.

    The answer is one word of `Suspicion`, or several joined by commas, in a fixed order.
    """
    words: list[str] = []
    temperature_c, humidity_pct = metrics.get("temperature_c"), metrics.get("humidity_pct")
    if temperature_c is not None and not (
        TEMPERATURE_LEAST_C[Place.OUTSIDE] <= temperature_c <= TEMPERATURE_MOST_C
    ):
        words.append(Suspicion.TEMPERATURE_OUT_OF_RANGE)
    if humidity_pct == 0:
        words.append(Suspicion.HUMIDITY_ZERO)
    elif humidity_pct is not None and not (HUMIDITY_LEAST_PCT <= humidity_pct <= HUMIDITY_MOST_PCT):
        words.append(Suspicion.HUMIDITY_OUT_OF_RANGE)
    return ",".join(words) or None


def plausible_samples(
    samples: Iterable[Sample],
    metric: Metric,
    place: Place,
    faults: Mapping[datetime, Collection[FaultKind]],
) -> list[Sample]:
    """Return the values of `metric` that may be judged by, one for each time, in order.

    `samples` must reach back `JUMP_BEFORE` before the first time that matters, and 6 h beyond the
    last; `faults` are those of the metric by the hour they were found in (`fault_patterns`).
    """
    series = MeasuredSeries(
        (sample for sample in samples if _is_in_range(sample, metric, place)), metric
    )
    held = set(unconfirmed(series.times, series.values, JUMP[metric]))
    return [
        _sample(ts, metric, value)
        for index, (ts, value) in enumerate(zip(series.times, series.values, strict=True))
        if index not in held and not is_hit(faults.get(hour_start(ts), ()), value)
    ]


def unconfirmed(times: Sequence[datetime], values: Sequence[float], jump: float) -> list[int]:
    """Return the places of samples that jumped and are not confirmed, of a series in time order.

    A sample jumped when it differs by more than `jump` from the one before it, at most ten
    minutes earlier. It is confirmed by the next one within 6 h, when that is near it; and, as long
    as no next one within ten minutes says otherwise, by leading back from another's jump to where
    the series was. So one wild sample is left out, and a true change costs one sample of delay.

    Only samples at most 20 minutes earlier and the next one count: whatever else is in the
    series, and wherever it begins, the answer about a sample is the same.
    """
    return [
        index
        for index in range(1, len(times))
        if _has_jumped(times, values, index, jump) and not _is_confirmed(times, values, index, jump)
    ]


def _has_jumped(
    times: Sequence[datetime], values: Sequence[float], index: int, jump: float
) -> bool:
    return (
        index > 0
        and times[index] - times[index - 1] <= JUMP_WITHIN
        and abs(values[index] - values[index - 1]) > jump
    )


def _is_confirmed(
    times: Sequence[datetime], values: Sequence[float], index: int, jump: float
) -> bool:
    after = index + 1
    if after < len(times) and times[after] - times[index] <= GAP:
        if abs(values[after] - values[index]) <= jump:
            return True
        if times[after] - times[index] <= JUMP_WITHIN:
            return False
    return (
        _has_jumped(times, values, index - 1, jump)
        and abs(values[index] - values[index - 2]) <= jump
    )


def _is_in_range(sample: Sample, metric: Metric, place: Place) -> bool:
    if metric == "humidity_pct":
        humidity_pct = sample.humidity_pct
        return humidity_pct is not None and HUMIDITY_LEAST_PCT <= humidity_pct <= HUMIDITY_MOST_PCT
    temperature_c = sample.temperature_c
    return (
        temperature_c is not None
        and TEMPERATURE_LEAST_C[place] <= temperature_c <= TEMPERATURE_MOST_C
    )


def _sample(ts: datetime, metric: Metric, value: float) -> Sample:
    if metric == "humidity_pct":
        return Sample(ts, 0, humidity_pct=min(value, 100.0))
    return Sample(ts, 0, temperature_c=value)
