"""Every step, field, error and choice of a form has its text, and no text is left over."""

import ast
import importlib
import importlib.util
import re

import pytest

from custom_components.mould_watch import room_limits, room_options
from custom_components.mould_watch.const import APPLIES_FROM, PROTECT_CHOICES
from custom_components.mould_watch.errors import MouldWatchClientError
from custom_components.mould_watch.home_flow import OUTDOOR_KINDS
from custom_components.mould_watch.rule_choice import LIMIT_CHOICES, RULE_CHOICES
from custom_components.mould_watch.sources import METRIC_CLASSES, SAME_DEVICE
from custom_components.mould_watch.told import WHO_CHOICES
from tests.home_assistant.integration_files import (
    FLOW_CODE,
    FLOW_FILES,
    FLOW_TEXTS,
    INTEGRATION,
    TEXTS,
    all_code,
    constants_of,
    keywords_of,
    menu_options_of,
    steps_of,
    text_of,
    trees,
)


@pytest.mark.parametrize("flow", FLOW_FILES)
def test_every_step_has_its_text_and_no_text_is_left_over(flow: str) -> None:
    assert set(FLOW_TEXTS[flow]["step"]) == steps_of(*FLOW_FILES[flow])
    options = {
        option
        for step in FLOW_TEXTS[flow]["step"].values()
        for option in step.get("menu_options", {})
    }
    assert options == menu_options_of(*FLOW_FILES[flow])


@pytest.mark.parametrize("flow", FLOW_FILES)
def test_every_field_has_a_label_and_a_description(flow: str) -> None:
    for step in FLOW_TEXTS[flow]["step"].values():
        for part in (step, *step.get("sections", {}).values()):
            assert set(part.get("data", {})) == set(part.get("data_description", {}))


@pytest.mark.parametrize("flow", FLOW_FILES)
def test_every_field_of_a_schema_has_its_label(flow: str) -> None:
    constants = constants_of(*FLOW_CODE, "watched_devices.py", "const.py")
    fields = {
        text
        for node in trees(*FLOW_FILES[flow])
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"probatio.Required", "probatio.Optional"}
        and (text := text_of(node.args[0], constants)) is not None
    }
    labelled = {
        key
        for step in FLOW_TEXTS[flow]["step"].values()
        for part in (step, *step.get("sections", {}).values())
        for key in (*part.get("data", {}), *step.get("sections", {}))
    }
    if flow == "room":
        fields |= {*room_options.LEVELS, *room_options.NUMBERS, *room_limits.FIELDS}
    assert fields == labelled


def test_every_error_and_abort_has_its_text() -> None:
    keys = {error.key for error in _errors()} - {"refused"}
    for section in ("error", "abort"):
        assert keys <= set(TEXTS["config"][section])
    code = all_code()
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
            for key in keywords_of("reason", name):
                assert key in known, (flow, key)


def _errors() -> set[type[MouldWatchClientError]]:
    return set(MouldWatchClientError.__subclasses__())


def test_every_selector_option_has_its_text() -> None:
    choices = {"material", "visible_mould", "applies_from", "decline"}
    told = {"test_notification", "metric", "episode_reason", "cold_spot_applies_from"}
    used = keywords_of("translation_key", *FLOW_CODE)
    assert set(TEXTS["selector"]) == used | choices | told
    options = {
        "protect": PROTECT_CHOICES,
        "outdoor_kind": OUTDOOR_KINDS,
        "temperature_source": (SAME_DEVICE,),
        "material": room_options.MATERIALS,
        "visible_mould": room_options.VISIBLE_MOULD,
        "applies_from": APPLIES_FROM,
        "cold_spot_applies_from": APPLIES_FROM,
        "severity": LIMIT_CHOICES,
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
        texts = {
            key: text
            for section in ("surface", "more", "rules")
            for key, text in sections[section]["data_description"].items()
        }
        for key, numbers in named.items():
            usual = texts[key].partition("Usual: ")[2]
            assert [float(n) for n in re.findall(r"\d+(?:\.\d+)?", usual)] == numbers, key
