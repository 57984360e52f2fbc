"""Value templates: Jinja2 in a sandbox, as Home Assistant renders them, and bounded.

Home Assistant trusts whoever may publish to its broker with templates; so does this program with
less: no attribute of Python's own, no growth beyond `sizes`, no more than TIME_LIMIT_S of the
processor. A template that broke a bound is not rendered again.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import wraps
from typing import Any, Final, override

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from mould_watch.errors import TemplateError
from mould_watch.ingest.discovery import functions
from mould_watch.ingest.discovery.sizes import (
    TEXT_MAXIMUM,
    Meter,
    TooLargeError,
    check_binary,
    check_brace_format,
    check_join,
    check_replace,
    check_width,
)
from mould_watch.ingest.discovery.time_limit import TimeUpError, run_limited

TEMPLATE_MAXIMUM_CHARACTERS: Final = 8192
TIME_LIMIT_S: Final = 0.1
CACHE_MAXIMUM: Final = 2000

_COMPILE_TIME_LIMIT_S: Final = 0.5

_CHECKED: Final = "__checked"

# Of Jinja2's own: what changes a value. What lays out text for pages is of no use here.
_BUILT_IN_FILTERS: Final = (
    "abs", "batch", "capitalize", "count", "d", "default", "dictsort", "first", "groupby",
    "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "reverse", "safe", "select", "selectattr", "slice", "sort", "string", "sum", "title", "trim",
    "unique", "upper", "wordcount", "attr",
)  # fmt: skip
_BUILT_IN_FUNCTIONS: Final = ("dict", "namespace", "range")
_PLAIN_METHODS: Final = frozenset({
    "capitalize", "casefold", "count", "decode", "encode", "endswith", "find", "format", "get",
    "hex", "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "islower",
    "isnumeric", "isspace", "isupper", "items", "join", "keys", "ljust", "lower", "lstrip",
    "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
    "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase",
    "title", "upper", "values", "zfill", "is_integer", "conjugate", "real", "imag",
})  # fmt: skip
_WIDTH_METHODS: Final = frozenset({"ljust", "rjust", "zfill"})
_ERRORS: Final = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


class ValueTemplate:
    """One template, compiled."""

    def __init__(
        self, source: str, meter: Meter, compiled: jinja2.Template | None, names: frozenset[str]
    ) -> None:
        self.source = source
        # the keys that it reads from the top level of a JSON payload
        self.names = names
        self._meter = meter
        # None: text without any markup, which is its own value
        self._compiled = compiled
        self._broken: TemplateError | None = None

    def render(self, text: str, value_json: Any = functions.NO_JSON) -> str:  # noqa: ANN401
        """Return what Home Assistant would take for the value of a payload, stripped.

        `value_json`: the payload parsed; functions.NO_JSON when it is no JSON. Raises
        TemplateError: `template_undefined` when the payload lacks what the template asks for,
        `template_failed` when it is of another kind, `template_too_slow` and
        `template_too_large`, then and for ever after, when a bound is broken.
        """
        if self._compiled is None:
            return self.source
        if self._broken is not None:
            raise self._broken
        compiled = self._compiled
        variables: dict[str, Any] = {"value": text}
        if value_json is not functions.NO_JSON:
            variables["value_json"] = value_json
        self._meter.begin()
        try:
            return run_limited(lambda: _collect(compiled, variables), TIME_LIMIT_S).strip()
        except jinja2.UndefinedError as error:
            raise TemplateError("template_undefined", str(error)) from None
        except TimeUpError as error:
            self._broken = TemplateError("template_too_slow", str(error))
        except TooLargeError as error:
            self._broken = TemplateError("template_too_large", str(error))
        except _ERRORS as error:
            raise TemplateError("template_failed", f"{type(error).__name__}: {error}") from None
        raise self._broken


class TemplateSandbox:
    """Compiles templates, each once."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._environment = _Environment(now)
        self._compiled: OrderedDict[str, ValueTemplate] = OrderedDict()

    def compile(self, source: str) -> ValueTemplate:
        """Return the template; raise TemplateError (`template_invalid`) when it is none."""
        source = source.strip()
        known = self._compiled.get(source)
        if known is not None:
            self._compiled.move_to_end(source)
            return known
        template = self._compile(source)
        self._compiled[source] = template
        if len(self._compiled) > CACHE_MAXIMUM:
            self._compiled.popitem(last=False)
        return template

    def _compile(self, source: str) -> ValueTemplate:
        if "{" not in source:
            return ValueTemplate(source, self._environment.meter, None, frozenset())
        if len(source) > TEMPLATE_MAXIMUM_CHARACTERS:
            raise TemplateError(
                "template_invalid",
                f"{len(source)} characters are more than the {TEMPLATE_MAXIMUM_CHARACTERS} that a"
                " template may have",
            )
        try:
            compiled, names = run_limited(
                lambda: (
                    self._environment.from_string(source),
                    _names(self._environment.parse(source)),
                ),
                _COMPILE_TIME_LIMIT_S,
            )
        except (*_ERRORS, TimeUpError, TooLargeError) as error:
            raise TemplateError("template_invalid", f"{type(error).__name__}: {error}") from None
        return ValueTemplate(source, self._environment.meter, compiled, names)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with every value that comes into being looked at."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.meter = Meter()
        guarded = self._guarded
        # Not optimised, and with a `finalize` that asks for the context: else Jinja2 would work
        # out while compiling what depends on no variable.
        super().__init__(
            optimized=False,
            finalize=_printable,
            extensions=("jinja2.ext.loopcontrols", "jinja2.ext.do"),
        )
        built_in = self.filters
        self.filters = {
            **{name: guarded(built_in[name]) for name in _BUILT_IN_FILTERS},
            **{name: guarded(function) for name, function in functions.FILTERS.items()},
            "join": guarded(_join),
            "replace": guarded(_replace),
            _CHECKED: self.meter.checked,
        }
        self.tests = self.tests | {
            name: guarded(function) for name, function in functions.TESTS.items()
        }
        self.tests.pop("filter", None)
        self.globals = {
            **{name: self.globals[name] for name in _BUILT_IN_FUNCTIONS},
            **{name: guarded(function) for name, function in functions.FUNCTIONS.items()},
            **functions.CONSTANTS,
            "now": now,
            "utcnow": now,
        }

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        meter = self.meter

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            return meter.checked(function(*arguments, **named))

        return call

    @staticmethod
    @override
    def concat(parts: Iterable[str]) -> str:
        """Join what a block, a macro or the whole template puts out."""
        gathered: list[str] = []
        size = 0
        for part in parts:
            size += len(part)
            if size > TEXT_MAXIMUM:
                raise TooLargeError
            gathered.append(part)
        return "".join(gathered)

    @override
    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, Namespace):
            return True
        if isinstance(obj, LoopContext | datetime | date | timedelta):
            return not attr.startswith("_")
        return attr in _PLAIN_METHODS and super().is_safe_attribute(obj, attr, value)

    @override
    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        check_binary(operator, left, right)
        return self.meter.checked(super().call_binop(context, operator, left, right))

    @override
    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        _check_method(obj, args)
        return self.meter.checked(super().call(context, obj, *args, **kwargs))

    @override
    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            check_brace_format(value.__self__)
        return wrapped

    @override
    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template: nodes.Template = _SizedValues().visit(super()._parse(source, name, filename))
        return template


