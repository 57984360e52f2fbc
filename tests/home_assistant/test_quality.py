"""What Home Assistant's own checks (hassfest) would say, and that every text is there."""

import ast
import importlib
import importlib.util
import json
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.mould_watch import room_options
from custom_components.mould_watch.binary_sensor import BINARY_SENSORS, DEVICE_BINARY_SENSORS
from custom_components.mould_watch.button import BUTTONS
from custom_components.mould_watch.const import (
    AIRING_EFFECTS,
    APPLIES_FROM,
    CLIENT_VERSION,
    LEVELS,
    MODEL_DEVICE,
    MODEL_ROOM,
    OUTLOOKS,
    PROTECT_CHOICES,
    REASONS,
)
from custom_components.mould_watch.device_flow import SEVERITIES
from custom_components.mould_watch.errors import MouldWatchClientError
from custom_components.mould_watch.home_flow import BACKEND_RULES, OUTDOOR_KINDS
from custom_components.mould_watch.issues import _FIXABLE, IssueKind
from custom_components.mould_watch.push import _CHANNELS
from custom_components.mould_watch.room_condition import Condition
from custom_components.mould_watch.room_sensors import SENSORS, UNRECORDED, WATCHED
from custom_components.mould_watch.rule_choice import RULE_CHOICES
from custom_components.mould_watch.runtime import ENTITIES_OF_A_ROOM
from custom_components.mould_watch.services import (
    COLD_SPOT_REASONS,
    SERVICE_ACKNOWLEDGE,
    SERVICE_RECORD_COLD_SPOT,
    SERVICE_SNOOZE,
    SERVICE_START_EPISODE,
)
from custom_components.mould_watch.services import REASONS as EPISODE_REASONS
from custom_components.mould_watch.sources import METRIC_CLASSES, SAME_DEVICE
from custom_components.mould_watch.told import WHO_CHOICES

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "mould_watch"
TEXTS: dict[str, Any] = json.loads((INTEGRATION / "translations" / "en.json").read_text())
ICONS: dict[str, Any] = json.loads((INTEGRATION / "icons.json").read_text())
MANIFEST: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text())
SCALE: dict[str, Any] = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
FLOW_FILES = {
    "config": ("config_flow.py", "home_flow.py"),
    "options": ("home_flow.py",),
    "room": ("room_flow.py", "room_options.py", "subentry_flow.py", "told.py"),
    "device": ("device_flow.py", "subentry_flow.py", "told.py"),
}
FLOW_TEXTS = {
    "config": TEXTS["config"],
    "options": TEXTS["options"],
    "room": TEXTS["config_subentries"]["room"],
    "device": TEXTS["config_subentries"]["device"],
}


FLOW_CODE = (
    "config_flow.py",
    "home_flow.py",
    "room_flow.py",
    "room_options.py",
    "device_flow.py",
    "rule_choice.py",
    "selectors.py",
    "told.py",
)


def _trees(*names: str) -> Iterator[ast.AST]:
    for name in names:
        yield from ast.walk(ast.parse((INTEGRATION / name).read_text()))


def _constants(*names: str) -> dict[str, str]:
    """Return the module's string constants by name, imported ones included."""
    found: dict[str, str] = {}
    for node in _trees("const.py", *names):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
            assert isinstance(node.target, ast.Name | ast.Attribute)
            found[ast.unparse(node.target)] = str(node.value.value)
    found |= {"CONF_URL": "url", "CONF_TOKEN": "token", "CONF_NAME": "name"}
    return found


