"""What Home Assistant's own checks (hassfest) and HACS would say, and the quality scale."""

import importlib
import importlib.util
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from custom_components.mould_watch.const import CLIENT_VERSION
from tests.home_assistant.integration_files import INTEGRATION, ROOT, SCALE, all_code

MANIFEST: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text())


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
    code = all_code()
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
