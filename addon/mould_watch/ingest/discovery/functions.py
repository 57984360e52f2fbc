"""The functions of Home Assistant's templates that a sensor's value can be made with.

What they answer is what Home Assistant's documentation ("Templating") says, and what its own code
answers: tests/home_assistant/test_value_templates.py compares them. Left out is what needs Home
Assistant itself (states, areas, devices), and what says nothing about a value (hashes, random).
"""

import base64
import json
import math
import re
import statistics
import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NoReturn

import jinja2
import jinja2.filters

from mould_watch.ingest.discovery.sizes import TooLargeError, check_percent_format

NO_JSON: Final[Any] = object()
"""In place of a parsed payload: the payload is no JSON."""

_MISSING: Final[Any] = object()
_NOT_A_NUMBER: Final = (ValueError, TypeError, OverflowError)
_TRUE: Final = frozenset({"1", "true", "yes", "on", "enable"})
_FALSE: Final = frozenset({"0", "false", "no", "off", "disable"})
_STRUCT_MAXIMUM_CHARACTERS: Final = 16
_LEAST_INTEGER: Final = -(2**63)
_MOST_INTEGER: Final = 2**64 - 1
_PRECISION_MAXIMUM: Final = 300
_REGEX_RESULT_MAXIMUM: Final = 8 * 1024 * 1024


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


def _fall_back(name: str, value: object, default: Any) -> Any:  # noqa: ANN401
    if default is _MISSING:
        raise ValueError(f"{name} cannot use {value!r:.100}, and no default is given")
    return default


