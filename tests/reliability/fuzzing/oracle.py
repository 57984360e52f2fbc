"""What must be true of whatever becomes of a message: written without looking at the decoders."""

import json
import math
import re
from collections.abc import Iterator

from mould_watch.ingest.interpret import Interpreted

_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{16,}")
_SIDE_LIMITS = {
    "pressure_hpa": (300, 1200),
    "co2_ppm": (0, 100_000),
    "illuminance_lx": (0, 1_000_000),
    "moisture_pct": (0, 100),
    "battery_pct": (0, 100),
}


def check(interpreted: Interpreted) -> str:
    """Return how the message ended; raise AssertionError when that cannot be right."""
    endings = {
        "reading": bool(interpreted.readings),
        "dead letter": interpreted.dead_letter is not None,
        str(interpreted.ending): interpreted.ending is not None,
    }
    (ending,) = [name for name, is_so in endings.items() if is_so]
    if interpreted.dead_letter is not None:
        assert interpreted.dead_letter.reason
        assert interpreted.dead_letter.payload == interpreted.message.payload[:65536]
    said: list[float] | None = None
    for reading in interpreted.readings:
        assert reading.metrics
        assert reading.device.native_id
        assert "\0" not in reading.device.native_id + reading.device.name
        if reading.extra is not None:
            extra = json.loads(reading.extra, parse_constant=_refused)
            assert isinstance(extra, dict)
        if said is None:
            said = list(_said(interpreted.message.payload))
        for column, value in reading.metrics.items():
            assert type(value) is float
            assert math.isfinite(value)
            least, most = _SIDE_LIMITS.get(column, (-math.inf, math.inf))
            assert least <= value <= most, (column, value)
            assert _is_among(value, said), (column, value, interpreted.message.payload)
        temperature_c, humidity_pct = (
            reading.metrics.get("temperature_c", 20),
            reading.metrics.get("humidity_pct", 50),
        )
        is_odd = not -60 <= temperature_c <= 60 or not 1 <= humidity_pct <= 105
        assert is_odd == (reading.suspect is not None), (reading.metrics, reading.suspect)
        received_at = interpreted.message.received_at
        if reading.time_quality == "payload":
            assert -7 * 86400 <= (reading.ts - received_at).total_seconds() <= 300
        else:
            assert reading.ts == received_at
    return ending


def _said(payload: bytes) -> Iterator[float]:
    """Return every value that the payload can be said to hold, in any unit."""
    text = payload.decode(errors="replace")
    for match in _NUMBER.finditer(text):
        number = float(match[0])
        yield number
        yield (number - 32) / 1.8
        # Pa, kPa, inHg
        for factor in (0.01, 10, 33.86389):
            yield number * factor
    for match in _HEXADECIMAL.finditer(text):
        digits = match[0]
        for marker in re.finditer("(?i)9904", digits):
            if marker.start() % 2 == 0:
                yield from _ruuvi(bytes.fromhex(_even(digits[marker.end() :])))


def _ruuvi(body: bytes) -> Iterator[float]:
    """Return what the bytes of an advertisement would be as each metric of each format."""
    padded = body + bytes(40)
    first, second, third = (int.from_bytes(padded[at : at + 2]) for at in (1, 3, 5))
    yield (first - 65536 if first > 32767 else first) * 0.005
    yield second * 0.0025
    yield third / 100 + 500
    for at in (9, 15):
        yield int.from_bytes(padded[at : at + 2])
    yield round(math.exp(padded[13] * math.log(65536) / 254) - 1, 2)
    yield int.from_bytes(padded[19:22]) / 100
    # format 3
    yield padded[1] / 2
    size = (padded[2] & 127) + padded[3] / 100
    yield -size if padded[2] > 127 else size
    yield int.from_bytes(padded[4:6]) / 100 + 500


def _even(digits: str) -> str:
    return digits[: len(digits) // 2 * 2]


def _is_among(value: float, said: list[float]) -> bool:
    """Return whether a value was said, as exactly as a conversion leaves it."""
    return any(value == one or math.isclose(value, one, rel_tol=1e-9, abs_tol=2e-6) for one in said)


def _refused(name: str) -> None:
    raise AssertionError(f"{name} is stored")
