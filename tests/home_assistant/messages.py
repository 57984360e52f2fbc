"""What a backend tells of devices, rooms and incidents, as docs/protocol.md has it."""

from typing import Any
from uuid import uuid4

TS = "2026-11-22T08:00:00+00:00"
type Message = dict[str, Any]


def device(native_id: str, name: str, *metrics: str, instance: str = "mqtt") -> Message:
    """Return a device as the backend tells of it."""
    return {
        "source_instance": instance,
        "native_id": native_id,
        "name": name,
        "manufacturer": "Aqara",
        "model": "T1",
        "metrics": list(metrics) or ["temperature_c", "humidity_pct"],
        "qos": 0,
        "available": True,
        "last_seen_at": TS,
        "condition": None,
    }


def condition(room_id: str, **values: object) -> Message:
    """Return a room's condition; by default a damp one."""
    return {
        "room_id": room_id,
        "evaluated_at": TS,
        "temperature": {"value": 21.5, "ts": TS},
        "humidity": {"value": 72.0, "ts": TS},
        "outdoor_temperature": {"value": 2.0, "ts": TS},
        "dew_point_c": 16.2,
        "surface": {"temperature_c": 15.5, "humidity_pct": 93.0, "critical_humidity_pct": 80.0},
        "level": "warning",
        "reason": "surface_damp",
        "at_risk": True,
        "absolute_humidity_g_m3": 13.5,
        "outdoor_absolute_humidity_g_m3": 5.1,
        "mould_index": {
            "value": 0.42,
            "low": 0.1,
            "high": 0.9,
            "peak": 0.5,
            "since": TS,
            "is_told": False,
        },
        "first_growth": {
            "outlook": "growing",
            "reason": None,
            "days": 20.0,
            "days_low": 14.0,
            "days_high": 31.0,
            "days_as_now": 18.0,
            "days_as_now_low": 12.0,
            "days_as_now_high": None,
            "reason_as_now": None,
        },
        "learning_until": None,
        "coverage": 0.9,
        "mould_evidence": {
            "damp_hours": 9.0,
            "known_hours": 23.0,
            "surface_temperature_lowest_c": 12.1,
            "surface_temperature_mean_c": 13.0,
            "since": TS,
            "damp_days": 4,
            "warmer_k": 3.0,
            "drier_pct": 8.0,
            "certainty": "likely",
            "at_most": "high",
            "words": "The surface is at 12.1 °C and 84 % humidity.",
        },
        "airing": {"effect": "helps", "minutes": 10, "difference_g_m3": 8.4},
        "lowest_safe_temperature_c": 23.5,
        "highest_safe_humidity_pct": 58.0,
        "drying": {"half_time_minutes": 25.0, "trend": "slower", "events": 6},
        "incident": {
            "incident_id": str(uuid4()),
            "rule_id": "mould_level",
            "state": "open",
            "level": "warning",
            "since": TS,
        },
        **values,
    }


def notification(room_id: str, target: str, **values: object) -> Message:
    """Return a notification to deliver."""
    return {
        "notification_id": str(uuid4()),
        "incident_id": "incident-1",
        "room_id": room_id,
        "room": "Bathroom",
        "kind": "alarm",
        "severity": "warning",
        "title": "Bathroom: mould risk",
        "body": "The cold wall has been damp for 7 hours.",
        "buttons": [],
        "target": target,
        "attempt": 1,
        "via": "push",
        "is_repetition": False,
        **values,
    }
