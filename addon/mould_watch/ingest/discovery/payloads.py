"""The payloads on announced topics: what a template sees of them, and what it leaves."""

from collections.abc import Iterable
from typing import Any

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.discovery.functions import NO_JSON
from mould_watch.ingest.json_payload import dump, parse


def json_of(payload: bytes) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Return the payload parsed, NO_JSON when it is no JSON at all.

    Raises UndecodableMessageError when it is, and cannot be stored or means two things.
    """
    try:
        return parse(payload)
    except UndecodableMessageError as error:
        if error.reason == "not_json":
            return NO_JSON
        raise


def lenient_json_of(text: str) -> Any:  # noqa: ANN401 - as above
    """Return the text parsed, NO_JSON for whatever cannot be: nothing of it is stored."""
    try:
        return parse(text.encode())
    except UndecodableMessageError:
        return NO_JSON


def rest_of(value_json: object, used: Iterable[frozenset[str]]) -> str | None:
    """Return what a JSON object holds beside the values that were used, as JSON."""
    if not isinstance(value_json, dict):
        return None
    names = frozenset[str]().union(*used)
    rest = {
        key: value
        for key, value in value_json.items()
        # of an object or a list a template uses a part only
        if key not in names or isinstance(value, dict | list)
    }
    return dump(rest) if rest else None
