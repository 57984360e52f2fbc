"""Value templates give what Home Assistant's give, and nothing gets out of them or hangs in them.

That they give the same is compared with Home Assistant's own code in tests/home_assistant.
"""

import json
import resource
import signal
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mould_watch.errors import TemplateError
from mould_watch.ingest.discovery import functions
from mould_watch.ingest.discovery.templates import (
    CACHE_MAXIMUM,
    TEMPLATE_MAXIMUM_CHARACTERS,
    TIME_LIMIT_S,
    TemplateSandbox,
)
from mould_watch.ingest.discovery.time_limit import TimeUpError, run_limited
from tests.support.messages import NOW

PAYLOAD = '{"temperature": 21.56, "text": "55", "nested": {"list": [1, 2]}, "nothing": null}'


@pytest.fixture
def sandbox() -> TemplateSandbox:
    return TemplateSandbox(lambda: NOW)


def rendered(sandbox: TemplateSandbox, template: str, payload: str = PAYLOAD) -> str:
    try:
        parsed = functions.parse_json(payload)
    except ValueError:
        parsed = functions.NO_JSON
    return sandbox.compile(template).render(payload, parsed)


def reason(sandbox: TemplateSandbox, template: str, payload: str = PAYLOAD) -> str:
    with pytest.raises(TemplateError) as raised:
        rendered(sandbox, template, payload)
    return raised.value.reason


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ value_json.temperature }}", "21.56"),
        ("{{ value_json.temperature | round(1) }}", "21.6"),
        ("{{ value_json['text'] | float * 1.8 + 32 }}", "131.0"),
        ("{{ value_json.text | int | multiply(2) }}", "110.0"),
        ("{{ value_json.nested.list[1] }}", "2"),
        ("{{ value_json.missing }}", ""),
        ("{{ value_json.missing | default(7) }}", "7"),
        ("{{ value_json.nothing }}", "None"),
        ("{{ value_json.nothing | float(0) }}", "0"),
        ("{{ value | regex_findall_index('[0-9]+') }}", "21"),
        ("{{ iif(value_json.temperature > 20, 'warm', 'cold') }}", "warm"),
        ("{{ as_timestamp('2026-11-22T12:00:00+00:00') | int }}", "1795348800"),
        ("{{ now().year }}", "2026"),
        ("{{ '{:.1f}'.format(value_json.temperature) }}", "21.6"),
        ("{{ '%.1f' | format(value_json.temperature) }}", "21.6"),
        (
            (
                "{% set sum = namespace(of=0) %}{% for one in value_json.nested.list %}"
                "{% set sum.of = sum.of + one %}{% endfor %}{{ sum.of }}"
            ),
            "3",
        ),
        ("no template at all", "no template at all"),
    ],
)
def test_renders_what_home_assistant_documents(
    sandbox: TemplateSandbox, template: str, value: str
) -> None:
    assert rendered(sandbox, template) == value


@pytest.mark.parametrize(
    ("template", "payload", "expected"),
    [
        ("{{ value_json.missing.deeper }}", PAYLOAD, "template_undefined"),
        ("{{ value_json.missing | is_defined }}", PAYLOAD, "template_undefined"),
        ("{{ value_json.temperature }}", "21.5 degrees", "template_undefined"),
        ("{{ states('sensor.other') }}", PAYLOAD, "template_undefined"),
        ("{{ value_json.nested | float }}", PAYLOAD, "template_failed"),
        ("{{ 1 / 0 }}", PAYLOAD, "template_failed"),
        ("{% include 'file' %}", PAYLOAD, "template_failed"),
        ("{% if %}", PAYLOAD, "template_invalid"),
        ("{{ value | no_such_filter }}", PAYLOAD, "template_invalid"),
        ("{{ value }}" + "x" * TEMPLATE_MAXIMUM_CHARACTERS, PAYLOAD, "template_invalid"),
        ("{{ " + "(" * 3000 + ")" * 3000 + " }}", PAYLOAD, "template_invalid"),
    ],
)
def test_says_why_there_is_no_value(
    sandbox: TemplateSandbox, template: str, payload: str, expected: str
) -> None:
    assert reason(sandbox, template, payload) == expected


