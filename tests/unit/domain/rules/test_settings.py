"""What a user may set about rules, and the ids by which rules are known."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import DeviceConfiguration, RoomConfiguration
from mould_watch.domain.rules.kinds import RuleKind, kind_of, threshold_rule_id
from mould_watch.domain.rules.settings import (
    DeviceRules,
    RoomRules,
    RuleSettings,
    ThresholdSettings,
)

LIMIT: dict[str, Any] = {
    "rule_id": UUID(int=1),
    "metric": "temperature_c",
    "direction": "above",
    "threshold": 8.0,
}
SOURCE = {"kind": "device", "source_instance": "mqtt:z", "native_id": "1"}


def test_absent_means_the_default() -> None:
    assert RoomRules() == RoomRules.model_validate({})
    assert DeviceRules().silent.hours is None
    assert RuleSettings() == RuleSettings(enabled=True, severity=None, notify=True)
    settings = ThresholdSettings.model_validate(LIMIT)
    assert (settings.count, settings.minutes, settings.severity) == (1, 0, Level.WARNING)


@pytest.mark.parametrize("severity", ["none", "damage", "loud"])
def test_a_severity_is_one_that_a_person_chooses(severity: str) -> None:
    with pytest.raises(ValidationError):
        RuleSettings.model_validate({"severity": severity})


@pytest.mark.parametrize(
    "wrong",
    [
        {"recovery_threshold": 9.0},
        {"direction": "below", "recovery_threshold": 7.0},
        {"count": 0},
        {"minutes": -1},
        {"threshold": float("nan")},
        {"metric": ""},
        {"metric": "a\x00b"},
        {"surprise": True},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ThresholdSettings.model_validate(LIMIT | wrong)


def test_a_room_has_thresholds_on_what_it_measures_only() -> None:
    sources = {"temperature": SOURCE, "humidity": SOURCE}
    room = {"room_id": UUID(int=2), "name": "Bath", "sources": sources}
    RoomConfiguration.model_validate(room | {"metric_thresholds": [LIMIT]})
    with pytest.raises(ValidationError):
        RoomConfiguration.model_validate(
            room | {"metric_thresholds": [LIMIT | {"metric": "co2_ppm"}]}
        )


def test_a_device_may_have_a_threshold_on_anything_and_targets_of_its_own() -> None:
    config = DeviceConfiguration.model_validate(
        {"source": SOURCE, "thresholds": [LIMIT | {"metric": "co2_ppm"}], "targets": ["phone"]}
    )
    assert config.targets == ("phone",)
    with pytest.raises(ValidationError):
        DeviceConfiguration.model_validate({"source": SOURCE, "targets": []})


def test_the_id_of_a_rule_tells_its_kind() -> None:
    assert kind_of(threshold_rule_id(UUID(int=3))) is RuleKind.THRESHOLD
    for kind in RuleKind:
        assert kind_of(kind.value) is kind
    with pytest.raises(ValueError, match="surprise"):
        kind_of("surprise")
