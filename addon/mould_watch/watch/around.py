"""The live incidents around a subject's own, for as long as one round of judging it takes."""

from uuid import UUID

from mould_watch.domain.incident import Incident
from mould_watch.storage import incidents as storage
from mould_watch.storage.database import Connection


class IncidentsAround:
    """What may explain an incident of a subject: asked of the database once, when first needed.

    The round's own steps are noted, so that each of its incidents is seen as it stands by then.
    """

    def __init__(self, connection: Connection, subject_id: int) -> None:
        """Ask over the connection that holds the round's transaction."""
        self._connection = connection
        self._subject_id = subject_id
        self._live: dict[UUID, Incident] | None = None

    async def live(self) -> tuple[Incident, ...]:
        """Return its own live incidents and those of whatever may explain them."""
        if self._live is None:
            found = await storage.related_incidents(self._connection, self._subject_id)
            self._live = {incident.incident_id: incident for incident in found}
        return tuple(self._live.values())

    def note(self, incident: Incident) -> None:
        """Take in how an own incident stands after a step that was just written."""
        if self._live is None:
            return  # who asks later finds it
        if incident.state.is_live:
            self._live[incident.incident_id] = incident
        else:
            self._live.pop(incident.incident_id, None)
