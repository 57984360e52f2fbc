"""The bearer token: set by the user, or made at the first start and kept in the data folder."""

import hmac
import logging
import os
import secrets
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from mould_watch.errors import SettingsError

_LOGGER: Final = logging.getLogger(__name__)
_FILE_NAME: Final = "token"
_FILE_MODE: Final = 0o600


def load_token(data_dir: Path, given: SecretStr | None) -> SecretStr:
    """Return the token: the one `given` by the settings, else `<data_dir>/token`, made if needed.

    The file is readable by its owner only. Raises SettingsError when the folder cannot be used.
    """
    if given is not None and given.get_secret_value():
        return given
    path = data_dir / _FILE_NAME
    try:
        return SecretStr(_read(path) or _make(path))
    except OSError as error:
        message = (
            f"the token cannot be kept in {path}: {error.strerror or error}; "
            "MOULD_WATCH_DATA_DIR must name a folder this program may write to"
        )
        raise SettingsError(message, path=str(path)) from error


def is_token(offered: str, token: SecretStr) -> bool:
    """Compare without telling by the time it takes how much of `offered` was right."""
    return hmac.compare_digest(offered.encode(), token.get_secret_value().encode())


def _read(path: Path) -> str | None:
    """Return the token kept there, None without one; an empty file is none."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    if path.stat().st_mode & 0o077:
        path.chmod(_FILE_MODE)
        _LOGGER.warning(
            "The token file could be read by others on this machine; it no longer can. Delete it "
            "and restart to have a new token made.",
            extra={"action": "token_file_closed"},
        )
    return token or None


def _make(path: Path) -> str:
    """Make a token and keep it, whole or not at all; another process may be faster."""
    token = secrets.token_urlsafe(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{_FILE_NAME}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # unlike a rename, a link never replaces the token another process just made
            os.link(draft, path)
        except FileExistsError:
            faster = _read(path)
            if faster:
                return faster
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return token