BACKTRACKING = "'" + "a" * 40 + "' | regex_match('(a+)+b')"
DOUBLING = "{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}"
HOSTILE = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{% set x %}{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}{% endset %}",
    "{{ value | length }}{{ " + BACKTRACKING + " }}",
    "{{ 'x' * 10 ** 9 }}",
    "{{ [1] * 10 ** 9 }}",
    "{{ 9 ** 999999999 }}",
    "{{ 'x'.ljust(10 ** 9) }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '%*d' % (999999999, 1) }}",
    "{{ '%999999999d' | format(1) }}",
    "{{ '{:999999999}'.format(1) }}",
    "{{ '{:{}}'.format(1, 999999999) }}",
    "{{ ('a' * 60000) | replace('a', 'y' * 60000) }}",
    "{{ ('a' * 60000).replace('a', 'y' * 60000) }}",
    "{{ ('a' * 60000).join(('b' * 60000) | list) }}",
    "{{ 'aaa' | regex_replace('a', 'b' * 100000 * 100) }}",
    "{{ 5 | pack('999999999x') }}",
    "{{ 1 | round(10 ** 9) }}",
    (
        "{% set ns = namespace(x='x') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}"
        "{% endfor %}"
    ),
    "{% set ns = namespace(x=[1]) %}" + DOUBLING,
    (
        "{% set ns = namespace(x=1) %}{% for i in range(99999) %}{% set ns.x = ns.x * 1000003 %}"
        "{% endfor %}"
    ),
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
]


@pytest.mark.parametrize("template", HOSTILE)
def test_a_hostile_template_ends_in_bounded_time_and_memory_and_stays_ended(
    sandbox: TemplateSandbox, template: str
) -> None:
    compiled = sandbox.compile(template)
    before_s, before_kib = time.process_time(), _peak_kib()
    with pytest.raises(TemplateError) as raised:
        compiled.render("{}", {})
    assert raised.value.reason in {"template_too_slow", "template_too_large"}
    # The limit, and what one step of the interpreter may take beyond it.
    assert time.process_time() - before_s < TIME_LIMIT_S + 0.4
    assert _peak_kib() - before_kib < 64 * 1024
    before_s = time.process_time()
    with pytest.raises(TemplateError):
        compiled.render("{}", {})
    assert time.process_time() - before_s < TIME_LIMIT_S / 2


def test_constants_are_not_worked_out_while_compiling(sandbox: TemplateSandbox) -> None:
    before_s = time.process_time()
    sandbox.compile("{{ " + BACKTRACKING + " }}")
    assert time.process_time() - before_s < TIME_LIMIT_S


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ (value_json | attr('__class__')).__mro__ }}",
        "{{ '{0.__class__.__mro__}'.format(value) }}",
        "{{ value_json.update({}) }}",
        "{{ value_json.pop('temperature') }}",
        "{{ value_json.nested.list.append(1) }}",
        "{{ self._TemplateReference__context.environment }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ now.__self__ }}",
        "{{ (1).to_bytes(10 ** 9, 'big') }}",
        "{{ value_json.items.__self__ }}",
        "{{ value | map(attribute='__class__') | list }}",
    ],
)
def test_nothing_of_python_can_be_reached(sandbox: TemplateSandbox, template: str) -> None:
    try:
        value = rendered(sandbox, template)
    except TemplateError as error:
        assert error.reason in {"template_failed", "template_undefined"}  # noqa: PT017
    else:
        assert "class" not in value
        assert "mould_watch" not in value
    assert rendered(sandbox, "{{ value_json.temperature }}") == "21.56"


def test_a_template_is_compiled_once_and_only_so_many_are_kept(sandbox: TemplateSandbox) -> None:
    assert sandbox.compile("{{ value }}") is sandbox.compile(" {{ value }} ")
    first = sandbox.compile("{{ value }}")
    for number in range(CACHE_MAXIMUM):
        sandbox.compile(f"text {number}")
    assert sandbox.compile("{{ value }}") is not first


def test_the_keys_it_reads_are_known(sandbox: TemplateSandbox) -> None:
    template = sandbox.compile("{{ value_json.a }}{{ value_json['b'].c }}{{ value_json[d] }}")
    assert template.names == {"a", "b"}


def test_the_time_limit_leaves_the_signal_as_it_was() -> None:
    before = signal.getsignal(signal.SIGVTALRM)

    def forever() -> None:
        while True:
            pass

    with pytest.raises(TimeUpError):
        run_limited(forever, 0.01)
    assert run_limited(lambda: 7, 0.01) == 7
    assert signal.getsignal(signal.SIGVTALRM) is before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_the_time_limit_is_for_the_main_thread_alone() -> None:
    errors: list[BaseException] = []

    def elsewhere() -> None:
        try:
            run_limited(lambda: 7, 1)
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(errors) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
_PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "value_json", "value", ".a", "[0]", "|", "float", "round(1)",
     "default('')", "(", ")", "+", "*", "**", "~", "9", "'x'", "for", "in", "range(9)", "endfor",
     "if", "endif", "set", "=", "x", " ", "%", "[", "]", "{", "}", "join", "map('int')", "list"]
)  # fmt: skip


@given(pieces=st.lists(_PIECES, max_size=14), payload=_JSON)
@settings(max_examples=400, deadline=None)
def test_any_template_gives_text_or_a_reason(pieces: list[str], payload: object) -> None:
    text = json.dumps(payload)
    try:
        template = TemplateSandbox(lambda: NOW).compile("".join(pieces))
        assert isinstance(template.render(text, payload), str)
    except TemplateError as error:
        assert error.reason.startswith("template_")  # noqa: PT017


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
