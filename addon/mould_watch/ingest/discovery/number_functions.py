"""Functions of templates that answer with a number."""

import math
import statistics
from collections.abc import Callable, Iterable
from typing import Any, Final

import jinja2
import jinja2.filters

from mould_watch.ingest.discovery.defaults import MISSING, NOT_A_NUMBER, fall_back
from mould_watch.ingest.discovery.sizes import TooLargeError

_PRECISION_MAXIMUM: Final = 300


def number_function(name: str, function: Callable[[float], float]) -> Callable[..., Any]:
    """Return the template function that applies `function` to one number."""

    def call(value: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
        try:
            return function(float(value))
        except NOT_A_NUMBER:
            return fall_back(name, value, default)

    return call


def to_float(value: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return the value as a number."""
    try:
        return float(value)
    except NOT_A_NUMBER:
        return fall_back("float", value, default)


def to_int(value: Any, default: Any = MISSING, base: int = 10) -> Any:  # noqa: ANN401
    """Return the value as an integer, read in `base`."""
    try:
        result = jinja2.filters.do_int(value, default=default, base=base)
    except OverflowError:
        result = default
    return fall_back("int", value, default) if result is MISSING else result


def is_number(value: Any) -> bool:  # noqa: ANN401
    """Return whether the value is, or reads as, a finite number."""
    try:
        return math.isfinite(float(value))
    except NOT_A_NUMBER:
        return False


def logarithm(value: Any, base: Any = math.e, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return the logarithm of the value to `base`."""
    try:
        return math.log(float(value), float(base))
    except (*NOT_A_NUMBER, ZeroDivisionError):
        return fall_back("log", value, default)


def atan2(*arguments: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return the angle of y and x, given singly or as a pair."""
    given = list(arguments)
    if given and isinstance(given[0], list | tuple):
        given = [*given[0], *given[1:]]
    if len(given) > 2 and default is MISSING:  # noqa: PLR2004 - y, x, and the default
        default = given[2]
    try:
        return math.atan2(float(given[0]), float(given[1]))
    except NOT_A_NUMBER:
        return fall_back("atan2", arguments, default)


def add(value: Any, amount: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return the value plus `amount`."""
    try:
        return float(value) + amount
    except NOT_A_NUMBER:
        return fall_back("add", value, default)


def multiply(value: Any, amount: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return the value times `amount`."""
    try:
        return float(value) * amount
    except NOT_A_NUMBER:
        return fall_back("multiply", value, default)


def rounded(
    value: Any,  # noqa: ANN401
    precision: int = 0,
    method: str = "common",
    default: Any = MISSING,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Return the value rounded: common, ceil, floor or half."""
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
    except NOT_A_NUMBER:
        return fall_back("round", value, default)


def statistic(name: str, function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a function of one iterable, or of several numbers."""

    def call(*arguments: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
        if not arguments:
            raise TypeError(f"{name} needs at least one value")
        values: Any = arguments
        if isinstance(arguments[0], Iterable):
            values = arguments[0]
            if len(arguments) > 1 and default is MISSING:
                default = arguments[1]
        elif len(arguments) == 1:
            raise TypeError(f"{name} needs a list, or several values")
        try:
            return function(values)
        except TypeError, statistics.StatisticsError:
            return fall_back(name, arguments, default)

    return call


def extreme(name: str) -> Callable[..., Any]:
    """Return the template function `min` or `max`, of a list or of several values."""
    choose = jinja2.filters.FILTERS[name]

    @jinja2.pass_environment
    def call(environment: jinja2.Environment, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if len(arguments) == 1 and not isinstance(arguments[0], Iterable):
            raise TypeError(f"{name} needs a list, or several values")
        return choose(environment, arguments[0] if len(arguments) == 1 else arguments, **options)

    return call


def clamp(value: Any, least: Any, most: Any) -> float:  # noqa: ANN401
    """Return the value, or the end of the range that it lies beyond."""
    return max(float(least), min(float(most), float(value)))


def wrap(value: Any, least: Any, most: Any) -> float:  # noqa: ANN401
    """Return the value brought into the range as on a circle."""
    low, high = float(least), float(most)
    if low == high:
        return low
    result = (float(value) - low) % (high - low) + low
    return low if high > low and result >= high else result


def remap(
    value: Any,  # noqa: ANN401
    in_min: Any,  # noqa: ANN401
    in_max: Any,  # noqa: ANN401
    out_min: Any,  # noqa: ANN401
    out_max: Any,  # noqa: ANN401
    *,
    steps: int = 0,
    edges: str = "none",
) -> float:
    """Return the value carried from one range to another."""
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