def _text(node: ast.expr, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return constants.get(ast.unparse(node))


def _keywords(name: str, *files: str) -> set[str]:
    """Return the literal values given to a keyword argument."""
    constants = _constants(*files)
    return {
        text
        for node in _trees(*files)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == name and (text := _text(keyword.value, constants)) is not None
    }


def _steps(*files: str) -> set[str]:
    """Return the steps that show something: forms and menus, by their id."""
    shown = _keywords("step_id", *files)
    # handed to one helper
    if "room_flow.py" in files:
        shown |= {"new_room", "reconfigure"}
    if "device_flow.py" in files:
        shown |= {"limits", "reconfigure"}
    return shown


def _menu_options(*files: str) -> set[str]:
    return {
        str(option.value)
        for node in _trees(*files)
        if isinstance(node, ast.keyword) and node.arg == "menu_options"
        for option in ast.walk(node.value)
        if isinstance(option, ast.Constant)
    }


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for child in value.values():
            yield from _leaves(child)
    else:
        assert isinstance(value, str)
        yield value


def _all_code() -> str:
    return "\n".join(path.read_text() for path in INTEGRATION.glob("*.py"))


@pytest.mark.parametrize("flow", FLOW_FILES)
def test_every_step_has_its_text_and_no_text_is_left_over(flow: str) -> None:
    assert set(FLOW_TEXTS[flow]["step"]) == _steps(*FLOW_FILES[flow])
    options = {
        option
        for step in FLOW_TEXTS[flow]["step"].values()
        for option in step.get("menu_options", {})
    }
    assert options == _menu_options(*FLOW_FILES[flow])


@pytest.mark.parametrize("flow", FLOW_FILES)
def test_every_field_has_a_label_and_a_description(flow: str) -> None:
    for step in FLOW_TEXTS[flow]["step"].values():
        for part in (step, *step.get("sections", {}).values()):
            assert set(part.get("data", {})) == set(part.get("data_description", {}))


@pytest.mark.parametrize("flow", FLOW_FILES)
def test_every_field_of_a_schema_has_its_label(flow: str) -> None:
    constants = _constants(*FLOW_CODE, "watched_devices.py", "const.py")
    fields = {
        text
        for node in _trees(*FLOW_FILES[flow])
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"probatio.Required", "probatio.Optional"}
        and (text := _text(node.args[0], constants)) is not None
    }
    labelled = {
        key
        for step in FLOW_TEXTS[flow]["step"].values()
        for part in (step, *step.get("sections", {}).values())
        for key in (*part.get("data", {}), *step.get("sections", {}))
    }
    if flow == "room":
        fields |= {*room_options.LEVELS, *room_options.NUMBERS, "condensation", "no_data"}
    assert fields == labelled


def test_every_text_of_a_notification_is_there_and_none_is_left_over() -> None:
    channels = {key for key, _ in _CHANNELS.values()}
    absences = {
        f"{absence}_{part}"
        for absence in ("no_backend", "no_database")
        for part in ("title", "message")
    }
    assert set(TEXTS["common"]) == channels | absences


def test_every_error_and_abort_has_its_text() -> None:
    keys = {error.key for error in _errors()} - {"refused"}
    for section in ("error", "abort"):
        assert keys <= set(TEXTS["config"][section])
    code = _all_code()
    for section in (*FLOW_TEXTS.values(), *TEXTS["issues"].values()):
        used = {**section.get("error", {}), **section.get("abort", {})}
        for key in used:
            assert f'"{key}"' in code or key.endswith("_successful"), key
    for flow, files in FLOW_FILES.items():
        known = {**FLOW_TEXTS[flow]["error"], **FLOW_TEXTS[flow].get("abort", {})}
        for name in files:
            source = (INTEGRATION / name).read_text()
            for key in re.findall(
                r'(?:errors\[[^\]]+\] = |\{(?:CONF_\w+|"base"): )"(\w+)"', source
            ):
                assert key in known, (flow, key)
            for key in _keywords("reason", name):
                assert key in known, (flow, key)


def _errors() -> set[type[MouldWatchClientError]]:
    return set(MouldWatchClientError.__subclasses__())


