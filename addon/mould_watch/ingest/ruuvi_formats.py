"""Ruuvi's formats of advertisements: 3, 5, 6 and E1, as its documentation has them."""

import math
import struct
from typing import Any, Final

from mould_watch.errors import UndecodableMessageError

_COMPANY: Final = 0x0499
_MANUFACTURER_DATA: Final = 0xFF
_LENGTHS: Final = {3: 14, 5: 24, 6: 20, 0xE1: 40}
_PRESSURE_OFFSET_PA: Final = 50_000
_LUMINOSITY_STEP: Final = math.log(65536) / 254

_NO_SIGNED: Final = -32768
_NO_16: Final = 0xFFFF
_NO_24: Final = 0xFFFFFF
_NO_8: Final = 0xFF


def measurement_in(advertisement: str) -> dict[str, Any] | None:
    """Return what an advertisement in hexadecimal digits says, in °C, %, Pa, ppm, lx and mV.

    None when it is not Ruuvi's, or in a format that is not known. Raises UndecodableMessageError
    (`advertisement_invalid`) when it is no advertisement, or shorter than its format.
    """
    try:
        data = bytes.fromhex(advertisement) if advertisement.isascii() else None
    except ValueError:
        data = None
    if data is None:
        raise UndecodableMessageError("advertisement_invalid", "data is not in hexadecimal digits")
    body = _ruuvi_data(data)
    if not body or body[0] not in _LENGTHS:
        return None
    length = _LENGTHS[body[0]]
    if len(body) < length:
        raise UndecodableMessageError(
            "advertisement_invalid",
            f"{len(body)} bytes are fewer than the {length} of format {body[0]:X}",
        )
    decode = {3: _format_3, 5: _format_5, 6: _format_6, 0xE1: _format_e1}[body[0]]
    values = decode(body[:length])
    return {"data_format": body[0]} | {
        name: value for name, value in values.items() if value is not None
    }


def _ruuvi_data(data: bytes) -> bytes | None:
    """Return the manufacturer's data of an advertisement: records of length, type and content."""
    place = 0
    while place < len(data):
        length = data[place]
        record = data[place + 1 : place + 1 + length]
        if length == 0 or len(record) < length:
            raise UndecodableMessageError("advertisement_invalid", "a record of data is cut off")
        if (
            length > 3  # noqa: PLR2004 - type, company, and something
            and record[0] == _MANUFACTURER_DATA
            and int.from_bytes(record[1:3], "little") == _COMPANY
        ):
            return record[3:]
        place += 1 + length
    return None


def _format_3(body: bytes) -> dict[str, Any]:
    _, humidity, whole, hundredths, pressure, x, y, z, battery = struct.unpack(">BBBBHhhhH", body)
    if hundredths > 99:  # noqa: PLR2004 - of a degree
        raise UndecodableMessageError("advertisement_invalid", "the fraction is above 99")
    size = (whole & 0x7F) + hundredths / 100
    return {
        "temperature": -size if whole & 0x80 else size,
        "humidity": humidity / 2,
        "pressure": pressure + _PRESSURE_OFFSET_PA,
        "acceleration_mg": [x, y, z],
        "battery_mv": battery,
    }


def _format_5(body: bytes) -> dict[str, Any]:
    _, *air, x, y, z, power, moves, number = struct.unpack(">BhHHhhhHBH", body[:18])
    acceleration = [x, y, z]
    return _air(*air) | {
        "acceleration_mg": None if _NO_SIGNED in acceleration else acceleration,
        "battery_mv": None if power >> 5 == 2047 else (power >> 5) + 1600,  # noqa: PLR2004
        "movement_counter": _known(moves, _NO_8),
        "sequence_number": _known(number, _NO_16),
    }


def _format_6(body: bytes) -> dict[str, Any]:
    _, *air, pm25, co2, _, _, light, _, number, flags = struct.unpack(">BhHHHHBBBBBB", body[:17])
    return _air(*air) | {
        "pm25_ugm3": _tenth(pm25),
        "co2": _known(co2, _NO_16),
        "illuminance": None if light == _NO_8 else round(math.exp(light * _LUMINOSITY_STEP) - 1, 2),
        "sequence_number": number,
        "calibration_in_progress": bool(flags & 1),
    }


def _format_e1(body: bytes) -> dict[str, Any]:
    _, *air, pm1, pm25, pm4, pm10, co2, _, _ = struct.unpack(">BhHHHHHHHBB", body[:19])
    light, number = int.from_bytes(body[19:22]), int.from_bytes(body[25:28])
    return _air(*air) | {
        "pm1_ugm3": _tenth(pm1),
        "pm25_ugm3": _tenth(pm25),
        "pm4_ugm3": _tenth(pm4),
        "pm10_ugm3": _tenth(pm10),
        "co2": _known(co2, _NO_16),
        "illuminance": None if light == _NO_24 else light / 100,
        "sequence_number": _known(number, _NO_24),
        "calibration_in_progress": bool(body[28] & 1),
    }


def _air(temperature: int, humidity: int, pressure: int) -> dict[str, Any]:
    return {
        "temperature": None if temperature == _NO_SIGNED else temperature * 5 / 1000,
        "humidity": None if humidity == _NO_16 else humidity * 25 / 10_000,
        "pressure": None if pressure == _NO_16 else pressure + _PRESSURE_OFFSET_PA,
    }


def _known(value: int, missing: int) -> int | None:
    return None if value == missing else value


def _tenth(value: int) -> float | None:
    return None if value == _NO_16 else value / 10
