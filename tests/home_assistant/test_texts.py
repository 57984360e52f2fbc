"""Every entity, action, issue and notification has its text, in the words of the backend."""

import importlib
import importlib.util
import json

import yaml  # type: ignore[import-untyped]

from custom_components.mould_watch import room_options
from custom_components.mould_watch.binary_sensor import (
    BACKEND_BINARY_SENSORS,
    BINARY_SENSORS,
    DEVICE_BINARY_SENSORS,
)
from custom_components.mould_watch.button import BUTTONS
from custom_components.mould_watch.const import (
    AIRING_EFFECTS,
    APPLIES_FROM,
    LEVELS,
    MODEL_BACKEND,
    MODEL_DEVICE,
    MODEL_ROOM,
    OUTLOOKS,
    PROTECT_CHOICES,
    REASONS,
)
from custom_components.mould_watch.home_flow import BACKEND_RULES
from custom_components.mould_watch.issues import _FIXABLE, IssueKind
from custom_components.mould_watch.push import _CHANNELS
from custom_components.mould_watch.room_condition import Condition
from custom_components.mould_watch.room_sensors import SENSORS, UNRECORDED, WATCHED
from custom_components.mould_watch.runtime import ENTITIES_OF_A_ROOM
from custom_components.mould_watch.services import (
    COLD_SPOT_REASONS,
    SERVICE_ACKNOWLEDGE,
    SERVICE_RECORD_COLD_SPOT,
    SERVICE_SNOOZE,
    SERVICE_START_EPISODE,
)
from custom_components.mould_watch.services import REASONS as EPISODE_REASONS
from tests.home_assistant.integration_files import ICONS, INTEGRATION, TEXTS, keywords_of, leaves


def test_every_text_of_a_notification_is_there_and_none_is_left_over() -> None:
    channels = {key for key, _ in _CHANNELS.values()}
    absences = {
        f"{absence}_{part}"
        for absence in ("no_backend", "no_database")
        for part in ("title", "message")
    }
    assert set(TEXTS["common"]) == channels | absences


def test_every_entity_state_and_attribute_has_its_text() -> None:
    sensors = (*WATCHED, *SENSORS)
    assert set(TEXTS["entity"]) == {"sensor", "binary_sensor", "button"}
    assert set(TEXTS["entity"]["button"]) == {b.translation_key for b in BUTTONS}
    assert set(TEXTS["entity"]["sensor"]) == {s.translation_key for s in sensors}
    assert set(TEXTS["entity"]["binary_sensor"]) == {
        b.translation_key
        for b in (*BINARY_SENSORS, *DEVICE_BINARY_SENSORS, *BACKEND_BINARY_SENSORS)
    }
    for description in sensors:
        states = TEXTS["entity"]["sensor"][description.key].get("state", {})
        assert set(states) == set(description.options or ())
    for description in SENSORS:
        texts = TEXTS["entity"]["sensor"][description.key]
        shown = set(description.attributes_fn(Condition()) or ())
        assert set(texts.get("state_attributes", {})) == shown
        assert shown <= UNRECORDED
    for binary in BINARY_SENSORS:
        texts = TEXTS["entity"]["binary_sensor"][binary.key]
        assert set(texts["state_attributes"]) == set(binary.attributes_fn(Condition()) or ())
    assert len(sensors) + len(BINARY_SENSORS) + len(BUTTONS) == ENTITIES_OF_A_ROOM


def test_every_icon_belongs_to_an_entity() -> None:
    assert set(ICONS["entity"]["sensor"]) == set(TEXTS["entity"]["sensor"])
    assert set(ICONS["entity"]["binary_sensor"]) == set(TEXTS["entity"]["binary_sensor"])
    assert set(ICONS["entity"]["sensor"]["mould_level"]["state"]) == set(LEVELS)
    assert set(ICONS["entity"]["sensor"]["reason"]["state"]) == set(REASONS)
    assert all(icon.startswith("mdi:") for icon in leaves(ICONS))


