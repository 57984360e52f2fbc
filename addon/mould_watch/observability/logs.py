"""The logs: a line for people or a JSON object for programs, and never a secret in either.

What a part says is a sentence; the values behind it travel in `extra` with an `action` that
never changes, and are printed after the sentence (text) or as fields (JSON).
"""

import json
import logging
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from pydantic import SecretStr

# What logging itself puts on a record: everything else came in `extra`.
_OWN_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_REDACTED: Final = "***"
# shorter ones would redact ordinary words
_SECRET_MINIMUM_LENGTH: Final = 4


class Secrets:
    """The secrets of this process: whatever is logged, they are not in it."""

    def __init__(self) -> None:
        """Start without any."""
        self._values: set[str] = set()

    def add(self, secret: SecretStr | str | None) -> None:
        """Keep `secret` out of every line from now on."""
        value = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
        if value and len(value) >= _SECRET_MINIMUM_LENGTH:
            self._values.add(value)

    def redact(self, text: str) -> str:
        """Return `text` with every secret replaced."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, _REDACTED)
        return text


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord, secrets: Secrets) -> dict[str, Any]:
    """Return what the caller gave in `extra`, without secrets."""
    return {
        key: _plain(value, secrets)
        for key, value in vars(record).items()
        if key not in _OWN_FIELDS and not key.startswith("_")
    }


def _plain(value: object, secrets: Secrets) -> Any:  # noqa: ANN401 - any JSON value
    """Return `value` as JSON can carry it; redacted here, before JSON writes it differently."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return secrets.redact(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {secrets.redact(str(key)): _plain(item, secrets) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item, secrets) for item in value]
        case _:
            return secrets.redact(str(value))


class TextFormatter(logging.Formatter):
    """`2026-11-22T07:00:00.123Z info    ingest.service  Stored 3 readings.  count=3`."""

    def __init__(self, secrets: Secrets) -> None:
        """Keep `secrets` out."""
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it if there is one."""
        message = self._secrets.redact(record.getMessage())
        name = record.name.removeprefix("mould_watch.")
        fields = " ".join(
            f"{key}={json.dumps(value, ensure_ascii=False)}"
            for key, value in _fields(record, self._secrets).items()
            if key != "action"
        )
        line = f"{_time(record)} {record.levelname.lower():7} {name}: {message}"
        line += f" [{fields}]" if fields else ""
        if record.exc_info:
            line += "\n" + self._secrets.redact(self.formatException(record.exc_info))
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then the fields."""

    def __init__(self, secrets: Secrets) -> None:
        """Keep `secrets` out."""
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the object as one line."""
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._secrets.redact(record.getMessage()),
            **_fields(record, self._secrets),
        }
        if record.exc_info:
            entry["traceback"] = self._secrets.redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def configure_logging(level: str, log_format: str, stream: TextIO | None = None) -> Secrets:
    """Send every log line to `stream` (default: stderr) in the given form.

    `level` is a word of the setting `log_level`, `log_format` "text" or "json". Returns the
    secrets, so that whoever learns one can keep it out of the lines.
    """
    secrets = Secrets()
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(secrets) if log_format == "json" else TextFormatter(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("mould_watch").setLevel(level.upper())
    logging.captureWarnings(capture=True)
    return secrets
