"""The metrics this program knows, and what must be a number.

Whether a temperature or humidity can be true is not judged here (domain/plausibility.py): a number
is kept whatever it says.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.json_payload import dump

_LARGEST: Final = sys.float_info.max


class AirValues(BaseModel):
    """The two metrics everything rests on: one that is no number condemns the whole message.

    A number beyond double precision is none.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    temperature: Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)] | None = None
    humidity: Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)] | None = None


@dataclass(frozen=True, slots=True)
class SideMetric:
    """A metric whose odd value does not condemn the message: it then stays in `extra`."""

    column: str
    # the names it comes under, the preferred one first
    keys: tuple[str, ...]
    least: float
    most: float
    # alone it makes no reading: a button sends its battery as well
    watched: bool = True


_SIDE_METRICS: Final = (
    SideMetric("pressure_hpa", ("pressure",), 300, 1200),
    SideMetric("co2_ppm", ("co2",), 0, 100_000),
    # of old Zigbee2MQTT "illuminance" is a raw value beside the true one
    SideMetric("illuminance_lx", ("illuminance_lux", "illuminance"), 0, 1_000_000),
    SideMetric("moisture_pct", ("soil_moisture", "moisture"), 0, 100),
    SideMetric("battery_pct", ("battery",), 0, 100, watched=False),
)

_LIMITS: Final = {
    "temperature_c": (-_LARGEST, _LARGEST),
    "humidity_pct": (-_LARGEST, _LARGEST),
    **{metric.column: (metric.least, metric.most) for metric in _SIDE_METRICS},
}


@dataclass(frozen=True, slots=True)
class Values:
    """A payload's values, split."""

    metrics: dict[str, float]
    extra: str | None
    watched: bool


def read_values(fields: Mapping[str, Any], *, without: Iterable[str] = ()) -> Values:
    """Split a JSON object into metrics and the rest; keys in `without` belong to neither.

    Raises UndecodableMessageError when temperature or humidity is not a number
    (`temperature_wrong_type`) or one beyond double precision (`humidity_out_of_range`).
    """
    try:
        air = AirValues.model_validate(fields)
    except ValidationError as error:
        raise _as_undecodable(error) from None
    metrics: dict[str, float] = {}
    used = {"temperature", "humidity", *without}
    if air.temperature is not None:
        metrics["temperature_c"] = air.temperature
    if air.humidity is not None:
        metrics["humidity_pct"] = air.humidity
    watched = bool(metrics)
    for metric in _SIDE_METRICS:
        for key in metric.keys:
            value = _number(fields.get(key), metric.least, metric.most)
            if value is not None:
                metrics[metric.column] = value
                used.add(key)
                watched = watched or metric.watched
                break
    rest = {key: value for key, value in fields.items() if key not in used}
    return Values(metrics, dump(rest) if rest else None, watched)


def fault_of(column: str, value: float) -> str | None:
    """Return why a value of a known column cannot be stored, or None when it can.

    The answer is a machine word: `unknown_metric` or `out_of_range`.
    """
    limits = _LIMITS.get(column)
    if limits is None:
        return "unknown_metric"
    return None if _number(value, *limits) is not None else "out_of_range"


def _number(value: object, least: float, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # compared before it is converted: an integer may be larger than any float
    return float(value) if least <= value <= most else None


def _as_undecodable(error: ValidationError) -> UndecodableMessageError:
    fault = error.errors(include_url=False)[0]
    metric, value = str(fault["loc"][0]), fault["input"]
    # an integer beyond every float is a number nevertheless
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    reason = f"{metric}_{'out_of_range' if is_number else 'wrong_type'}"
    return UndecodableMessageError(reason, f"{metric}: {fault['msg']}")
