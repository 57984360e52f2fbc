"""What one demo remembers for its next start; `.demo/state.json`, readable by its owner only."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from .home_assistant import new_password


@dataclass
class State:
    """All of it. Ports stay the same where they can, because others have noted them down."""

    password: str = field(default_factory=new_password)
    began_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    published_until: str | None = None
    home_assistant_port: int | None = None
    backend_port: int | None = None
    broker_port: int | None = None
    phone_port: int | None = None
    phone_webhook: str | None = None
    recording: str | None = None
    pushes: int = 0

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read the state of the last start, or begin anew."""
        path = folder / "state.json"
        if not path.exists():
            return cls()
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, folder: Path) -> None:
        """Write it down, whole or not at all."""
        path = folder / "state.json"
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=2)
        fresh.replace(path)

    @property
    def began(self) -> datetime:
        """Return when the demo was started for the first time."""
        return datetime.fromisoformat(self.began_at)

    @property
    def published(self) -> datetime | None:
        """Return up to when the flat's life has been published."""
        return (
            None if self.published_until is None else datetime.fromisoformat(self.published_until)
        )
