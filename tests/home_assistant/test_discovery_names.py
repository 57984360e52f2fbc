"""The names of MQTT discovery and the units are Home Assistant's own."""

import pytest
from homeassistant.components.mqtt.abbreviations import ABBREVIATIONS, DEVICE_ABBREVIATIONS
from homeassistant.components.sensor import DEVICE_CLASS_UNITS, SensorDeviceClass
from homeassistant.const import PERCENTAGE, UnitOfPressure, UnitOfTemperature
from homeassistant.util.unit_conversion import PressureConverter, TemperatureConverter

from mould_watch.ingest.discovery import announced
from mould_watch.ingest.units import unit_of


def test_every_abbreviation_is_home_assistants() -> None:
    for short, full in announced.ABBREVIATIONS.items():
        assert ABBREVIATIONS[short] == full
    for short, full in announced.DEVICE_ABBREVIATIONS.items():
        assert DEVICE_ABBREVIATIONS[short] == full


@pytest.mark.parametrize(
    ("device_class", "column"),
    [(SensorDeviceClass(name), column) for name, (column, _) in announced._CLASSES.items()],
)
def test_every_unit_that_home_assistant_takes_for_a_class_is_known(
    device_class: SensorDeviceClass, column: str
) -> None:
    for unit in DEVICE_CLASS_UNITS[device_class]:
        if unit is not None:
            assert unit_of(column, str(unit)) is not None, (device_class, unit)


@pytest.mark.parametrize("unit", list(UnitOfTemperature))
@pytest.mark.parametrize("value", [-40.0, 0.0, 21.5, 98.6, 300.0])
def test_temperatures_are_converted_as_home_assistant_does(unit: str, value: float) -> None:
    known = unit_of("temperature_c", unit)
    assert known is not None
    expected = TemperatureConverter.convert(value, unit, UnitOfTemperature.CELSIUS)
    assert known.convert(value) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("unit", list(UnitOfPressure))
def test_pressures_are_converted_as_home_assistant_does(unit: str) -> None:
    known = unit_of("pressure_hpa", unit)
    assert known is not None
    sent = PressureConverter.convert(1013.25, UnitOfPressure.HPA, unit)
    assert known.convert(sent) == pytest.approx(1013.25, rel=1e-4)


def test_shares_are_percent() -> None:
    for column in ("humidity_pct", "moisture_pct", "battery_pct"):
        assert unit_of(column, PERCENTAGE) is not None