class _SizedValues(NodeTransformer):
    """Makes every list, tuple, mapping and joined text of a template pass `checked`.

    A loop could else double one of them in each round.
    """

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - jinja2's naming
        """Check what `~` joins."""
        return self._sized(node)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        """Check a list."""
        return self._sized(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        """Check a mapping."""
        return self._sized(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        """Check a tuple, unless it names the variables that values are given to."""
        return self._sized(node) if node.ctx == "load" else node

    def _sized(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return nodes.Filter(
            node, _CHECKED, [], [], None, None, lineno=node.lineno, environment=node.environment
        )


def _collect(compiled: jinja2.Template, variables: Mapping[str, Any]) -> str:
    return _Environment.concat(compiled.generate(variables))


@jinja2.pass_context
def _printable(context: Context, value: Any) -> Any:  # noqa: ANN401
    environment = context.environment
    assert isinstance(environment, _Environment)  # noqa: S101 - there is no other here
    return environment.meter.checked(value)


def _join(value: Iterable[Any], separator: str = "", attribute: str | int | None = None) -> str:
    if attribute is not None:
        raise ValueError("join with an attribute is not for values")
    parts = list(value)
    check_join(len(parts), str(separator))
    return str(separator).join(map(str, parts))


def _replace(value: Any, old: str, new: str, count: int | None = None) -> str:  # noqa: ANN401
    text = str(value)
    check_replace(text, old, new)
    return text.replace(old, new, -1 if count is None else count)


def _check_method(function: Any, arguments: tuple[Any, ...]) -> None:  # noqa: ANN401
    """Raise TooLargeError when a method of a text would make a far larger one."""
    text, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if not isinstance(text, str | bytes):
        return
    if name in _WIDTH_METHODS and arguments and isinstance(arguments[0], int):
        check_width(arguments[0])
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if name == "replace" and len(arguments) > 1:
        check_replace(text, *(str(argument) for argument in arguments[:2]))
    if name == "join" and arguments and isinstance(arguments[0], list | tuple | set | dict):
        check_join(len(arguments[0]), text)


def _names(template: nodes.Template) -> frozenset[str]:
    """Return the keys that the template reads from the top level of `value_json`."""
    names = {node.attr for node in template.find_all(nodes.Getattr) if _is_value_json(node.node)}
    for node in template.find_all(nodes.Getitem):
        match node.arg:
            case nodes.Const(value=str() as key) if _is_value_json(node.node):
                names.add(key)
            case _:
                pass
    return frozenset(names)


def _is_value_json(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "value_json"