def test_every_entity_state_and_attribute_has_its_text() -> None:
    sensors = (*WATCHED, *SENSORS)
    assert set(TEXTS["entity"]) == {"sensor", "binary_sensor", "button"}
    assert set(TEXTS["entity"]["button"]) == {b.translation_key for b in BUTTONS}
    assert set(TEXTS["entity"]["sensor"]) == {s.translation_key for s in sensors}
    assert set(TEXTS["entity"]["binary_sensor"]) == {
        b.translation_key for b in (*BINARY_SENSORS, *DEVICE_BINARY_SENSORS)
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
    assert all(icon.startswith("mdi:") for icon in _leaves(ICONS))


def test_every_selector_option_has_its_text() -> None:
    choices = {"material", "visible_mould", "applies_from", "decline"}
    told = {"test_notification", "metric", "episode_reason", "cold_spot_applies_from"}
    used = _keywords("translation_key", *FLOW_CODE)
    assert set(TEXTS["selector"]) == used | choices | told
    options = {
        "protect": PROTECT_CHOICES,
        "outdoor_kind": OUTDOOR_KINDS,
        "temperature_source": (SAME_DEVICE,),
        "material": room_options.MATERIALS,
        "visible_mould": room_options.VISIBLE_MOULD,
        "applies_from": APPLIES_FROM,
        "cold_spot_applies_from": APPLIES_FROM,
        "severity": SEVERITIES,
        "rule": RULE_CHOICES,
        "decline": room_options.DECLINES,
        "who": WHO_CHOICES,
        "metric": (*METRIC_CLASSES, "reports"),
    }
    for key, known in options.items():
        assert set(TEXTS["selector"][key]["options"]) == set(known)


def test_the_usual_values_that_forms_name_are_those_of_the_backend() -> None:
    levels = importlib.import_module("mould_watch.domain.mould.level").LevelThresholds()
    uncertainty = importlib.import_module("mould_watch.domain.mould.band").DEFAULT_UNCERTAINTY_PCT
    recovery = importlib.import_module("mould_watch.domain.rules.mould_level").Recovery()
    surface = importlib.import_module("mould_watch.domain.surface")
    condensation = importlib.import_module("mould_watch.domain.rules.condensation")
    factors = [surface._DEFAULT_FACTOR[kind] for kind in ("cold_wall", "window", "insulated_wall")]
    named = {
        "f_rsi": factors,
        "surface_temperature": [surface.DEFAULT_CELLAR_C],
        "damp_hours": [levels.damp_hours_per_day],
        "damp_days": [levels.damp_days],
        "warning_weeks": [levels.warning_weeks],
        "high_index": [levels.high_index],
        "damage_index": [levels.damage_index],
        "humidity_uncertainty_pct": [uncertainty],
        "recovery_margin_pct": [recovery.margin_pct],
        "recovery_hours": [recovery.hours],
        "condensation_minutes": [condensation.DEFAULT_MINUTES],
    }
    for step in ("new_room", "reconfigure"):
        sections = FLOW_TEXTS["room"]["step"][step]["sections"]
        texts = sections["surface"]["data_description"] | sections["more"]["data_description"]
        for key, numbers in named.items():
            usual = texts[key].partition("Usual: ")[2]
            assert [float(n) for n in re.findall(r"\d+(?:\.\d+)?", usual)] == numbers, key


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
    raised = _keywords("translation_key", "__init__.py", "coordinator.py", "services.py")
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
        assert models == ({MODEL_ROOM} if name in of_rooms else {MODEL_ROOM, MODEL_DEVICE})
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
    for text in _leaves(TEXTS):
        assert text
        assert "[%key" not in text
        assert "http" not in text
    assert not (INTEGRATION / "strings.json").exists()


def test_the_manifest_is_as_hassfest_wants_it() -> None:
    keys = list(MANIFEST)
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert MANIFEST["domain"] == INTEGRATION.name
    assert MANIFEST["requirements"] == []
    assert "quality_scale" not in MANIFEST
    assert MANIFEST["version"] == CLIENT_VERSION
    for key in ("documentation", "issue_tracker"):
        assert MANIFEST[key].startswith("https://github.com/mould-watch/mould-watch")


def test_hacs_knows_what_it_needs() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text())
    assert set(hacs) == {"name", "homeassistant", "hacs"}
    assert hacs["homeassistant"] == "2026.10.0"


