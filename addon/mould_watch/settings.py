"""Every setting, in one frozen model: environment first, then the app's options file.

The environment names are MOULD_WATCH_<FIELD>, nested ones MOULD_WATCH_MQTT__HOST; DATABASE_URL
and SUPERVISOR_TOKEN keep their customary names. The app's options file is `options.json` in
the data folder, as the Home Assistant Supervisor writes it.
"""

import json
import os
import urllib.parse
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import (
    SettingsError as UnreadableSettingError,
)

from mould_watch.domain.configuration import QuietHours
from mould_watch.domain.notification import APPRISE_CHANNEL, APPRISE_PREFIX, Lane
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.errors import SettingsError

_STATUS_TOPIC: Final = "mould-watch/status"
OFF: Final = "off"


class MqttSettings(BaseModel):
    """The broker and what to listen to there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # None: the broker that the Supervisor offers; without a Supervisor, localhost
    host: str | None = None
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password: SecretStr | None = None
    tls: bool = False
    # in PEM: who vouches for the broker, and by which certificate it knows us
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    client_key_password: SecretStr | None = None
    # kept there: "online", and "offline" after an end of any kind; "off": nothing is said
    status_topic: str = Field(default=_STATUS_TOPIC, pattern=r"^[^+#\x00]+$", max_length=255)
    client_id: str = Field(default="mould-watch", min_length=1, max_length=64)
    keepalive_s: int = Field(default=30, ge=5, le=3600)
    session_expiry_s: int = Field(default=7 * 86400, ge=60, lt=2**32)
    receive_maximum: int = Field(default=1000, ge=1, le=65535)
    # The settings of the decoders, by name; each checks its own (ingest/registry.py). Not shown: a
    # password under a misspelt name would be among them.
    sensors: Mapping[str, Any] = Field(default_factory=dict, repr=False)

    @field_validator("ca_file", "client_certificate_file", "client_key_file", mode="before")
    @classmethod
    def _none_when_emptied(cls, given: Any) -> Any:  # noqa: ANN401 - as above
        # a field that was emptied in the app's form
        return None if given == "" else given

    @field_validator("status_topic", mode="before")
    @classmethod
    def _usual_when_emptied(cls, given: Any) -> Any:  # noqa: ANN401 - as above
        return _STATUS_TOPIC if given == "" else given

    @model_validator(mode="after")
    def _key_has_its_certificate(self) -> Self:
        if self.client_certificate_file is None and self.client_key_file is not None:
            raise ValueError("client_key_file is of no use without client_certificate_file")
        return self

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic hands over what it was given
        """Put the settings that are none of this model's own into `sensors`."""
        if not isinstance(given, Mapping):
            return given
        own = {name: value for name, value in given.items() if name in cls.model_fields}
        sensors = {name: value for name, value in given.items() if name not in cls.model_fields}
        return {**own, "sensors": {**own.get("sensors", {}), **sensors}}


_CLASSIC: Final = {"batch_maximum": 100, "batch_wait_s": 2.0}


class IngestSettings(BaseModel):
    """How messages become rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # "arrived": a batch is what came while the one before was written, at most `batch_maximum`.
    # "classic": 100 messages or 2 s, whichever comes first; the seeds of `batch_maximum` and
    # `batch_wait_s`, each of which may be set besides.
    batches: Literal["arrived", "classic"] = "arrived"
    batch_maximum: int = Field(default=500, ge=1, le=5000)
    # how long a batch that is not full waits for more
    batch_wait_s: float = Field(default=0.0, ge=0, le=60)
    minimum_commit_interval_s: float = Field(default=0.02, ge=0, le=60)
    # a write that takes longer is given up and its messages spooled
    write_patience_s: float = Field(default=10.0, gt=0, le=60)
    payload_maximum_bytes: int = Field(default=1024 * 1024, ge=1024)
    # what waits for the database in memory: QoS 0 beyond this is dropped and counted
    waiting_maximum_messages: int = Field(default=10_000, ge=1)
    waiting_maximum_bytes: int = Field(default=32 * 1024 * 1024, ge=65536)
    # the bodies of all dead letters together: beyond this the oldest go
    dead_letters_maximum_bytes: int = Field(default=64 * 1024 * 1024, ge=1024 * 1024)
    # devices whose state is kept in memory, those heard last
    device_states_maximum: int = Field(default=2000, ge=1)
    future_maximum_s: float = Field(default=300, ge=0)
    age_maximum_s: float = Field(default=7 * 86400, ge=60)

    @model_validator(mode="before")
    @classmethod
    def _seeds(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic hands over what it was given
        if isinstance(given, Mapping) and given.get("batches") == "classic":
            return {**_CLASSIC, **given}
        return given


class SpoolSettings(BaseModel):
    """Where messages are kept while the database is away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # None: "spool" in the data folder. It must outlive the process, and has one user at a time
    folder: Path | None = None
    # beyond this nothing more is acknowledged: the broker keeps it then
    maximum_mib: float = Field(default=512.0, ge=1 / 16)
    # so much of the disk is left to others
    free_disk_minimum_mib: float = Field(default=128.0, ge=0)


