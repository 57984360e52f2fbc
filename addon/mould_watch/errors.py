"""The errors of this program: one small hierarchy, each with the data that explains it."""


class MouldWatchError(Exception):
    """Something went wrong that this program understands.

    `code` is a short word that never changes (the integration translates by it), the message
    is plain English, `data` are the values that the message names.
    """

    code = "mould_watch_error"

    def __init__(self, message: str, **data: object) -> None:
        """Keep the sentence for people and the values it names."""
        super().__init__(message)
        self.data = data


class SettingsError(MouldWatchError):
    """A setting is missing, or does not fit the others."""

    code = "settings"


class DatabaseUnavailableError(MouldWatchError):
    """PostgreSQL cannot be reached now; trying again later may succeed."""

    code = "database_unavailable"


class ClockNotTrustedError(DatabaseUnavailableError):
    """What is handed over cannot be stored now: nobody knows yet how late it is.

    For whoever sends it is the same as a database that is away: trying again is right.
    """


class SpoolUnusableError(MouldWatchError):
    """The spool cannot take, or give, anything now; trying again later may succeed."""

    code = "spool_unusable"


class SpoolDamagedError(MouldWatchError):
    """A file, or a row, of the spool is not what was written."""

    code = "spool_damaged"


class BrokerUnavailableError(MouldWatchError):
    """The MQTT broker cannot be reached or used now; trying again later may succeed."""

    code = "broker_unavailable"


class PostgresServerError(MouldWatchError):
    """The backend's own PostgreSQL server cannot be made or started."""

    code = "postgres_server"


class MigrationError(MouldWatchError):
    """The schema in the database is not one this version can bring up to date."""

    code = "migration"


class UndecodableMessageError(MouldWatchError):
    """A message is not what its topic promises: it becomes a dead letter.

    `reason` is the machine word that is stored with it.
    """

    code = "undecodable_message"

    def __init__(self, reason: str, message: str, **data: object) -> None:
        """Keep the reason beside the sentence."""
        super().__init__(message, **data)
        self.reason = reason


class TemplateError(MouldWatchError):
    """A value template of MQTT discovery cannot be used, or not with this payload.

    `reason` is the machine word: template_invalid, template_undefined, template_failed,
    template_too_slow, template_too_large.
    """

    code = "template"

    def __init__(self, reason: str, message: str, **data: object) -> None:
        """Keep the reason beside the sentence."""
        super().__init__(message, **data)
        self.reason = reason


class ConfigurationRefusedError(MouldWatchError):
    """A configuration document was not applied; nothing was changed.

    `code` is one of the refusals of docs/protocol.md.
    """

    def __init__(self, code: str, message: str, **data: object) -> None:
        """Keep which refusal it is."""
        super().__init__(message, **data)
        self.code = code


class ColdSpotRefusedError(MouldWatchError):
    """A reading of the cold spot says nothing about the wall.

    `reason` is the machine word: difference_too_small, factor_out_of_range,
    temperature_out_of_range, no_readings, no_room_temperature, no_outdoor_temperature,
    in_the_future, before_first_reading.
    """

    code = "cold_spot_refused"

    def __init__(self, reason: str, message: str, **data: object) -> None:
        """Keep the reason beside the sentence."""
        super().__init__(message, reason=reason, **data)
        self.reason = reason


class RecordingError(MouldWatchError):
    """A recorded series cannot be read, or says too little to be judged."""

    code = "recording"


class IllegalTransitionError(MouldWatchError):
    """An incident or a notification was asked to do what its life does not allow."""

    code = "illegal_transition"


class InstanceNotConnectedError(MouldWatchError):
    """The Home Assistant instance a notification is for is not connected, or just left."""

    code = "instance_not_connected"
