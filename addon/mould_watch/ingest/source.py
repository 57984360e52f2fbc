"""Where messages come from: the port between a broker's client and the writer."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from mould_watch.ingest.tls import TlsFiles


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to be let in."""

    host: str
    port: int
    username: str | None = None
    password: SecretStr | None = None
    # None: not encrypted
    tls: TlsFiles | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """One message as the broker delivered it, with what is known only at that moment."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    # 0 at QoS 0
    packet_id: int
    # the clock's time at receipt, fixed here and reused by every retry
    received_at: datetime
    # number of the connection it came over, counted from 1 in this process
    generation: int
    # the broker still had our session when that connection was made
    session_resumed: bool
    # the broker is still re-sending what was not acknowledged: a resumed session, and no
    # message of QoS > 0 without DUP has come since
    redelivery_phase: bool
    # it may have waited at the broker: our marker has not come back yet on this connection
    backlog: bool
    # our own marker: nothing but its place in the order matters
    marker: bool = False
    # the monotonic time at receipt, which is right whatever the wall clock says
    received_monotonic_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection to the broker, as the broker granted it."""

    generation: int
    session_resumed: bool
    # "5" or "3.1.1"
    protocol: str


class MessageSource(Protocol):
    """A broker's client. One connection at a time; messages wait until they are taken."""

    def connection(self, address: BrokerAddress) -> AbstractAsyncContextManager[Connected]:
        """Connect; at the end disconnect, keeping the session at the broker.

        Raises BrokerUnavailableError when the broker cannot be reached or refuses.
        """
        ...

    async def subscribe(self, filters: Collection[str], *, kept: Collection[str] = ()) -> list[str]:
        """Subscribe to `filters` and send the marker; return the filters that were refused.

        Of those in `kept` the broker sends what it has kept each time, of the others only when
        they are new. Raises BrokerUnavailableError when the connection is gone.
        """
        ...

    async def change(
        self, added: Collection[str], removed: Collection[str], *, kept: Collection[str] = ()
    ) -> list[str]:
        """Subscribe to more topics and unsubscribe from others; otherwise like `subscribe`."""
        ...

    async def until_disconnected(self) -> None:
        """Wait until the connection is gone, then raise BrokerUnavailableError."""
        ...

    def acknowledge(self, messages: Sequence[IncomingMessage]) -> None:
        """Acknowledge, in this order, those that came over the present connection."""
        ...

    def end_receiving(self) -> None:
        """Take nothing more, for good; acknowledging goes on."""
        ...
