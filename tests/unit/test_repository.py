"""The repository as the Supervisor, HACS and a newcomer read it."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import mould_watch
from mould_watch.ingest.registry import families
from mould_watch.settings import IngestSettings, MqttSettings, Settings

ROOT = Path(__file__).resolve().parents[2]


def _tracked() -> list[Path]:
    """Return the files git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def _app() -> dict[str, Any]:
    configuration: dict[str, Any] = yaml.safe_load((ROOT / "addon/config.yaml").read_text())
    return configuration


def test_one_version_everywhere() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    manifest = json.loads((ROOT / "custom_components/mould_watch/manifest.json").read_text())
    dockerfile = (ROOT / "addon/Dockerfile").read_text()
    versions = {
        "backend": mould_watch.__version__,
        "pyproject": pyproject["project"]["version"],
        "app": _app()["version"],
        "integration": manifest["version"],
    }
    assert len(set(versions.values())) == 1, versions
    assert f'io.hass.version="{mould_watch.__version__}"' in dockerfile


def test_one_minimum_home_assistant_everywhere() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text())
    assert hacs["homeassistant"] == _app()["homeassistant"]
    assert ".".join(hacs["homeassistant"].split(".")[:2]) in (ROOT / "README.md").read_text()


def test_only_the_app_and_the_integration_have_files_that_others_would_take_for_theirs() -> None:
    strays = [
        path.relative_to(ROOT)
        for path in _tracked()
        if path.name in {"config.yaml", "config.yml", "config.json", "manifest.json"}
        and path.relative_to(ROOT).parent.as_posix()
        not in {"addon", "custom_components/mould_watch"}
    ]
    assert strays == []


def test_no_file_names_a_package_registry_or_a_machine() -> None:
    # Put together here, so that this file does not name them either.
    forbidden = re.compile(
        "|".join(
            re.escape("".join(parts))
            for parts in (
                ("pypi", ".org"),
                ("pythonhosted", ".org"),
                ("registry", ".npmjs"),
                ("deb.", "debian.org"),
                ("/work", "/main"),
                ("/work", "/shared"),
            )
        )
    )
    named = []
    for path in _tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        named += [f"{path.relative_to(ROOT)}: {match}" for match in forbidden.findall(text)]
    assert named == []


def test_the_app_keeps_to_the_supervisors_schema() -> None:
    app = _app()
    required = {"name", "version", "slug", "description", "arch"}
    known = required | {
        *("url", "startup", "boot", "init", "homeassistant", "services", "discovery", "ports"),
        *("watchdog", "timeout", "backup", "options", "schema", "map", "ingress", "image"),
    }
    assert required <= app.keys() <= known
    assert set(app["arch"]) == {"amd64", "aarch64"}
    assert app["startup"] == "services"
    assert app["services"] == ["mqtt:want"]
    assert app["discovery"] == ["mould_watch"]
    assert 10 <= app["timeout"] <= 300
    assert re.fullmatch(r"http://\[HOST\]:\[PORT:8099\]/healthz", app["watchdog"])
    assert "homeassistant_api" not in app, "the backend holds no Home Assistant token"


def test_every_option_of_the_app_is_a_setting_and_is_explained() -> None:
    schema = _app()["schema"]
    assert schema.keys() <= Settings.model_fields.keys()
    decoders = {family.setting for family in families()}
    assert schema["mqtt"].keys() <= MqttSettings.model_fields.keys() | decoders
    assert decoders <= schema["mqtt"].keys()
    texts = yaml.safe_load((ROOT / "addon/translations/en.yaml").read_text())["configuration"]
    assert texts.keys() == schema.keys()
    for group in ("mqtt", "ingest", "spool", "readings", "notify"):
        assert texts[group]["fields"].keys() == schema[group].keys()
    assert schema["ingest"].keys() <= IngestSettings.model_fields.keys()


@pytest.mark.parametrize(
    "options",
    [
        {"mqtt": {}, "log_level": "info"},
        {
            "mqtt": {
                "host": "broker.lan",
                "port": 8883,
                "username": "me",
                "password": "secret",
                "tls": True,
                "zigbee2mqtt_base_topics": ["zigbee2mqtt", "upstairs"],
                "json_topic_filters": [],
            },
            "database_url": "postgresql://me:secret@db/home",
            "log_level": "debug",
        },
    ],
)
def test_the_supervisors_options_file_is_read(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "options.json").write_text(json.dumps(options))
    monkeypatch.setenv("MOULD_WATCH_DATA_DIR", str(tmp_path))
    settings = Settings.load()
    assert settings.log_level == options["log_level"]
    assert settings.mqtt.host == options["mqtt"].get("host")
    assert "secret" not in repr(settings)
