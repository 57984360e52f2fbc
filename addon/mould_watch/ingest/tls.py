"""Encryption to the broker: whom we trust, and by which certificate the broker knows us."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from mould_watch.errors import BrokerUnavailableError

# The handshake runs in a thread that nothing can interrupt, so it bounds how long an end takes.
_HANDSHAKE_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files in PEM that a connection is encrypted with."""

    # who vouches for the broker; None: whom the system trusts
    ca_file: Path | None = None
    # our own certificate, with its key or beside it
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: SecretStr | None = None


class TlsContexts:
    """Makes contexts. Reading the files takes its time, so they are read when they changed."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._made_of: object = None

    async def context(self, files: TlsFiles) -> ssl.SSLContext:
        """Return the context for the files as they are now; raises BrokerUnavailableError."""
        return await asyncio.to_thread(self._read, files)

    def _read(self, files: TlsFiles) -> ssl.SSLContext:
        made_of = (files, *(_changed_ns(path) for path in _paths(files)))
        if self._context is None or made_of != self._made_of:
            self._context = _context(files)
            self._made_of = made_of
        return self._context


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho forgets it open, one for each try."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as in ssl
        # paho's own limit is the keepalive interval; afterwards it makes the socket non-blocking
        self.settimeout(_HANDSHAKE_TIMEOUT_S)
        try:
            super().do_handshake(block)
        except OSError, ValueError:
            self.close()
            raise


def _context(files: TlsFiles) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=None if files.ca_file is None else str(files.ca_file)
        )
    except OSError as error:
        raise BrokerUnavailableError(
            f"the certificate file {files.ca_file} cannot be used: {_why(error)}"
        ) from error
    context.sslsocket_class = _ClosingSocket
    if files.certificate_file is not None:
        password = files.key_password
        try:
            context.load_cert_chain(
                files.certificate_file,
                files.key_file,
                # never None: OpenSSL would ask at the terminal
                password="" if password is None else password.get_secret_value(),
            )
        except OSError as error:
            key = "" if files.key_file is None else f" with the key {files.key_file}"
            raise BrokerUnavailableError(
                f"the client certificate {files.certificate_file}{key} cannot be used:"
                f" {_why(error)}"
            ) from error
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        reason: str | None = getattr(error, "reason", None)  # only OpenSSL sets it
        return (reason or "it is none, or its password is another").replace("_", " ").lower()
    return error.strerror or str(error)


def _paths(files: TlsFiles) -> list[Path]:
    paths = (files.ca_file, files.certificate_file, files.key_file)
    return [path for path in paths if path is not None]


def _changed_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
