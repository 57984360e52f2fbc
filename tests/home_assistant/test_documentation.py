"""The documentation names what there is, and its examples are automations that run."""

import re

import yaml  # type: ignore[import-untyped]
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from tests.home_assistant.integration_files import FLOW_TEXTS, ROOT, SCALE, TEXTS

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
