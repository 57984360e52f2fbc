"""Made-up climates, in words that a test can be read by."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from mould_watch.domain.climate import Climate, ConstantSeries, MeasuredSeries, Sample

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

# At 20 °C: 95 % is damp, 77 % is neither (critical is 80.04), 50 % is dry.
DAMP_PCT, BETWEEN_PCT, DRY_PCT = 95.0, 77.0, 50.0

# So many damp hours that growth within weeks is forecast: there is a day to judge by.
DAMP_DAY = [DAMP_PCT] * 26


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def hourly(
    start: datetime, humidities: Iterable[float | None], temperature_c: float = 20.0
) -> list[Sample]:
    """One sample an hour from `start`; None is an hour without one."""
    return [
        Sample(start + hours(number), number + 1, temperature_c, humidity)
        for number, humidity in enumerate(humidities)
        if humidity is not None
    ]


def room_air(samples: Iterable[Sample], outdoor_c: float | None = None) -> Climate:
    """The climate of one sensor that sends both, and of a constant outdoor temperature."""
    kept = list(samples)
    return Climate(
        temperature=MeasuredSeries(kept, "temperature_c"),
        humidity=MeasuredSeries(kept, "humidity_pct"),
        outdoor_temperature=None if outdoor_c is None else ConstantSeries(outdoor_c),
    )
