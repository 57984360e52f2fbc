"""The comparison finds what is lost, doubled or altered: each is a test that can fail."""

from typing import Any

from tests.reliability.chaos.ledger import Entry, Ledger, Nature
from tests.reliability.chaos.run import Result
from tests.reliability.chaos.verdict import compare


def _ledger(*entries: Entry) -> Ledger:
    ledger = Ledger()
    for entry in entries:
        ledger.open(entry)
    return ledger


def _entry(number: int, nature: Nature = Nature.TIMED, *, accepted: int = 1, **more: Any) -> Entry:  # noqa: ANN401
    fields: dict[str, Any] = {
        "qos": 1,
        "temperature_c": 20.5,
        "humidity_pct": 60.25,
        "at_s": 1_000.5 if nature is Nature.TIMED else None,
        "accepted_s": [float(one) for one in range(accepted)],
    }
    return Entry(number, nature, **fields | more)


def _row(number: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "number": number,
        "temperature_c": 20.5,
        "humidity_pct": 60.25,
        "qos": 1,
        "time_quality": "payload",
        "at_s": 1_000.5,
    } | more


def test_what_was_accepted_and_is_not_there_is_lost() -> None:
    assert compare(_ledger(_entry(1), _entry(2)), [_row(1)], 0).lost == 1


def test_a_timed_message_sent_twice_is_one_row() -> None:
    ledger = _ledger(_entry(1, accepted=2))
    assert compare(ledger, [_row(1)], 0).is_good
    assert compare(ledger, [_row(1), _row(1)], 0).duplicates == 1


def test_an_untimed_message_sent_twice_is_two_rows() -> None:
    row = _row(1, time_quality="receipt")
    ledger = _ledger(_entry(1, Nature.UNTIMED, accepted=2))
    assert compare(ledger, [row, row], 0).is_good
    assert compare(ledger, [row], 0).lost == 1
    assert compare(ledger, [row] * 3, 0).duplicates == 1


def test_without_the_brokers_word_it_may_be_there_or_not() -> None:
    ledger = _ledger(_entry(1, accepted=0, in_doubt=1))
    assert compare(ledger, [], 0).is_good
    assert compare(ledger, [_row(1)], 0).is_good
    assert compare(ledger, [_row(1)] * 2, 0).duplicates == 1


def test_the_word_of_a_killed_broker_counts_up_to_its_last_moments() -> None:
    ledger = _ledger(_entry(1, accepted=1), _entry(2, accepted_s=[9.0]))
    ledger.doubt_since(5.0)
    found = compare(ledger, [], 0)
    assert (found.published, found.lost) == (1, 1)


def test_qos_0_may_be_lost_and_never_doubled() -> None:
    ledger = _ledger(_entry(1, Nature.UNTIMED, qos=0), _entry(2, Nature.UNTIMED, qos=0))
    row = _row(1, time_quality="receipt", qos=0)
    found = compare(ledger, [row], 0)
    assert (found.is_good, found.qos0_published, found.qos0_lost) == (True, 2, 1)
    assert compare(ledger, [row, row], 0).duplicates == 1


def test_an_altered_value_or_time_and_a_row_nobody_sent_are_illegal() -> None:
    ledger = _ledger(_entry(1))
    for row in (
        _row(1, temperature_c=20.6),
        _row(1, humidity_pct=None),
        _row(1, at_s=1_001.0),
        _row(1, time_quality="device_clock_wrong"),
        _row(7),
    ):
        assert compare(ledger, [row], 0).illegal == 1


def test_a_dead_letter_too_few_or_too_many_is_no_good() -> None:
    ledger = _ledger(_entry(1, Nature.POISON, accepted=2))
    assert [compare(ledger, [], number).is_good for number in (1, 2, 3)] == [False, True, False]


def test_what_the_broker_sent_anew_by_itself_is_no_duplicate_of_ours() -> None:
    ledger = _ledger(_entry(1, Nature.UNTIMED), _entry(2, Nature.UNTIMED), _entry(3))
    rows = [_row(number, time_quality="receipt") for number in (1, 1, 2, 2)] + [_row(3)] * 2
    assert compare(ledger, rows, 0).duplicates == 3
    ledger.replayed([1, 3])
    found = compare(ledger, rows, 0)
    assert (found.duplicates, found.broker_replays) == (2, 2), "a time of its own is one row"
    poison = _ledger(_entry(1, Nature.POISON))
    assert not compare(poison, [], 2).is_good
    poison.replayed([1])
    assert compare(poison, [], 2).is_good


def test_the_last_line_says_what_was_done_and_what_became_of_it() -> None:
    ledger = _ledger(_entry(1), _entry(2, Nature.UNTIMED, qos=0), _entry(3, Nature.POISON))
    result = Result(
        seed=7,
        faults={"kill_backend": 2},
        unavailable=[],
        starts=3,
        points_missed=0,
        verdict=compare(ledger, [_row(1)], 1),
    )
    assert (
        result.as_json()
        | {
            "seed": 7,
            "published": 2,
            "faults": {"kill_backend": 2},
            "lost": 0,
            "duplicates": 0,
            "illegal": 0,
            "dead_letters": 1,
            "dead_letters_expected": 1,
            "qos0_lost": 1,
        }
        == result.as_json()
    )
