"""The functions of Home Assistant's templates that a sensor's value can be made with.

What they answer is what Home Assistant's documentation ("Templating") says, and what its own code
answers: tests/home_assistant/test_value_templates.py compares them. Left out is what needs Home
Assistant itself (states, areas, devices), and what says nothing about a value (hashes, random).
"""

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

import jinja2

from mould_watch.ingest.discovery import number_functions as numbers
from mould_watch.ingest.discovery import text_functions as texts
from mould_watch.ingest.discovery import time_functions as times
from mould_watch.ingest.discovery.defaults import MISSING, fall_back

NO_JSON: Final[Any] = object()
"""In place of a parsed payload: the payload is no JSON."""

_TRUE: Final = frozenset({"1", "true", "yes", "on", "enable"})
_FALSE: Final = frozenset({"0", "false", "no", "off", "disable"})
_LEAST_INTEGER: Final = -(2**63)
_MOST_INTEGER: Final = 2**64 - 1


def parse_json(text: Any) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Parse JSON as Home Assistant does; raise ValueError for what is none, NaN included."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse, parse_int=_integer)
    except (RecursionError, OverflowError) as error:
        raise ValueError("nested too deeply, or a number without measure") from error


def _integer(digits: str) -> int | float:
    """Return a float for what no machine word holds, as Home Assistant's parser does."""
    number = int(digits)
    return number if _LEAST_INTEGER <= number <= _MOST_INTEGER else float(number)


def _bool(value: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (word := value.lower().strip()) in _TRUE | _FALSE:
        return word in _TRUE
    if isinstance(value, int | float):
        return value != 0
    return fall_back("bool", value, default)


def _iif(
    value: Any,  # noqa: ANN401
    if_true: Any = True,  # noqa: ANN401, FBT002 - as documented
    if_false: Any = False,  # noqa: ANN401, FBT002
    if_none: Any = MISSING,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    if value is None and if_none is not MISSING:
        return if_none
    return if_true if value else if_false


def _is_defined(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, jinja2.Undefined):
        value()  # raises what says which name is missing
    return value


def _from_json(value: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    try:
        return parse_json(value)
    except ValueError, TypeError:
        return fall_back("from_json", value, default)


def _to_json(value: Any, *, sort_keys: bool = False) -> str:  # noqa: ANN401
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)


def _combine(*parts: Mapping[Any, Any]) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for part in parts:
        result |= part
    return result


def _flatten(value: Iterable[Any], levels: int | None = None) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError("flatten needs a list")
    flat: list[Any] = []
    for item in value:
        nested = isinstance(item, Iterable) and not isinstance(item, str)
        if nested and (levels is None or levels >= 1):
            flat.extend(_flatten(item, None if levels is None else levels - 1))
        else:
            flat.append(item)
    return flat


def _contains(value: Any, item: Any) -> bool:  # noqa: ANN401
    return item in value


_BOTH: Final[Mapping[str, Callable[..., Any]]] = {
    "acos": numbers.number_function("acos", math.acos),
    "as_datetime": times.as_datetime,
    "as_local": times.as_local,
    "as_timestamp": times.as_timestamp,
    "asin": numbers.number_function("asin", math.asin),
    "atan": numbers.number_function("atan", math.atan),
    "atan2": numbers.atan2,
    "average": numbers.statistic("average", statistics.fmean),
    "bitwise_and": lambda one, other: one & other,
    "bitwise_or": lambda one, other: one | other,
    "bitwise_xor": lambda one, other: one ^ other,
    "bool": _bool,
    "clamp": numbers.clamp,
    "combine": _combine,
    "cos": numbers.number_function("cos", math.cos),
    "flatten": _flatten,
    "float": numbers.to_float,
    "iif": _iif,
    "int": numbers.to_int,
    "is_number": numbers.is_number,
    "log": numbers.logarithm,
    "median": numbers.statistic("median", statistics.median),
    "pack": texts.packed,
    "remap": numbers.remap,
    "sin": numbers.number_function("sin", math.sin),
    "sqrt": numbers.number_function("sqrt", math.sqrt),
    "statistical_mode": numbers.statistic("statistical_mode", statistics.mode),
    "tan": numbers.number_function("tan", math.tan),
    "typeof": lambda value: type(value).__name__,
    "unpack": texts.unpacked,
    "wrap": numbers.wrap,
}

FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    **_BOTH,
    "add": numbers.add,
    "base64_decode": texts.base64_decode,
    "base64_encode": texts.base64_encode,
    "contains": _contains,
    "format": texts.percent_format,
    "from_hex": bytes.fromhex,
    "from_json": _from_json,
    "is_defined": _is_defined,
    "multiply": numbers.multiply,
    "ord": ord,
    "ordinal": texts.ordinal,
    "regex_findall": texts.find_all,
    "regex_findall_index": texts.regex_findall_index,
    "regex_match": texts.regex(lambda pattern, text: bool(pattern.match(text))),
    "regex_replace": texts.regex_replace,
    "regex_search": texts.regex(lambda pattern, text: bool(pattern.search(text))),
    "round": numbers.rounded,
    "timestamp_custom": times.timestamp_custom,
    "timestamp_local": times.timestamp_utc,
    "timestamp_utc": times.timestamp_utc,
    "to_json": _to_json,
}

FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    **_BOTH,
    "max": numbers.extreme("max"),
    "min": numbers.extreme("min"),
    "set": set,
    "strptime": times.strptime,
    "timedelta": timedelta,
    "tuple": tuple,
    "zip": lambda *parts: list(zip(*parts, strict=False)),
}

CONSTANTS: Final[Mapping[str, float]] = {"e": math.e, "pi": math.pi, "tau": math.tau}

TESTS: Final[Mapping[str, Callable[..., bool]]] = {
    "contains": _contains,
    "datetime": lambda value: isinstance(value, datetime),
    "is_number": numbers.is_number,
    "list": lambda value: isinstance(value, list),
    "match": FILTERS["regex_match"],
    "search": FILTERS["regex_search"],
    "set": lambda value: isinstance(value, set),
    "string_like": lambda value: isinstance(value, str | bytes | bytearray),
    "tuple": lambda value: isinstance(value, tuple),
}
