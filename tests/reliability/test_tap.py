"""A broker's own repetitions are seen on the wire, and nothing else is taken for one."""

from tests.reliability.chaos.tap import Replays, Tap


def _packet(kind: int, body: bytes) -> bytes:
    length, remaining = bytearray(), len(body)
    while True:
        remaining, digit = remaining >> 7, remaining & 127
        length.append(digit | (128 if remaining else 0))
        if not remaining:
            return bytes([kind]) + length + body


def _connected(replays: Replays, level: int = 5) -> Tap:
    tap = replays.connection()
    tap.out(_packet(0x10, b"\x00\x04MQTT" + bytes([level, 0, 0, 30, 0])))
    return tap


def _publish(packet_id: int, number: int, *, dup: bool = False, level: int = 5) -> bytes:
    properties = b"\0" if level == 5 else b""
    payload = b'{"temperature": 21.5, "number": %d, "filling": "%s"}' % (number, b"x" * 200)
    body = b"\x00\x01t" + packet_id.to_bytes(2) + properties + payload
    return _packet(0x32 | dup << 3, body)


def test_the_same_id_and_message_over_another_connection_without_dup_is_one() -> None:
    for level in (4, 5):
        replays = Replays()
        _connected(replays, level).back(_publish(7, 1, level=level) + _publish(8, 2, level=level))
        _connected(replays, level).back(_publish(7, 1, level=level) + _publish(8, 3, level=level))
        assert replays.numbers == [1]


def test_dup_another_id_or_the_same_connection_is_none() -> None:
    replays = Replays()
    first = _connected(replays)
    first.back(_publish(7, 1))
    first.back(_publish(7, 1))
    _connected(replays).back(_publish(7, 1, dup=True))
    _connected(replays).back(_publish(9, 1))
    assert replays.numbers == []


def test_bytes_may_come_in_any_pieces() -> None:
    replays = Replays()
    for _ in range(2):
        tap = _connected(replays)
        for byte in _publish(7, 42):
            tap.back(bytes([byte]))
    assert replays.numbers == [42]


def test_what_is_no_json_has_a_number_too() -> None:
    replays = Replays()
    for _ in range(2):
        body = b"\x00\x01t\x00\x07\x00" + b'["a", "list", 13]'
        _connected(replays).back(_packet(0x32, body))
    assert replays.numbers == [13]
