"""Settings: environment before the app's options file; faults as one clear sentence."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.errors import SettingsError
from mould_watch.settings import Settings


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("SUPERVISOR_TOKEN", raising=False)
    monkeypatch.setenv("MOULD_WATCH_DATA_DIR", str(tmp_path))
    return tmp_path


def write_options(data_dir: Path, **options: object) -> None:
    (data_dir / "options.json").write_text(json.dumps(options), encoding="utf-8")


def test_everything_has_a_default(data_dir: Path) -> None:
    settings = Settings.load()
    assert settings.data_dir == data_dir
    assert (settings.api.port, settings.mqtt.port, settings.mqtt.host) == (8099, 1883, None)
    assert (settings.log_format, settings.token, settings.database_url) == ("text", None, None)


def test_the_environment_reaches_nested_settings_and_customary_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOULD_WATCH_MQTT__HOST", "broker")
    monkeypatch.setenv("MOULD_WATCH_API__PORT", "0")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:secret@host/db")
    monkeypatch.setenv("SUPERVISOR_TOKEN", "token")
    monkeypatch.setenv("MOULD_WATCH_TOKEN", "set-by-the-user")
    settings = Settings.load()
    assert settings.token is not None
    assert settings.token.get_secret_value() == "set-by-the-user"
    assert (settings.mqtt.host, settings.api.port) == ("broker", 0)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://me:secret@host/db"
    assert settings.supervisor_token is not None
    assert "secret" not in repr(settings)


def test_the_options_file_is_read_and_the_environment_counts_more(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_options(data_dir, log_level="debug", mqtt={"host": "options", "username": "u"}, other=1)
    assert Settings.load().log_level == "debug"
    monkeypatch.setenv("MOULD_WATCH_MQTT__HOST", "environment")
    settings = Settings.load()
    assert (settings.mqtt.host, settings.mqtt.username) == ("environment", "u")


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("MOULD_WATCH_API__PORT", "99999", "api.port"),
        ("MOULD_WATCH_LOG_LEVEL", "loud", "log_level"),
        ("MOULD_WATCH_INGEST__BATCH", "x", "ingest.batch"),
        ("MOULD_WATCH_NOTIFY__LEASE_S", "10", "lease"),
        ("MOULD_WATCH_NOTIFY__LEASE_S", "301", "notify.lease_s"),
    ],
)
def test_a_fault_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, named: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"log_level": ', "is not JSON"),
        ("[]", "does not hold a JSON object"),
        ('["x"]', "does not hold a JSON object"),
        ('{"mqtt": {"port": 0}}', "mqtt.port"),
    ],
)
def test_a_fault_in_the_options_file_is_a_sentence(data_dir: Path, text: str, fault: str) -> None:
    (data_dir / "options.json").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("services", "fault"),
    [
        ('{"Bad Name": "tgram://hunter2"}', "notify.apprise.Bad Name"),
        ('{"mail": ["tgram://hunter2"]}', "notify.apprise.mail"),
        ('[{"url": "tgram://hunter2"}]', "notify.apprise: each service needs a name of its own"),
        ('["tgram://hunter2"]', "notify.apprise: each service needs a name of its own"),
        ('{"mail": tgram://hunter2', "is not JSON"),
    ],
)
def test_a_service_that_is_set_wrongly_is_told_without_its_address(
    monkeypatch: pytest.MonkeyPatch, services: str, fault: str
) -> None:
    monkeypatch.setenv("MOULD_WATCH_NOTIFY__APPRISE", services)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert fault in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_options_file_that_cannot_be_read_is_no_empty_one(data_dir: Path) -> None:
    (data_dir / "options.json").mkdir()
    with pytest.raises(SettingsError, match=r"options\.json cannot be read"):
        Settings.load()


def test_a_group_that_is_no_json_is_told_how_to_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOULD_WATCH_MQTT", "sensors/#")
    with pytest.raises(SettingsError, match=r'written as \["first/#"'):
        Settings.load()


def test_no_fault_quotes_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOULD_WATCH_MQTT__PASSWORD", "hunter2")
    monkeypatch.setenv("MOULD_WATCH_MQTT__PORT", "hunter2")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert "hunter2" not in str(caught.value)


def test_the_settings_of_the_decoders_are_gathered_and_not_shown(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_options(data_dir, mqtt={"port": 1884, "json_topic_filters": ["a/#"]})
    monkeypatch.setenv("MOULD_WATCH_MQTT__PASSWORT", "hunter2")
    settings = Settings.load()
    assert settings.mqtt.port == 1884
    assert settings.mqtt.sensors == {"json_topic_filters": ["a/#"], "passwort": "hunter2"}
    assert "hunter2" not in repr(settings)


def test_settings_are_frozen() -> None:
    settings = Settings.load()
    with pytest.raises(ValueError, match="frozen"):
        settings.log_level = "debug"  # type: ignore[misc]


def test_a_batch_is_what_arrived_and_the_classic_form_is_a_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = Settings.load().ingest
    assert (usual.batches, usual.batch_maximum, usual.batch_wait_s) == ("arrived", 500, 0)
    monkeypatch.setenv("MOULD_WATCH_INGEST__BATCHES", "classic")
    classic = Settings.load().ingest
    assert (classic.batch_maximum, classic.batch_wait_s) == (100, 2.0)
    monkeypatch.setenv("MOULD_WATCH_INGEST__BATCH_WAIT_S", "0.5")
    classic = Settings.load().ingest
    assert (classic.batch_maximum, classic.batch_wait_s) == (100, 0.5)


def test_a_batch_that_waits_to_be_full_must_fit_the_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOULD_WATCH_INGEST__BATCHES", "classic")
    monkeypatch.setenv("MOULD_WATCH_MQTT__RECEIVE_MAXIMUM", "20")
    with pytest.raises(SettingsError, match=r"mqtt\.receive_maximum \(20\)"):
        Settings.load()


def test_when_and_how_often_people_are_told_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().plan.policy == NotificationPolicy()
    monkeypatch.setenv("MOULD_WATCH_PLAN__GROUP_WAIT_S", "0")
    monkeypatch.setenv("MOULD_WATCH_PLAN__QUIET_HOURS", "")
    monkeypatch.setenv("MOULD_WATCH_PLAN__REMINDER_HOURS", "[1, 2]")
    monkeypatch.setenv("MOULD_WATCH_PLAN__DAILY_MAXIMUM", "50")
    policy = Settings.load().plan.policy
    assert (policy.group_wait, policy.quiet_hours) == (timedelta(0), None)
    assert policy.reminders == (timedelta(hours=1), timedelta(hours=2))
    assert policy.daily_maximum == 50


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("QUIET_HOURS", "late", "plan.quiet_hours"),
        ("QUIET_HOURS", "25:00-07:00", "pattern"),
        ("REMINDER_HOURS", "[4, 2]", "grow"),
        ("DAILY_MAXIMUM", "501", "plan.daily_maximum"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"MOULD_WATCH_PLAN__{name}", value)
    with pytest.raises(SettingsError, match=words):
        Settings.load()
