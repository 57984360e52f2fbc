"""The files of the integration: its texts, icons and manifest, and what its code says literally."""

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "mould_watch"
TEXTS: dict[str, Any] = json.loads((INTEGRATION / "translations" / "en.json").read_text())
ICONS: dict[str, Any] = json.loads((INTEGRATION / "icons.json").read_text())
SCALE: dict[str, Any] = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
FLOW_FILES = {
    "config": ("config_flow.py", "home_flow.py"),
    "options": ("home_flow.py",),
    "room": (
        "room_flow.py",
        "room_limits.py",
        "room_options.py",
        "room_rules.py",
        "subentry_flow.py",
        "told.py",
    ),
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
    "room_limits.py",
    "room_options.py",
    "room_rules.py",
    "device_flow.py",
    "rule_choice.py",
    "selectors.py",
    "told.py",
)


def trees(*names: str) -> Iterator[ast.AST]:
    for name in names:
        yield from ast.walk(ast.parse((INTEGRATION / name).read_text()))


def constants_of(*names: str) -> dict[str, str]:
    """Return the module's string constants by name, imported ones included."""
    found: dict[str, str] = {}
    for node in trees("const.py", *names):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
            assert isinstance(node.target, ast.Name | ast.Attribute)
            found[ast.unparse(node.target)] = str(node.value.value)
    found |= {"CONF_URL": "url", "CONF_TOKEN": "token", "CONF_NAME": "name"}
    return found


def text_of(node: ast.expr, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return constants.get(ast.unparse(node))


def keywords_of(name: str, *files: str) -> set[str]:
    """Return the literal values given to a keyword argument."""
    constants = constants_of(*files)
    return {
        text
        for node in trees(*files)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == name and (text := text_of(keyword.value, constants)) is not None
    }


def steps_of(*files: str) -> set[str]:
    """Return the steps that show something: forms and menus, by their id."""
    shown = keywords_of("step_id", *files)
    # handed to one helper
    if "room_flow.py" in files:
        shown |= {"new_room", "reconfigure"}
    if "device_flow.py" in files:
        shown |= {"limits", "reconfigure"}
    return shown


def menu_options_of(*files: str) -> set[str]:
    return {
        str(option.value)
        for node in trees(*files)
        if isinstance(node, ast.keyword) and node.arg == "menu_options"
        for option in ast.walk(node.value)
        if isinstance(option, ast.Constant)
    }


def leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for child in value.values():
            yield from leaves(child)
    else:
        assert isinstance(value, str)
        yield value


def all_code() -> str:
    return "\n".join(path.read_text() for path in INTEGRATION.glob("*.py"))
