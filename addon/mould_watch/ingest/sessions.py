"""What the database knows of our session at the broker, kept in step in memory."""

from collections.abc import Awaitable, Callable

from mould_watch.errors import DatabaseUnavailableError, MouldWatchError
from mould_watch.storage import ingestion as store
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.ingestion import DeliverySession


class SupersededError(MouldWatchError):
    """Another process has the session at the broker now: what was not acknowledged goes to it."""

    code = "superseded"


class BrokerSession:
    """The one `DeliverySession` of this process.

    Used by the intake while it writes directly, else by the drain: never by both at a time.
    """

    def __init__(
        self,
        client_id: str,
        leads: Callable[[], bool | None],
        restore: Callable[[Connection], Awaitable[None]],
    ) -> None:
        """Keep the record of `client_id`, unless another process `leads` (None: not known yet).

        Whatever else is to be known from the database before a message is understood, `restore`
        takes from there.
        """
        self._restore = restore
        self._client_id = client_id
        self._leads = leads
        self._session: DeliverySession | None = None
        # of the newest connection to the broker that this process has noted in the database
        self._number: int | None = None

    async def begin(self, connection: Connection, *, resumed: bool) -> DeliverySession:
        """Note a new connection to the broker, inside the caller's transaction.

        It counts when `begun` is told of it, after the commit. Raises DatabaseUnavailableError
        while it is not known whose the record is: what was not recorded would be stored twice.
        """
        is_ours = self._leads_for_certain()
        await self._restore(connection)
        if not is_ours:
            # the record is another's; what is recognised is what this process has seen itself
            session = await store.load_session(connection, self._client_id)
            session.keeps_record = False
            if not resumed:
                session.deliveries.clear()
            return session
        return await store.begin_session(connection, self._client_id, resumed=resumed)

    def begun(self, session: DeliverySession) -> None:
        """Take over what `begin` returned, which is committed now."""
        self._session, self._number = session, session.connection

    async def load(self, database: Database) -> DeliverySession:
        """Return the session as the last commit left it; raises as `begin` does."""
        if self._session is None:
            is_ours = self._leads_for_certain()
            async with database.connection() as connection:
                await self._restore(connection)
                session = await store.load_session(connection, self._client_id)
            session.keeps_record = is_ours and not self._is_anothers(session)
            self._session = session
        return self._session

    async def load_own(self, database: Database) -> DeliverySession:
        """Return the session; raises SupersededError when another process has it by now."""
        session = await self.load(database)
        if self._is_anothers(session):
            raise SupersededError("another process has connected with our client id since")
        return session

    def forget(self) -> None:
        """What is in memory may not be what is committed: load it anew."""
        self._session = None

    def _leads_for_certain(self) -> bool:
        leads = self._leads()
        if leads is None:
            raise DatabaseUnavailableError("the lock of the session is not taken yet")
        return leads

    def _is_anothers(self, session: DeliverySession) -> bool:
        return self._number is not None and session.connection != self._number
