"""What a function of a template answers when it cannot use its value."""

from typing import Any, Final

MISSING: Final[Any] = object()
"""In place of a default: none is given."""

NOT_A_NUMBER: Final = (ValueError, TypeError, OverflowError)
"""What `float` and its like raise for a value that is no number."""


def fall_back(name: str, value: object, default: Any) -> Any:  # noqa: ANN401 - of any type
    """Return the default; raise ValueError, naming the function, when none is given."""
    if default is MISSING:
        raise ValueError(f"{name} cannot use {value!r:.100}, and no default is given")
    return default