type AppriseName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class ReadingsSettings(BaseModel):
    """How long raw readings are kept; the hourly climate of rooms is kept for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # whole months; 0: for ever
    keep_months: int = Field(default=24, ge=0, le=1200)


LONGEST_LEASE_S: Final = 300.0
"""Ten times what a channel is given: enough for any, and short enough to wait out when its holder
died. A lease that ends later was granted by a clock that was ahead."""


class NotifySettings(BaseModel):
    """The claim loop and the channels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # taken at a time; twice as many may be on their way at once
    claim_batch: int = Field(default=10, ge=1, le=1000)
    poll_s: float = Field(default=2.0, gt=0, le=60)
    # Home Assistant's action can take over 10 s a phone
    channel_timeout_s: float = Field(default=30.0, gt=0)
    lease_s: float = Field(default=90.0, gt=0, le=LONGEST_LEASE_S)
    retry_initial_s: float = Field(default=5.0, gt=0)
    retry_maximum_s: float = Field(default=900.0, gt=0)
    # how long a phone that confirms what arrives may be silent about an alarm of high severity,
    # and how long nobody may react to one where no phone confirms, before it is said again
    receipt_wait_s: float = Field(default=300.0, gt=0)
    person_wait_s: float = Field(default=900.0, gt=0)
    # a way that fails so often in a row rests, for a time that grows
    breaker_failures: int = Field(default=5, ge=1, le=1000)
    breaker_initial_s: float = Field(default=10.0, gt=0)
    breaker_maximum_s: float = Field(default=300.0, gt=0)
    # name -> address of a service, as Apprise writes it: a secret
    apprise: dict[AppriseName, SecretStr] = {}
    # "apprise:<name>": where that goes which Home Assistant does not come for, or nobody can take
    fallback: str | None = None
    fallback_after_s: float = Field(default=1800.0, ge=1, le=7 * 86400)
    # how long the notifications of incidents that are over are kept
    keep_days: int = Field(default=365, ge=1, le=36500)

    @field_validator("apprise", mode="before")
    @classmethod
    def _apprise_from_the_form(cls, value: object) -> object:
        """Take the app's form as well: it knows lists of {name, url}, no names of one's own."""
        if not isinstance(value, list):
            return value
        names = [one.get("name") for one in value if isinstance(one, dict)]
        named = {name for name in names if isinstance(name, str)}
        if len(named) != len(value):
            raise ValueError("each service needs a name of its own and a url")
        return {one.get("name"): one.get("url") for one in value}

    @field_validator("fallback", mode="after")
    @classmethod
    def _no_empty_fallback(cls, value: str | None) -> str | None:
        return value or None  # an emptied field of the app's form

    @property
    def fallback_way(self) -> Lane | None:
        """Return where that goes which Home Assistant does not come for; None: it waits."""
        if self.fallback is None:
            return None
        name = self.fallback.removeprefix(APPRISE_PREFIX)
        return Lane(APPRISE_CHANNEL, name, name)

    @model_validator(mode="after")
    def _lease_outlives_channel(self) -> Self:
        if self.lease_s <= self.channel_timeout_s:
            message = (
                f"the lease ({self.lease_s:g} s) must be longer than the channel's time limit "
                f"({self.channel_timeout_s:g} s), or two workers could send the same notification"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _fallback_is_known(self) -> Self:
        name = None if self.fallback is None else self.fallback.removeprefix(APPRISE_PREFIX)
        if self.fallback is not None and (name == self.fallback or name not in self.apprise):
            known = ", ".join(f"{APPRISE_PREFIX}{one}" for one in sorted(self.apprise)) or "none"
            raise ValueError(f"the fallback {self.fallback} is none of the services set: {known}")
        return self


class PlanSettings(BaseModel):
    """When notifications go, and how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # what comes within it is told together, what is over within it is not told at all
    group_wait_s: float = Field(default=60.0, ge=0, le=3600)
    # from one reminder of something serious to the next; the last repeats, none is no reminders
    reminder_hours: tuple[float, ...] = (4.0, 12.0, 24.0)
    # where Home Assistant says none; local times of the home, empty is none
    quiet_hours: str = Field(default="22:00-07:00", pattern=r"^(\d\d:\d\d-\d\d:\d\d)?$")
    # to one target; a phone service takes 500 a day
    hourly_maximum: int = Field(default=10, ge=1)
    daily_maximum: int = Field(default=400, ge=1, le=500)

    @field_validator("reminder_hours", mode="after")
    @classmethod
    def _distances_grow(cls, hours: tuple[float, ...]) -> tuple[float, ...]:
        if any(one <= 0 for one in hours) or list(hours) != sorted(hours):
            raise ValueError("the hours from one reminder to the next are above 0 and grow")
        return hours

    @property
    def policy(self) -> NotificationPolicy:
        """What they come to."""
        start, _, end = self.quiet_hours.partition("-")
        return NotificationPolicy(
            group_wait=timedelta(seconds=self.group_wait_s),
            reminders=tuple(timedelta(hours=one) for one in self.reminder_hours),
            quiet_hours=QuietHours(start=start, end=end) if start else None,
            hourly_maximum=self.hourly_maximum,
            daily_maximum=self.daily_maximum,
        )

    @model_validator(mode="after")
    def _hours_are_times(self) -> Self:
        _ = self.policy
        return self


class ApiSettings(BaseModel):
    """Where the API listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "0.0.0.0"  # noqa: S104 - a container's port; the token guards it
    port: int = Field(default=8099, ge=0, le=65535)


def _default_data_dir() -> Path:
    """Return the app's data folder where there is one, else one below this folder."""
    app_data = Path("/data")
    return (
        app_data if app_data.is_dir() and os.access(app_data, os.W_OK) else Path("mould-watch-data")
    )


def _read_options(path: Path) -> dict[str, Any]:
    """Return what the app's form holds, nothing without the file; raises SettingsError."""
    try:
        options = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from error
    if not isinstance(options, dict):
        raise SettingsError(f"{path} does not hold a JSON object with the settings")
    return options


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="MOULD_WATCH_",
        env_nested_delimiter="__",
        extra="ignore",
        populate_by_name=True,
    )

    data_dir: Path = Field(default_factory=_default_data_dir)
    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url")
    )
    token: SecretStr | None = None
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    # "text" for people, "json" for programs: one object a line
    log_format: str = Field(default="text", pattern="^(text|json)$")
    # where the kernel does not say that the clock is synchronised, it is trusted when the machine
    # has been up for so long
    clock_settles_s: float = Field(default=600.0, ge=0)
    supervisor_url: str = "http://supervisor"
    supervisor_token: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("SUPERVISOR_TOKEN", "supervisor_token")
    )
    mqtt: MqttSettings = MqttSettings()
    ingest: IngestSettings = IngestSettings()
    spool: SpoolSettings = SpoolSettings()
    readings: ReadingsSettings = ReadingsSettings()
    notify: NotifySettings = NotifySettings()
    plan: PlanSettings = PlanSettings()
    api: ApiSettings = ApiSettings()

    @model_validator(mode="after")
    def _batches_fit_the_window(self) -> Self:
        if self.ingest.batch_wait_s > 0 and self.mqtt.receive_maximum < self.ingest.batch_maximum:
            message = (
                f"a batch of ingest.batch_maximum ({self.ingest.batch_maximum}) never fills while "
                f"the broker may send only mqtt.receive_maximum ({self.mqtt.receive_maximum}) "
                "messages before one is acknowledged: each would wait for ingest.batch_wait_s"
            )
            raise ValueError(message)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, the app's options file."""
        del dotenv_settings, file_secret_settings
        data_dir = Path(os.environ.get("MOULD_WATCH_DATA_DIR") or _default_data_dir())
        options = InitSettingsSource(settings_cls, _read_options(data_dir / "options.json"))
        return init_settings, env_settings, options

    @classmethod
    def load(cls) -> Self:
        """Read and check the settings; raise SettingsError with a sentence for each fault."""
        try:
            return cls()
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(str(part) for part in fault['loc']) or 'settings'}: "
                f"{fault['msg'].removeprefix('Value error, ')}"
                for fault in error.errors(include_input=False, include_url=False)
            )
            raise SettingsError(f"the settings do not fit: {faults}") from error
        except UnreadableSettingError as error:
            # its own words name the group, not the variable
            raise SettingsError(
                "a variable in the environment is not JSON, and must be: a list (such as "
                'MOULD_WATCH_MQTT__JSON_TOPIC_FILTERS) is written as ["first/#", "second/#"], '
                "a whole group (such as MOULD_WATCH_MQTT) as a JSON object"
            ) from error


def database_password(settings: Settings) -> str | None:
    """Return the password inside the database's address, as it is written there."""
    if settings.database_url is None:
        return None
    try:
        return urllib.parse.urlsplit(settings.database_url.get_secret_value()).password
    except ValueError:
        return None  # not an address; the database says so without quoting it
