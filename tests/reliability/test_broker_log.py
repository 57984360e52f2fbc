"""A broker's own repetitions are counted by its log, and nothing else is."""

from tests.reliability.chaos.broker_log import replays


def sent(packet_id: int, dup: int = 0) -> str:
    return f"1: Sending PUBLISH to mould-watch (d{dup}, q1, r0, m{packet_id}, 'a/b', ... (9 bytes))"


def acknowledged(packet_id: int) -> str:
    return f"1: Received PUBACK from mould-watch (Mid: {packet_id}, RC:0)"


START = "1: mosquitto version 2.1.2 starting"


def test_what_was_acknowledged_or_came_with_dup_or_over_the_same_start_is_none() -> None:
    assert replays([START, sent(1), acknowledged(1), START, sent(1)]) == 0
    assert replays([START, sent(1), START, sent(1, dup=1)]) == 0
    assert replays([START, sent(1), sent(1)]) == 0


def test_the_same_id_without_dup_after_a_start_is_one() -> None:
    assert replays([START, sent(1), sent(2), acknowledged(1), START, sent(2), sent(1)]) == 1
    assert replays([START, sent(2), START, sent(2), START, sent(2)]) == 2
