"""Named SQL: `storage/sql/<name>.sql`, in blocks that begin with `-- name: <block>`.

The statements live in files of their own so that they can be read, formatted and explained as
SQL. A block's name becomes an attribute: `load_queries("readings").insert_readings`.
"""

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files

_NAME_LINE = re.compile(r"^--\s*name:\s*(?P<name>\S+)\s*$")


class Queries:
    """The named blocks of one SQL file, each an attribute holding its text."""

    def __init__(self, file: str, blocks: Mapping[str, str]) -> None:
        """Keep the blocks; `file` is named in errors."""
        self._file = file
        self._blocks = dict(blocks)

    def __getattr__(self, name: str) -> str:
        """Return the text of a block; raise AttributeError naming the blocks there are."""
        blocks: Mapping[str, str] = self.__dict__.get("_blocks", {})
        try:
            return blocks[name]
        except KeyError:
            known = ", ".join(sorted(blocks)) or "none"
            message = f"no block {name!r} in {self.__dict__.get('_file')}.sql; there are: {known}"
            raise AttributeError(message, name=name, obj=self) from None

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the blocks."""
        return frozenset(self._blocks)


def parse_blocks(file: str, lines: Iterable[str]) -> dict[str, str]:
    """Split the lines of an SQL file into its named blocks.

    Raises ValueError on a block without statement, a name used twice or not usable as an
    attribute, and a statement before the first name.
    """
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for number, line in enumerate(lines, start=1):
        match = _NAME_LINE.match(line)
        if match:
            name = match["name"]
            if not name.isidentifier() or name.startswith("_") or hasattr(Queries, name):
                raise ValueError(f"{file}.sql:{number}: {name!r} is no name for a block")
            if name in blocks:
                raise ValueError(f"{file}.sql:{number}: the block {name!r} is there twice")
            current = blocks[name] = []
        elif blocks:
            current.append(line.rstrip())
        elif line.strip() and not line.lstrip().startswith("--"):
            raise ValueError(f"{file}.sql:{number}: a statement before the first name")
    for name, body in blocks.items():
        if not any(line.strip() and not line.lstrip().startswith("--") for line in body):
            raise ValueError(f"{file}.sql: the block {name!r} holds no statement")
    return {name: "\n".join(body).strip() for name, body in blocks.items()}


def load_queries(name: str) -> Queries:
    """Read `storage/sql/<name>.sql`.

    Raises FileNotFoundError when there is none and ValueError when it is malformed.
    """
    text = (files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return Queries(name, parse_blocks(name, text.splitlines()))