def _number_function(name: str, function: Callable[[float], float]) -> Callable[..., Any]:
    def call(value: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
        try:
            return function(float(value))
        except _NOT_A_NUMBER:
            return _fall_back(name, value, default)

    return call


def _float(value: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    try:
        return float(value)
    except _NOT_A_NUMBER:
        return _fall_back("float", value, default)


def _int(value: Any, default: Any = _MISSING, base: int = 10) -> Any:  # noqa: ANN401
    try:
        result = jinja2.filters.do_int(value, default=default, base=base)
    except OverflowError:
        result = default
    return _fall_back("int", value, default) if result is _MISSING else result


def _bool(value: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (word := value.lower().strip()) in _TRUE | _FALSE:
        return word in _TRUE
    if isinstance(value, int | float):
        return value != 0
    return _fall_back("bool", value, default)


def _is_number(value: Any) -> bool:  # noqa: ANN401
    try:
        return math.isfinite(float(value))
    except _NOT_A_NUMBER:
        return False


def _log(value: Any, base: Any = math.e, default: Any = _MISSING) -> Any:  # noqa: ANN401
    try:
        return math.log(float(value), float(base))
    except (*_NOT_A_NUMBER, ZeroDivisionError):
        return _fall_back("log", value, default)


def _atan2(*arguments: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    given = list(arguments)
    if given and isinstance(given[0], list | tuple):
        given = [*given[0], *given[1:]]
    if len(given) > 2 and default is _MISSING:  # noqa: PLR2004 - y, x, and the default
        default = given[2]
    try:
        return math.atan2(float(given[0]), float(given[1]))
    except _NOT_A_NUMBER:
        return _fall_back("atan2", arguments, default)


def _add(value: Any, amount: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    try:
        return float(value) + amount
    except _NOT_A_NUMBER:
        return _fall_back("add", value, default)


def _multiply(value: Any, amount: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    try:
        return float(value) * amount
    except _NOT_A_NUMBER:
        return _fall_back("multiply", value, default)


def _round(
    value: Any,  # noqa: ANN401
    precision: int = 0,
    method: str = "common",
    default: Any = _MISSING,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    try:
        if abs(precision) > _PRECISION_MAXIMUM:
            raise TooLargeError
        factor = float(10**precision)
        number = float(value)
        match method:
            case "ceil":
                number = math.ceil(number * factor) / factor
            case "floor":
                number = math.floor(number * factor) / factor
            case "half":
                number = round(number * 2) / 2
            case _:
                number = round(number, precision)
        return int(number) if precision == 0 else number
    except _NOT_A_NUMBER:
        return _fall_back("round", value, default)


def _statistic(name: str, function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a function of one iterable, or of several numbers."""

    def call(*arguments: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
        if not arguments:
            raise TypeError(f"{name} needs at least one value")
        values: Any = arguments
        if isinstance(arguments[0], Iterable):
            values = arguments[0]
            if len(arguments) > 1 and default is _MISSING:
                default = arguments[1]
        elif len(arguments) == 1:
            raise TypeError(f"{name} needs a list, or several values")
        try:
            return function(values)
        except TypeError, statistics.StatisticsError:
            return _fall_back(name, arguments, default)

    return call


def _extreme(name: str) -> Callable[..., Any]:
    choose = jinja2.filters.FILTERS[name]

    @jinja2.pass_environment
    def call(environment: jinja2.Environment, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if len(arguments) == 1 and not isinstance(arguments[0], Iterable):
            raise TypeError(f"{name} needs a list, or several values")
        return choose(environment, arguments[0] if len(arguments) == 1 else arguments, **options)

    return call


def _clamp(value: Any, least: Any, most: Any) -> float:  # noqa: ANN401
    return max(float(least), min(float(most), float(value)))


def _wrap(value: Any, least: Any, most: Any) -> float:  # noqa: ANN401
    low, high = float(least), float(most)
    if low == high:
        return low
    result = (float(value) - low) % (high - low) + low
    return low if high > low and result >= high else result


def _remap(
    value: Any,  # noqa: ANN401
    in_min: Any,  # noqa: ANN401
    in_max: Any,  # noqa: ANN401
    out_min: Any,  # noqa: ANN401
    out_max: Any,  # noqa: ANN401
    *,
    steps: int = 0,
    edges: str = "none",
) -> float:
    number, low, high = float(value), float(in_min), float(in_max)
    out_low, out_high = float(out_min), float(out_max)
    span = high - low
    match edges:
        case "clamp":
            number = max(low, min(high, number))
        case "wrap":
            number = (number - low) % span + low
        case "mirror":
            periods, inside = divmod(number - low, span)
            number = low + (span - inside if periods % 2 else inside)
        case _:
            pass
    share = (number - low) / span
    if steps > 0:
        share = round(share * steps) / steps
    result = out_low + share * (out_high - out_low)
    if edges == "clamp":
        result = max(min(out_low, out_high), min(max(out_low, out_high), result))
    return result


def _iif(
    value: Any,  # noqa: ANN401
    if_true: Any = True,  # noqa: ANN401, FBT002 - as documented
    if_false: Any = False,  # noqa: ANN401, FBT002
    if_none: Any = _MISSING,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    if value is None and if_none is not _MISSING:
        return if_none
    return if_true if value else if_false


def _is_defined(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, jinja2.Undefined):
        value()  # raises what says which name is missing
    return value


def _from_json(value: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    try:
        return parse_json(value)
    except ValueError, TypeError:
        return _fall_back("from_json", value, default)


def _to_json(value: Any, *, sort_keys: bool = False) -> str:  # noqa: ANN401
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)


def _regex(function: Callable[[re.Pattern[str], str], Any]) -> Callable[..., Any]:
    def call(value: Any, find: str = "", ignorecase: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002
        return function(re.compile(find, re.IGNORECASE if ignorecase else 0), str(value))

    return call


_find_all = _regex(lambda pattern, text: pattern.findall(text))


def _regex_replace(
    value: Any = "",  # noqa: ANN401
    find: str = "",
    replace: str = "",
    ignorecase: bool = False,  # noqa: FBT001, FBT002
) -> str:
    text, pattern = str(value), re.compile(find, re.IGNORECASE if ignorecase else 0)
    # each reference to a group stands for at most the whole text, over all matches together
    longest = len(replace) * (len(text) + 1) + replace.count("\\") * len(text)
    if longest > _REGEX_RESULT_MAXIMUM:
        raise TooLargeError
    return pattern.sub(replace, text)


def _regex_findall_index(
    value: Any,  # noqa: ANN401
    find: str = "",
    index: int = 0,
    ignorecase: bool = False,  # noqa: FBT001, FBT002
) -> Any:  # noqa: ANN401
    return _find_all(value, find, ignorecase)[index]


def _pack(value: Any, format_string: str) -> bytes | None:  # noqa: ANN401
    try:
        return struct.pack(_short(format_string), value)
    except struct.error:
        return None


def _unpack(value: bytes, format_string: str, offset: int = 0) -> Any:  # noqa: ANN401
    try:
        return struct.unpack_from(_short(format_string), value, offset)[0]
    except struct.error:
        return None


def _short(format_string: str) -> str:
    # "999999999x" packs a gigabyte
    if len(format_string) > _STRUCT_MAXIMUM_CHARACTERS or re.search(r"\d{4}", format_string):
        raise TooLargeError
    return format_string


def _base64_encode(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def _base64_decode(value: str, encoding: str | None = "utf-8") -> str | bytes:
    decoded = base64.b64decode(value)
    return decoded if encoding is None else decoded.decode(encoding)


def _format(text: str, *arguments: Any, **named: Any) -> str:  # noqa: ANN401
    check_percent_format(str(text))
    return jinja2.filters.do_format(text, *arguments, **named)


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


def _ordinal(value: Any) -> str:  # noqa: ANN401
    text = str(value)
    # what ends in no number raises
    last, teens = int(text[-1]), int(text[-2:]) % 100 in {11, 12, 13}
    return text + ("th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(last, "th"))


def _as_datetime(value: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except _NOT_A_NUMBER:
        pass
    try:
        return datetime.fromisoformat(value)
    except ValueError, TypeError:
        if default is _MISSING and isinstance(value, str):
            return None
        return _fall_back("as_datetime", value, default)


def _as_timestamp(value: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return _as_local(at).timestamp()
    except ValueError, TypeError:
        return _fall_back("as_timestamp", value, default)


def _timestamp_custom(
    value: Any,  # noqa: ANN401
    date_format: str = "%Y-%m-%d %H:%M:%S",
    local: bool = True,  # noqa: FBT001, FBT002
    default: Any = _MISSING,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    del local  # this program knows no zone but UTC
    try:
        return datetime.fromtimestamp(value, UTC).strftime(date_format)
    except _NOT_A_NUMBER:
        return _fall_back("timestamp_custom", value, default)


def _timestamp_utc(value: Any, default: Any = _MISSING) -> Any:  # noqa: ANN401
    try:
        return datetime.fromtimestamp(value, UTC).isoformat()
    except _NOT_A_NUMBER:
        return _fall_back("timestamp_utc", value, default)


def _strptime(text: str, date_format: str, default: Any = _MISSING) -> Any:  # noqa: ANN401
    try:
        return datetime.strptime(text, date_format)  # noqa: DTZ007 - as documented
    except ValueError, TypeError:
        return _fall_back("strptime", text, default)


def _as_local(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _contains(value: Any, item: Any) -> bool:  # noqa: ANN401
    return item in value


_BOTH: Final[Mapping[str, Callable[..., Any]]] = {
    "acos": _number_function("acos", math.acos),
    "as_datetime": _as_datetime,
    "as_local": _as_local,
    "as_timestamp": _as_timestamp,
    "asin": _number_function("asin", math.asin),
    "atan": _number_function("atan", math.atan),
    "atan2": _atan2,
    "average": _statistic("average", statistics.fmean),
    "bitwise_and": lambda one, other: one & other,
    "bitwise_or": lambda one, other: one | other,
    "bitwise_xor": lambda one, other: one ^ other,
    "bool": _bool,
    "clamp": _clamp,
    "combine": _combine,
    "cos": _number_function("cos", math.cos),
    "flatten": _flatten,
    "float": _float,
    "iif": _iif,
    "int": _int,
    "is_number": _is_number,
    "log": _log,
    "median": _statistic("median", statistics.median),
    "pack": _pack,
    "remap": _remap,
    "sin": _number_function("sin", math.sin),
    "sqrt": _number_function("sqrt", math.sqrt),
    "statistical_mode": _statistic("statistical_mode", statistics.mode),
    "tan": _number_function("tan", math.tan),
    "typeof": lambda value: type(value).__name__,
    "unpack": _unpack,
    "wrap": _wrap,
}

FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    **_BOTH,
    "add": _add,
    "base64_decode": _base64_decode,
    "base64_encode": _base64_encode,
    "contains": _contains,
    "format": _format,
    "from_hex": bytes.fromhex,
    "from_json": _from_json,
    "is_defined": _is_defined,
    "multiply": _multiply,
    "ord": ord,
    "ordinal": _ordinal,
    "regex_findall": _find_all,
    "regex_findall_index": _regex_findall_index,
    "regex_match": _regex(lambda pattern, text: bool(pattern.match(text))),
    "regex_replace": _regex_replace,
    "regex_search": _regex(lambda pattern, text: bool(pattern.search(text))),
    "round": _round,
    "timestamp_custom": _timestamp_custom,
    "timestamp_local": _timestamp_utc,
    "timestamp_utc": _timestamp_utc,
    "to_json": _to_json,
}

FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    **_BOTH,
    "max": _extreme("max"),
    "min": _extreme("min"),
    "set": set,
    "strptime": _strptime,
    "timedelta": timedelta,
    "tuple": tuple,
    "zip": lambda *parts: list(zip(*parts, strict=False)),
}

CONSTANTS: Final[Mapping[str, float]] = {"e": math.e, "pi": math.pi, "tau": math.tau}

TESTS: Final[Mapping[str, Callable[..., bool]]] = {
    "contains": _contains,
    "datetime": lambda value: isinstance(value, datetime),
    "is_number": _is_number,
    "list": lambda value: isinstance(value, list),
    "match": FILTERS["regex_match"],
    "search": FILTERS["regex_search"],
    "set": lambda value: isinstance(value, set),
    "string_like": lambda value: isinstance(value, str | bytes | bytearray),
    "tuple": lambda value: isinstance(value, tuple),
}