def test_the_words_are_those_of_the_backend() -> None:
    condition = importlib.import_module("mould_watch.domain.condition")
    configuration = importlib.import_module("mould_watch.domain.configuration")
    materials = importlib.import_module("mould_watch.domain.critical_humidity").MaterialClass
    words = {
        condition.Reason: REASONS,
        condition.Level: LEVELS,
        condition.Outlook: OUTLOOKS,
        condition.AiringEffect: AIRING_EFFECTS,
        configuration.Protect: PROTECT_CHOICES,
        configuration.VisibleMould: room_options.VISIBLE_MOULD,
        configuration.AppliesFrom: APPLIES_FROM,
        materials: room_options.MATERIALS,
    }
    decline = importlib.import_module("mould_watch.domain.mould.model").Decline
    assert {one.name.lower(): one.value for one in decline} == room_options.DECLINES
    settings = importlib.import_module("mould_watch.domain.rules.settings")
    assert set(settings.BackendRules.model_fields) == set(BACKEND_RULES)
    for theirs, ours in words.items():
        assert {str(word) for word in theirs} == set(ours)
    days = TEXTS["entity"]["sensor"]["days_to_first_growth"]["state_attributes"]["reason"]["state"]
    assert {str(word) for word in condition.OutlookReason} == set(days)
    as_now = TEXTS["entity"]["sensor"]["outlook"]["state_attributes"]["reason_as_now"]["state"]
    assert {str(word) for word in condition.OutlookReason} == set(as_now)
    why = TEXTS["entity"]["sensor"]["reason"]["state_attributes"]
    assert {str(word) for word in condition.Certainty} == set(why["certainty"]["state"])
    assert {str(word) for word in condition.Level} == set(why["at_most"]["state"])
    drying = TEXTS["entity"]["sensor"]["drying_half_time"]["state_attributes"]["trend"]["state"]
    assert {str(word) for word in condition.DryingTrend} == set(drying)


def test_every_exception_has_its_text() -> None:
    raised = keywords_of("translation_key", "__init__.py", "coordinator.py", "services.py")
    refusals = {f"cold_spot_{reason}" for reason in COLD_SPOT_REASONS}
    assert set(TEXTS["exceptions"]) == raised | refusals | {"not_mould_watch"}


def test_what_phones_are_told_is_said_in_every_language_the_backend_speaks() -> None:
    """The forms are English; what the integration itself tells a household is not."""
    found = {path.stem: path for path in (INTEGRATION / "translations").glob("*.json")}
    assert set(found) == set(importlib.import_module("mould_watch.domain.languages").LANGUAGES)
    for tag, path in found.items():
        if tag == "en":
            continue
        texts = json.loads(path.read_text())
        assert set(texts) == {"common"}
        assert texts["common"].keys() == TEXTS["common"].keys(), tag
        assert not set(texts["common"].values()) & set(TEXTS["common"].values()), tag


def test_every_action_has_its_texts_and_its_icon() -> None:
    actions = yaml.safe_load((INTEGRATION / "services.yaml").read_text())
    assert set(actions) == set(TEXTS["services"]) == set(ICONS["services"])
    of_rooms = {SERVICE_RECORD_COLD_SPOT, SERVICE_START_EPISODE}
    of_incidents = {SERVICE_ACKNOWLEDGE, SERVICE_SNOOZE}
    assert set(actions) == of_rooms | of_incidents
    for name, action in actions.items():
        assert set(action["fields"]) == set(TEXTS["services"][name]["fields"])
        asked = action["fields"]["device_id"]["selector"]["device"]["filter"]
        models = {one["model"] for one in ([asked] if isinstance(asked, dict) else asked)}
        everything = {MODEL_ROOM, MODEL_DEVICE, MODEL_BACKEND}
        assert models == ({MODEL_ROOM} if name in of_rooms else everything)
    reasons = actions[SERVICE_START_EPISODE]["fields"]["reason"]["selector"]["select"]
    assert tuple(reasons["options"]) == EPISODE_REASONS
    assert set(TEXTS["selector"][reasons["translation_key"]]["options"]) == set(EPISODE_REASONS)


def test_every_issue_has_its_text() -> None:
    assert set(TEXTS["issues"]) == {kind.value for kind in IssueKind}
    for kind in IssueKind:
        has_flow = "fix_flow" in TEXTS["issues"][kind.value]
        assert has_flow is (kind in _FIXABLE)
        assert has_flow is not ("description" in TEXTS["issues"][kind.value])


def test_texts_are_whole() -> None:
    for text in leaves(TEXTS):
        assert text
        assert "[%key" not in text
        assert "http" not in text
    assert not (INTEGRATION / "strings.json").exists()