@pytest.mark.parametrize(
    ("name", "pixels"), [("icon", 256), ("icon@2x", 512), ("logo", 256), ("logo@2x", 512)]
)
def test_the_brand_has_its_images(name: str, pixels: int) -> None:
    data = (INTEGRATION / "brand" / f"{name}.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (pixels, pixels)


def test_the_quality_scale_is_complete_and_honest() -> None:
    for rule, value in SCALE.items():
        if value == "done":
            continue
        assert value["status"] == "exempt", rule
        assert value["comment"], rule
    # the rules whose proof is in the code
    code = _all_code()
    assert SCALE["config-flow"] == "done"
    assert SCALE["reauthentication-flow"] == "done"
    assert "async_step_reauth_confirm" in code
    assert SCALE["reconfiguration-flow"] == "done"
    assert code.count("async def async_step_reconfigure") == 3
    assert SCALE["discovery"] == "done"
    assert "async_step_hassio" in code
    assert SCALE["runtime-data"] == "done"
    assert "hass.data[" not in code
    assert SCALE["parallel-updates"] == "done"
    for platform in ("sensor", "binary_sensor", "button"):
        assert "PARALLEL_UPDATES: Final = 0" in (INTEGRATION / f"{platform}.py").read_text()
    assert SCALE["has-entity-name"] == "done"
    assert "_attr_has_entity_name = True" in code
    assert SCALE["integration-owner"] == "done"
    assert MANIFEST["codeowners"]
    # no requirements: the rules about libraries do not apply
    for rule in ("dependency-transparency", "async-dependency", "inject-websession"):
        assert SCALE[rule]["status"] == "exempt"
    spec = importlib.util.find_spec("homeassistant.components.ntfy")
    assert spec is not None
    assert spec.origin is not None
    core = Path(spec.origin).parent
    rules = yaml.safe_load((core / "quality_scale.yaml").read_text())["rules"]
    assert set(SCALE) >= set(rules)


# Where each documentation rule is kept: a file, and the heading or the words it stands under.
DOCS = {
    "docs-actions": ("docs/integration.md", "## Actions"),
    "docs-configuration-parameters": ("docs/integration.md", "## Rooms"),
    "docs-data-update": ("docs/integration.md", "## How data is updated"),
    "docs-examples": ("docs/integration.md", "## Examples"),
    "docs-high-level-description": ("README.md", "# Mould Watch"),
    "docs-installation-instructions": ("README.md", "## Install it in your Home Assistant"),
    "docs-installation-parameters": ("docs/integration.md", "## Setting it up: the parameters"),
    "docs-known-limitations": ("docs/integration.md", "## Known limitations"),
    "docs-removal-instructions": ("docs/integration.md", "## Removing it"),
    "docs-supported-devices": ("docs/integration.md", "## Supported devices"),
    "docs-supported-functions": ("docs/integration.md", "## Entities"),
    "docs-troubleshooting": ("docs/integration.md", "## Troubleshooting"),
    "docs-use-cases": ("docs/integration.md", "## What it is good for"),
}


def test_every_documentation_rule_is_kept() -> None:
    assert {rule for rule in SCALE if rule.startswith("docs-") and SCALE[rule] == "done"} == set(
        DOCS
    )
    for name, heading in DOCS.values():
        assert heading in (ROOT / name).read_text().splitlines()


def test_the_documentation_names_every_field_and_entity() -> None:
    document = (ROOT / "docs" / "integration.md").read_text().lower()
    room = FLOW_TEXTS["room"]["step"]["new_room"]
    named = {
        *FLOW_TEXTS["config"]["step"]["user"]["data"].values(),
        *(
            label
            for key, label in FLOW_TEXTS["config"]["step"]["home"]["data"].items()
            if key != "weather"
        ),
        *room["data"].values(),
        *(label for part in room["sections"].values() for label in part["data"].values()),
        *FLOW_TEXTS["device"]["step"]["limits"]["data"].values(),
        *(entity["name"] for platform in TEXTS["entity"].values() for entity in platform.values()),
        *TEXTS["entity"]["sensor"]["mould_level"]["state"].values(),
    }
    assert [text for text in named if text.lower() not in document] == []


async def test_the_examples_are_automations_that_home_assistant_takes(hass: HomeAssistant) -> None:
    text = (ROOT / "docs" / "integration.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    automations = [block for block in blocks if "alias" in block]
    known = {
        f"{platform}.bathroom_{entity['name'].lower().replace(' ', '_')}"
        for platform, entities in TEXTS["entity"].items()
        for entity in entities.values()
    }
    used = {
        part["entity_id"]
        for automation in automations
        for part in (*automation["triggers"], *automation.get("conditions", ()))
    }
    assert used
    assert used <= known
    assert await async_setup_component(hass, "automation", {"automation": automations})
    await hass.async_block_till_done()
    assert [state.state for state in hass.states.async_all("automation")] == ["on", "on"]
