"""What a room's sensors are: data, no behaviour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    EntityCategory,
    UnitOfDensity,
    UnitOfRatio,
    UnitOfTemperature,
    UnitOfTime,
)
from homeassistant.helpers.typing import StateType

from .const import (
    AIRING_EFFECTS,
    LEVELS,
    METRIC_HUMIDITY,
    METRIC_TEMPERATURE,
    OUTLOOKS,
    REASONS,
)
from .room_condition import Condition, Observation


@dataclass(frozen=True, kw_only=True)
class RoomSensorDescription(SensorEntityDescription):
    """A sensor, and where its value is in a room's condition."""

    value_fn: Callable[[Condition], StateType]
    attributes_fn: Callable[[Condition], Mapping[str, Any] | None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class WatchedSensorDescription(SensorEntityDescription):
    """A sensor that shows what a room's source measures."""

    source: str
    metric: str
    observation_fn: Callable[[Condition], Observation | None]


def evidence(condition: Condition) -> dict[str, Any]:
    """Return the numbers behind the level."""
    return {
        "surface_temperature_c": condition.surface_temperature_c,
        "critical_humidity_pct": condition.critical_humidity_pct,
        "incident_since": condition.incident_since,
        "learning_until": condition.learning_until,
        **_chosen(
            condition.evidence,
            "damp_hours",
            "known_hours",
            "damp_days",
            "surface_temperature_lowest_c",
            "surface_temperature_mean_c",
            "warmer_k",
            "drier_pct",
            "certainty",
            "at_most",
            "words",
        ),
    }


def _chosen(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return these keys, None where the backend does not know: attributes do not come and go."""
    return {key: values.get(key) for key in keys}


def _days(condition: Condition) -> dict[str, Any]:
    return _chosen(
        condition.first_growth,
        "outlook",
        "reason",
        "days_low",
        "days_high",
        "days_as_now",
        "days_as_now_low",
        "days_as_now_high",
        "reason_as_now",
    )


def _band(condition: Condition) -> dict[str, Any]:
    return _chosen(condition.mould_index, "low", "high", "peak", "since", "is_told")


def _absolute_humidity(condition: Condition) -> dict[str, Any]:
    return {"outdoor_g_m3": condition.outdoor_absolute_humidity_g_m3}


def _coverage_pct(condition: Condition) -> float | None:
    return None if condition.coverage is None else round(condition.coverage * 100, 1)


def _one_of(known: tuple[str, ...], word: object) -> str | None:
    """Return the word if this version knows it: a newer backend may say more."""
    return str(word) if word in known else None


def _temperature(key: str, value_fn: Callable[[Condition], StateType]) -> RoomSensorDescription:
    return RoomSensorDescription(
        key=key,
        translation_key=key,
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=value_fn,
    )


WATCHED: Final = (
    WatchedSensorDescription(
        key="temperature",
        translation_key="temperature",
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        source="temperature",
        metric=METRIC_TEMPERATURE,
        observation_fn=lambda condition: condition.temperature,
    ),
    WatchedSensorDescription(
        key="humidity",
        translation_key="humidity",
        device_class=SensorDeviceClass.HUMIDITY,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        source="humidity",
        metric=METRIC_HUMIDITY,
        observation_fn=lambda condition: condition.humidity,
    ),
)

SENSORS: Final = (
    _temperature("dew_point", lambda condition: condition.dew_point_c),
    _temperature("surface_temperature", lambda condition: condition.surface_temperature_c),
    RoomSensorDescription(
        key="surface_humidity",
        translation_key="surface_humidity",
        device_class=SensorDeviceClass.HUMIDITY,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=lambda condition: condition.surface_humidity_pct,
    ),
    RoomSensorDescription(
        key="absolute_humidity",
        translation_key="absolute_humidity",
        device_class=SensorDeviceClass.ABSOLUTE_HUMIDITY,
        native_unit_of_measurement=UnitOfDensity.GRAMS_PER_CUBIC_METER,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=lambda condition: condition.absolute_humidity_g_m3,
        attributes_fn=_absolute_humidity,
    ),
    RoomSensorDescription(
        key="mould_index",
        translation_key="mould_index",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        value_fn=lambda condition: condition.mould_index.get("value"),
        attributes_fn=_band,
    ),
    RoomSensorDescription(
        key="mould_level",
        translation_key="mould_level",
        device_class=SensorDeviceClass.ENUM,
        options=list(LEVELS),
        value_fn=lambda condition: _one_of(LEVELS, condition.level),
    ),
    RoomSensorDescription(
        key="reason",
        translation_key="reason",
        device_class=SensorDeviceClass.ENUM,
        options=list(REASONS),
        value_fn=lambda condition: _one_of(REASONS, condition.reason),
        attributes_fn=evidence,
    ),
    RoomSensorDescription(
        key="outlook",
        translation_key="outlook",
        device_class=SensorDeviceClass.ENUM,
        options=list(OUTLOOKS),
        # an outlook that is not there yet is one that nobody knows
        value_fn=lambda condition: _one_of(
            OUTLOOKS, condition.first_growth.get("outlook", "unknown")
        ),
        attributes_fn=_days,
    ),
    RoomSensorDescription(
        key="days_to_first_growth",
        translation_key="days_to_first_growth",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.DAYS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=lambda condition: condition.first_growth.get("days"),
        attributes_fn=_days,
    ),
    RoomSensorDescription(
        key="airing",
        translation_key="airing",
        device_class=SensorDeviceClass.ENUM,
        options=list(AIRING_EFFECTS),
        value_fn=lambda condition: _one_of(
            AIRING_EFFECTS, condition.airing.get("effect", "unknown")
        ),
        attributes_fn=lambda condition: _chosen(condition.airing, "minutes", "difference_g_m3"),
    ),
    _temperature("lowest_safe_temperature", lambda condition: condition.lowest_safe_temperature_c),
    # of no device class: it is a limit, and no trigger of an area should take it for its air
    RoomSensorDescription(
        key="highest_safe_humidity",
        translation_key="highest_safe_humidity",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=lambda condition: condition.highest_safe_humidity_pct,
    ),
    RoomSensorDescription(
        key="drying_half_time",
        translation_key="drying_half_time",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda condition: condition.drying.get("half_time_minutes"),
        attributes_fn=lambda condition: _chosen(condition.drying, "trend", "events"),
    ),
    RoomSensorDescription(
        key="coverage",
        translation_key="coverage",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_coverage_pct,
    ),
)

# They change with each evaluation: history keeps the states, not the numbers behind them.
UNRECORDED: Final = frozenset(
    {
        *evidence(Condition()),
        *_band(Condition()),
        *_days(Condition()),
        *_absolute_humidity(Condition()),
        "minutes",
        "difference_g_m3",
        "trend",
        "events",
        "what",
    }
)
