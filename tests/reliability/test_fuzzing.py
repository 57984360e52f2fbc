"""Whatever is sent, a message has one of its ends, and no value is another than what was sent.

100,000 broken payloads for each decoder (or `MOULD_WATCH_FUZZ_PAYLOADS`), made of the
golden ones by a seed, and structures that hypothesis invents of the names in them.
"""

import json
import os
import random
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.settings import IngestSettings
from tests.reliability.fuzzing.mutations import mutated
from tests.reliability.fuzzing.oracle import check
from tests.support.golden import FAMILIES, golden_family
from tests.support.messages import NOW, message

PAYLOADS = int(os.environ.get("MOULD_WATCH_FUZZ_PAYLOADS", "100000"))
SEED = 20261125
CONFIGURATION_SHARE = 0.2


def _interpreter(family: str) -> Interpreter:
    golden = golden_family(family)
    interpreter = Interpreter(DecoderRegistry.from_settings(golden.settings), IngestSettings())
    for case in golden.before:
        assert interpreter.interpret(message(case.topic, case.payload)).ending == "control"
    return interpreter


def _fuzz(family: str) -> Counter[str]:
    """Send broken payloads of one family; return how they ended."""
    golden = golden_family(family)
    chance = random.Random(f"{SEED} {family}")  # noqa: S311 - nothing here is a secret
    interpreter = _interpreter(family)
    others = [case.payload for name in FAMILIES for case in golden_family(name).cases]
    endings: Counter[str] = Counter()
    for number in range(PAYLOADS):
        if golden.before and chance.random() < CONFIGURATION_SHARE:
            endings[_broken_configuration(family, chance, others)] += 1
            continue
        case = chance.choice(golden.cases)
        payload = mutated(chance, case.payload, others)
        sent = message(
            case.topic,
            payload,
            retain=chance.random() < 0.1,
            backlog=chance.random() < 0.1,
            received_at=NOW - timedelta(seconds=number),
        )
        try:
            endings[check(interpreter.interpret(sent))] += 1
        except Exception as error:
            error.add_note(f"{family}, payload {number}: {case.topic} {payload!r}")
            raise
    return endings


_announced: dict[str, tuple[int, Interpreter]] = {}


def _broken_configuration(family: str, chance: random.Random, others: list[bytes]) -> str:
    """Announce a broken configuration, then send what the whole one was about."""
    golden = golden_family(family)
    used, interpreter = _announced.get(family, (0, None)) if family in _announced else (0, None)
    if interpreter is None or used > 200:
        used, interpreter = 0, _interpreter(family)
    _announced[family] = used + 1, interpreter
    case = chance.choice(golden.before)
    broken = interpreter.interpret(message(case.topic, mutated(chance, case.payload, others)))
    assert (broken.dead_letter is None) != (broken.ending is None)
    for whole in golden.cases:
        done = interpreter.interpret(message(whole.topic, whole.payload))
        assert sum((bool(done.readings), done.dead_letter is not None, done.ending is not None))
    return "control" if broken.dead_letter is None else "dead letter"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_broken_payload_has_one_end_and_no_value_that_was_not_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        for family, endings in zip(FAMILIES, pool.map(_fuzz, FAMILIES), strict=True):
            assert endings.total() == PAYLOADS
            # broken ones among them are told from good ones, or nothing was tried
            assert endings["reading"] > PAYLOADS / 20, endings
            assert endings["dead letter"] > PAYLOADS / 20, endings
            told = ", ".join(f"{count} {name}" for name, count in endings.most_common())
            with capsys.disabled():
                sys.stdout.write(f"\nfuzzed {family}: {endings.total()} payloads: {told}")


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["21.5", "NaN", "2026-11-22T11:00:00", 1795314660000, 10**320, -127])
)


@pytest.mark.parametrize("family", FAMILIES)
def test_whatever_structure_the_known_names_are_in(family: str) -> None:
    interpreter = _interpreter(family)
    cases = golden_family(family).cases
    names = st.sampled_from(
        sorted({name for case in cases for name in _names(case.payload)} | {""})
    )
    values = st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
        max_leaves=12,
    )

    @settings(
        max_examples=300,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.sampled_from([case.topic for case in cases]), values)
    def has_one_end(topic: str, value: object) -> None:
        check(interpreter.interpret(message(topic, json.dumps(value).encode())))

    has_one_end()


def _names(payload: bytes) -> list[str]:
    def within(value: object) -> list[str]:
        if isinstance(value, dict):
            return [*value, *(name for one in value.values() for name in within(one))]
        if isinstance(value, list):
            return [name for one in value for name in within(one)]
        return []

    try:
        return within(json.loads(payload))
    except ValueError:
        return []
