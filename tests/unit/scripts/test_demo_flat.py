"""The demo's flat is damp enough at any hour, and its parts read and say what they should."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo_flat import recording, zigbee
from demo_flat.flat import Air, Flat, Place, past, saturation_pa
from demo_flat.phone import Answer, Push, Screen

STEP = timedelta(minutes=10)
CRITICAL_PCT = 80.0


@pytest.mark.parametrize("hour", range(0, 24, 6))
def test_the_bathroom_wall_is_due_for_an_alarm_at_any_hour(hour: int) -> None:
    now = datetime(2026, 11, 20, hour, 30, tzinfo=UTC)
    flat = Flat(now - timedelta(hours=24))
    wall = [_wall_pct(flat) for _ in past(flat, now, STEP)]
    damp_h = sum(pct >= CRITICAL_PCT for pct in wall) / 6
    assert 7 <= damp_h <= 14
    # six dry hours would end the incident before it began
    assert any(pct >= CRITICAL_PCT - 5 for pct in wall[-36:])


@pytest.mark.parametrize("hour", [3, 15])
def test_bedroom_and_towels_stay_below_an_alarm(hour: int) -> None:
    now = datetime(2026, 11, 20, hour, tzinfo=UTC)
    flat = Flat(now - timedelta(hours=24))
    towels = [flat.air(Place.TOWELS).humidity_pct for _ in past(flat, now, STEP)]
    assert sum(pct >= CRITICAL_PCT for pct in towels) / 6 < 6
    assert flat.air(Place.BEDROOM).humidity_pct < 65


def test_a_flat_started_later_continues_one_started_earlier() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    early, late = Flat(now - timedelta(days=3)), Flat(now - timedelta(hours=1))
    early.advance(now)
    late.advance(now)
    for place in Place:
        assert late.air(place).humidity_pct == pytest.approx(early.air(place).humidity_pct, abs=0.5)


def test_a_payload_carries_the_time_as_its_device_says_it() -> None:
    ts = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
    air = Air(20.5, 61.25)
    said = {
        sensor.last_seen: json.loads(sensor.state(ts, air)).get("last_seen")
        for sensor in (zigbee.BATHROOM, zigbee.TOWELS, zigbee.BEDROOM, zigbee.HALL)
    }
    assert said == {
        zigbee.LastSeen.ISO_8601: "2026-11-20T12:00:00.250Z",
        zigbee.LastSeen.ISO_8601_LOCAL: "2026-11-20T13:00:00+01:00",
        zigbee.LastSeen.EPOCH: 1_795_176_000_250,
        zigbee.LastSeen.DISABLE: None,
    }


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ("time,T,RH", "2026-01-01 00:00,20.5,50\n2026-01-01 01:00,21.5,55"),
        ("t_UTC+2,T,RH", "2026-01-01 02:00,20.5,50\n2026-01-01 03:00,21.5,55"),
        ("date;temperature;humidity", "2026-01-01 00:00;20,5;50\n2026-01-01 01:00;21,5;55"),
        ("timestamp,rh,t", "2026-01-01T00:00Z,50,20.5\nbroken\n2026-01-01T01:00Z,55,21.5"),
    ],
)
def test_a_recording_is_read_by_common_names(tmp_path: Path, head: str, rows: str) -> None:
    path = tmp_path / "series.csv"
    path.write_text(f"{head}\n{rows}\n", encoding="utf-8")
    now = datetime(2026, 11, 20, tzinfo=UTC)
    series = recording.read(path, now)
    assert [air for _, air in series.samples] == [Air(20.5, 50), Air(21.5, 55)]
    assert series.present == datetime(2026, 1, 1, 0, 45, tzinfo=UTC)
    assert [ts for ts, _ in series.samples] == [
        now - timedelta(minutes=45),
        now + timedelta(minutes=15),
    ]


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(recording.RecordingError, match="needs the columns"):
        recording.read(path, datetime(2026, 11, 20, tzinfo=UTC))


def test_a_phone_replaces_by_tag_and_takes_away() -> None:
    screen = Screen()
    screen.take(_push("first", "tag", alert_once=False), 0)
    screen.take(_push("again", "tag", alert_once=True), 1)
    screen.take(_push("other", None, alert_once=False), 2)
    assert [push.message for push in screen.shown.values()] == ["again", "other"]
    assert screen.alerts == 2
    screen.take(_push("clear_notification", "tag", alert_once=False), 3)
    assert [push.message for push in screen.shown.values()] == ["other"]


def _push(message: str, tag: str | None, *, alert_once: bool) -> Push:
    data = {"tag": tag, "alert_once": alert_once}
    return Push(datetime(2026, 11, 20, tzinfo=UTC), None, message, data, "token", Answer.ACCEPTED)


def _wall_pct(flat: Flat) -> float:
    """Return the relative humidity at the wall (f = 0.70), in %."""
    air, outdoor = flat.air(Place.BATHROOM), flat.air(Place.OUTDOOR)
    wall_c = outdoor.temperature_c + 0.70 * (air.temperature_c - outdoor.temperature_c)
    return air.humidity_pct * saturation_pa(air.temperature_c) / saturation_pa(wall_c)
