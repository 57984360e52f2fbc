"""What an entry says, and how the configuration document spells it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry

from .const import (
    CONF_NOTIFY,
    CONF_OUTDOOR,
    CONF_PHONES,
    CONF_QUIET_HOURS,
    CONF_RULES,
    CONF_SERVICES,
    CONF_SOURCES,
    CONF_THRESHOLDS,
    METRIC_HUMIDITY,
    METRIC_TEMPERATURE,
    SUBENTRY_ROOM,
    TARGET_PERSISTENT,
)
from .sources import source_from_wire
from .told import CONF_TARGETS, Told
from .watched_devices import CONF_METRIC, CONF_SOURCE, watched_of

_HOME_KEYS: Final = (CONF_OUTDOOR, CONF_PHONES, CONF_QUIET_HOURS, CONF_RULES)


def rooms_of(entry: ConfigEntry[Any]) -> dict[str, ConfigSubentry]:
    """Return the entry's rooms by room id."""
    return {
        subentry.unique_id: subentry
        for subentry in entry.subentries.values()
        if subentry.subentry_type == SUBENTRY_ROOM and subentry.unique_id is not None
    }


def room_as_wire(room_id: str, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a room as the document spells it."""
    return {"room_id": room_id, "name": name, **data}


def room_from_wire(room: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a subentry: without id and name, and without what is default."""
    data = {
        key: value
        for key, value in room.items()
        if key not in ("room_id", "name") and value is not None
    }
    if data.get(CONF_NOTIFY) is True:
        del data[CONF_NOTIFY]
    data[CONF_SOURCES] = {
        metric: source_from_wire(source).as_wire() for metric, source in room[CONF_SOURCES].items()
    }
    return data


def home_as_wire(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the entry's options say of the home, as the document spells it."""
    home = {key: options[key] for key in _HOME_KEYS if key in options}
    if options.get(CONF_SERVICES):
        home[CONF_PHONES] = told_of_home(options).as_wire()
    return home


def home_targets(home: Mapping[str, Any]) -> Sequence[str]:
    """Return who is told of the home, as the document says it."""
    targets: Sequence[str] = home.get(CONF_PHONES) or [TARGET_PERSISTENT]
    return targets


def told_of_home(options: Mapping[str, Any]) -> Told:
    """Return who is told of the home, by the entry's options."""
    return Told(tuple(options.get(CONF_PHONES, ())), tuple(options.get(CONF_SERVICES, ())))


def told_phones(entry: ConfigEntry[Any]) -> frozenset[str]:
    """Return every phone that is told of the home, a room, a device or one of their rules."""
    parts = [entry.options, *(subentry.data for subentry in entry.subentries.values())]
    rules = [rule for part in parts for rule in _rules_of(part)]
    named = (Told.from_wire(part.get(CONF_TARGETS) or ()) for part in (*parts, *rules))
    phones = {phone for told in (told_of_home(entry.options), *named) for phone in told.phones}
    return frozenset(phones)


def _rules_of(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rules of the home or of a room that may name somebody of their own."""
    return [*part.get(CONF_RULES, {}).values(), *part.get(CONF_THRESHOLDS, ())]


def home_from_wire(home: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry's options out of a stored document."""
    told = Told.from_wire(home.get(CONF_PHONES) or ())
    options = {**home, CONF_PHONES: list(told.phones), CONF_SERVICES: list(told.services)}
    return {key: options[key] for key in (*_HOME_KEYS, CONF_SERVICES) if options.get(key)}


def wanted_entities(entry: ConfigEntry[Any]) -> dict[str, frozenset[str]]:
    """Return the entities that rooms and home take metrics from: registry id -> metrics."""
    wanted: dict[str, set[str]] = {}

    def want(source: Mapping[str, Any], *metrics: str) -> None:
        if source["kind"] == "entity":
            wanted.setdefault(source["registry_id"], set()).update(metrics)

    for subentry in rooms_of(entry).values():
        want(subentry.data[CONF_SOURCES]["temperature"], METRIC_TEMPERATURE)
        want(subentry.data[CONF_SOURCES]["humidity"], METRIC_HUMIDITY)
        if surface := subentry.data[CONF_SOURCES].get("surface_temperature"):
            want(surface, METRIC_TEMPERATURE)
    for subentry in watched_of(entry).values():
        if metric := subentry.data.get(CONF_METRIC):
            want(subentry.data[CONF_SOURCE], metric)
    match entry.options.get(CONF_OUTDOOR):
        case {"kind": "weather", "weather": weather}:
            want(weather, METRIC_TEMPERATURE, METRIC_HUMIDITY)
        case {"kind": "measured", "temperature": temperature, "humidity": humidity}:
            want(temperature, METRIC_TEMPERATURE)
            want(humidity, METRIC_HUMIDITY)
    return {registry_id: frozenset(metrics) for registry_id, metrics in wanted.items()}


def room_subentry(room: Mapping[str, Any]) -> ConfigSubentry:
    """Return the subentry of a room the backend knows."""
    return ConfigSubentry(
        data=MappingProxyType(room_from_wire(room)),
        subentry_type=SUBENTRY_ROOM,
        title=str(room["name"]),
        unique_id=str(room["room_id"]),
    )
