"""The demo's flat is damp enough at any hour, and its parts read and say what they should."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo_flat import processes, recording, zigbee
from demo_flat.flat import Air, Flat, Place, past
from demo_flat.phone import Answer, Push, Screen
from mould_watch.domain.climate import Climate, MeasuredSeries, Sample
from mould_watch.domain.condition import Certainty, Level
from mould_watch.domain.hourly import air_hours
from mould_watch.domain.mould.band import INITIAL_BAND, fold_band
from mould_watch.domain.mould.level import LevelThresholds
from mould_watch.domain.mould.model import MouldModel
from mould_watch.domain.mould_outlook import LastWeek, MouldOutlook, mould_outlook
from mould_watch.domain.room_model import RoomModel
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_hours import surface_hours

STEP = timedelta(minutes=10)


def judged(place: Place, now: datetime, f_rsi: float) -> MouldOutlook:
    """Return what three days of a place say of mould, as the backend reckons it."""
    start = now - timedelta(days=3)
    flat = Flat(start)
    inside: list[Sample] = []
    outside: list[Sample] = []
    for ts in past(flat, now, STEP):
        for samples, where in ((inside, place), (outside, Place.OUTDOOR)):
            air = flat.air(where)
            samples.append(Sample(ts, 1, air.temperature_c, air.humidity_pct))
    climate = Climate(
        MeasuredSeries(inside, "temperature_c"),
        MeasuredSeries(inside, "humidity_pct"),
        MeasuredSeries(outside, "temperature_c"),
    )
    model = RoomModel(SurfaceModel(f_rsi=f_rsi), MouldModel())
    week = list(surface_hours(air_hours(climate, start, now, now), model.surface))
    band = fold_band(INITIAL_BAND, week, model.mould)
    return mould_outlook(LastWeek(hours=week, end=now), band, model, LevelThresholds())


@pytest.mark.parametrize("hour", range(0, 24, 6))
def test_the_bathroom_wall_is_due_for_a_warning_at_any_hour(hour: int) -> None:
    outlook = judged(Place.BATHROOM, datetime(2026, 11, 20, hour, tzinfo=UTC), 0.7)
    assert (outlook.level, outlook.evidence.certainty) == (Level.WARNING, Certainty.CERTAIN)
    assert outlook.first_growth.days is not None
    assert 7 < outlook.first_growth.days < 42
    # a dry day would end the incident before it began
    assert outlook.dry_hours < 12


@pytest.mark.parametrize("hour", [3, 15])
def test_bedroom_and_towels_stay_below_a_warning(hour: int) -> None:
    now = datetime(2026, 11, 20, hour, tzinfo=UTC)
    assert judged(Place.TOWELS, now, 1.0).level is Level.WATCH
    assert judged(Place.BEDROOM, now, 0.7).level is Level.NONE


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


def test_a_free_port_is_below_those_that_outgoing_connections_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_first_port_of_clients", lambda: 20_000)
    assert all(10_240 <= processes.free_port() < 20_000 for _ in range(20))
    # where they are given every port there is no better choice
    monkeypatch.setattr(processes, "_first_port_of_clients", lambda: 1024)
    assert processes.free_port() > 0


def test_the_preferred_port_is_taken_unless_somebody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", processes.free_port())) as listening:
        taken = int(listening.getsockname()[1])
        assert processes.free_port(taken) != taken
    assert processes.free_port(taken) == taken
