"""Payloads as the documentation of those that send them has them, and what they mean.

The files in tests/unit/ingest/decoders/golden/, one for each decoder, name the origin of each: the
page, the pages that it was composed of, or that nobody looked it up.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "unit/ingest/decoders/golden"
FAMILIES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


@dataclass(frozen=True)
class GoldenReading:
    device: str
    at: datetime | None
    metrics: dict[str, float]
    # what the message says of the device's power; None: nothing
    power: str | None


@dataclass(frozen=True)
class Golden:
    """One message and what it means."""

    origin: str
    topic: str
    payload: bytes
    readings: tuple[GoldenReading, ...]
    available: tuple[tuple[str, bool], ...]
    # of a message that leaves neither
    ending: str | None


@dataclass(frozen=True)
class GoldenFamily:
    source: str
    settings: dict[str, Any]
    # messages that must come first, for the others to mean something
    before: tuple[Golden, ...]
    cases: tuple[Golden, ...]


def golden_family(name: str) -> GoldenFamily:
    written = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return GoldenFamily(
        written["source"],
        written["settings"],
        tuple(_golden(case) for case in written.get("before", [])),
        tuple(_golden(case) for case in written["cases"]),
    )


def _golden(case: dict[str, Any]) -> Golden:
    payload = case["payload"]
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return Golden(
        origin=case["origin"],
        topic=case["topic"],
        payload=text.encode(),
        readings=tuple(
            GoldenReading(
                one["device"],
                None if one["at"] is None else datetime.fromisoformat(one["at"]),
                one["metrics"],
                one.get("power"),
            )
            for one in case.get("readings", [])
        ),
        available=tuple((device, available) for device, available in case.get("available", [])),
        ending=case.get("ending"),
    )
