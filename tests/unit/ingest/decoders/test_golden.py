"""Every decoder says of its own documentation's payloads what the documentation says."""

import pytest

from mould_watch.ingest.decoded import (
    Counted,
    Decoded,
    DecodedAvailability,
    DecodedReading,
    DecodedSeveral,
)
from mould_watch.ingest.registry import DecoderRegistry, families
from tests.support.golden import FAMILIES, Golden, golden_family

CASES = [(name, case) for name in FAMILIES for case in golden_family(name).cases]


def _registry(family: str) -> DecoderRegistry:
    golden = golden_family(family)
    registry = DecoderRegistry.from_settings(golden.settings)
    for case in golden.before:
        (decoder,) = registry.decoders_for(case.topic)
        decoder.decode(case.topic, case.payload)
    return registry


def _parts(decoded: Decoded) -> DecodedSeveral:
    match decoded:
        case DecodedReading():
            return DecodedSeveral(readings=(decoded,))
        case DecodedAvailability():
            return DecodedSeveral(availability=(decoded,))
        case DecodedSeveral():
            return decoded
        case _:
            return DecodedSeveral()


def test_every_family_has_golden_payloads() -> None:
    modules = {family.build.__module__.rpartition(".")[2] for family in families()}
    assert modules == set(FAMILIES)


@pytest.mark.parametrize(
    ("family", "case"), CASES, ids=[f"{name}:{case.topic}" for name, case in CASES]
)
def test_a_golden_payload_means_what_its_documentation_says(family: str, case: Golden) -> None:
    (decoder,) = _registry(family).decoders_for(case.topic)
    assert decoder.source_instance == golden_family(family).source
    decoded = decoder.decode(case.topic, case.payload)
    if case.ending is not None:
        assert decoded == Counted(case.ending)  # type: ignore[arg-type]
        return
    parts = _parts(decoded)
    assert [(one.device.native_id, one.at) for one in parts.readings] == [
        (one.device, one.at) for one in case.readings
    ]
    for one, meant in zip(parts.readings, case.readings, strict=True):
        assert dict(one.metrics) == pytest.approx(meant.metrics)
        label = one.label or one.identity
        assert (label and label.power_source) == meant.power
    assert [(one.device.native_id, one.available) for one in parts.availability] == list(
        case.available
    )
