"""Single devices that are watched: one metric of one device each, with its limits.

A subentry is one metric of one device, or only whether a device still reports; the document
groups them by device. Its id is what it watches, so that it stays the same when the backend
gives it back to a new entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Self
from uuid import NAMESPACE_URL, uuid5

from homeassistant.config_entries import ConfigEntry, ConfigSubentry

from .const import CONF_NOTIFY, SUBENTRY_DEVICE
from .sources import DeviceSource, Source, source_from_choice, source_from_wire
from .told import CONF_TARGETS

CONF_SOURCE: Final = "source"
CONF_METRIC: Final = "metric"
CONF_ABOVE: Final = "above"
CONF_BELOW: Final = "below"
CONF_MARGIN: Final = "margin"
CONF_COUNT: Final = "count"
CONF_MINUTES: Final = "minutes"
CONF_SEVERITY: Final = "severity"
CONF_ENABLED: Final = "enabled"
CONF_SILENT: Final = "silent"
CONF_SILENT_HOURS: Final = "silent_hours"
CONF_SILENT_SEVERITY: Final = "silent_severity"
_SIDES: Final = (CONF_ABOVE, CONF_BELOW)
# of a limit, as the document spells them
_LIMIT_KEYS: Final = (CONF_COUNT, CONF_MINUTES, CONF_SEVERITY, CONF_ENABLED, CONF_NOTIFY)
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://github.com/mould-watch/mould-watch/rules")


@dataclass(frozen=True, slots=True)
class Watched:
    """What a subentry watches: a metric of a device; None: only whether it reports."""

    source: Source
    metric: str | None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read a subentry's data."""
        return cls(source_from_wire(data[CONF_SOURCE]), data.get(CONF_METRIC))

    @classmethod
    def from_choice(cls, choice: str) -> Self:
        """Read what the form returned."""
        source, _, metric = choice.rpartition("|")
        return cls(source_from_choice(source), metric or None)

    @property
    def choice(self) -> str:
        """Return the form's spelling, which is the subentry's unique id too."""
        return f"{self.source.choice}|{self.metric or ''}"

    def rule_id(self, side: str) -> str:
        """Return the id of the rule about a limit."""
        return str(uuid5(_NAMESPACE, f"{self.choice}|{side}"))

    def rules(self) -> frozenset[str]:
        """Return the backend's names of the rules about its limits."""
        return frozenset(f"threshold:{self.rule_id(side)}" for side in _SIDES)

    def key(self, instance_id: str) -> tuple[str, str]:
        """Return the identity of the backend's device."""
        if isinstance(self.source, DeviceSource):
            return self.source.source_instance, self.source.native_id
        return f"ha:{instance_id}", self.source.registry_id


def watched_of(entry: ConfigEntry[Any]) -> dict[str, ConfigSubentry]:
    """Return the entry's watched devices by unique id."""
    return {
        subentry.unique_id: subentry
        for subentry in entry.subentries.values()
        if subentry.subentry_type == SUBENTRY_DEVICE and subentry.unique_id is not None
    }


def devices_as_wire(
    watched: Iterable[tuple[str, Mapping[str, Any]]], home_told: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the document's devices of these subentries: (title, data).

    Each limit tells those whom its subentry names. To the backend a device is one, whatever is
    watched of it: of its silence are told all who are told of anything about it, those of the
    home, `home_told`, among them if one of its subentries is told of as the home.
    """
    devices: dict[str, dict[str, Any]] = {}
    watches: dict[str, list[Mapping[str, Any]]] = {}
    for title, data in watched:
        what = Watched.of(data)
        device = devices.setdefault(
            what.source.choice, {"source": what.source.as_wire(), "name": title}
        )
        thresholds = [_threshold(what, title, data, side) for side in _SIDES if side in data]
        if thresholds:
            device.setdefault("thresholds", []).extend(thresholds)
        if silent := _silent(data):
            device.setdefault("rules", {}).setdefault("silent", {}).update(silent)
        watches.setdefault(what.source.choice, []).append(data)
    for key, device in devices.items():
        if told := _told_of_silence(watches[key], home_told):
            device.setdefault("rules", {}).setdefault("silent", {}).update(told)
    return list(devices.values())


def devices_from_wire(
    devices: Iterable[Mapping[str, Any]], home_told: Sequence[str]
) -> list[ConfigSubentry]:
    """Return the subentries of a stored document's devices; `home_told`: who is told of it."""
    found: dict[str, ConfigSubentry] = {}
    for device in devices:
        source = source_from_wire(device["source"]).as_wire()
        by_metric: dict[str | None, list[Mapping[str, Any]]] = {}
        for threshold in device.get("thresholds") or ():
            by_metric.setdefault(str(threshold["metric"]), []).append(threshold)
        if _others_hear_of_silence(device, home_told):
            by_metric[None] = []
        for metric, thresholds in by_metric.items():
            data: dict[str, Any] = {CONF_SOURCE: source}
            if metric is not None:
                data[CONF_METRIC] = metric
            data |= _silence(device)
            if metric is not None:
                # whether it is told of is each threshold's own to say
                data.pop(CONF_NOTIFY, None)
                data |= _limits(thresholds)
            if targets := _named(device, thresholds):
                data[CONF_TARGETS] = list(targets)
            name = next((t["name"] for t in thresholds if t.get("name")), device.get("name"))
            subentry = ConfigSubentry(
                data=MappingProxyType(data),
                subentry_type=SUBENTRY_DEVICE,
                title=str(name or metric or source.get("native_id")),
                unique_id=Watched.of(data).choice,
            )
            found[str(subentry.unique_id)] = subentry
    return list(found.values())


def _threshold(what: Watched, title: str, data: Mapping[str, Any], side: str) -> dict[str, Any]:
    limit = data[side]
    threshold = {
        "rule_id": what.rule_id(side),
        "name": title,
        "metric": what.metric,
        "direction": side,
        "threshold": limit,
    }
    if (margin := data.get(CONF_MARGIN)) is not None:
        threshold["recovery_threshold"] = limit - margin if side == CONF_ABOVE else limit + margin
    return threshold | {key: data[key] for key in (*_LIMIT_KEYS, CONF_TARGETS) if key in data}


def _told_of_silence(
    watches: Sequence[Mapping[str, Any]], home_told: Sequence[str]
) -> dict[str, Any]:
    """Return what the document says of who is told of a device's silence."""
    told = [data for data in watches if data.get(CONF_NOTIFY, True)]
    named = [data.get(CONF_TARGETS) for data in told or watches]
    said: dict[str, Any] = {} if told else {CONF_NOTIFY: False}
    if any(one is not None for one in named):
        everybody = (target for one in named for target in one or home_told)
        said[CONF_TARGETS] = list(dict.fromkeys(everybody))
    return said


def _others_hear_of_silence(device: Mapping[str, Any], home_told: Sequence[str]) -> bool:
    """Say whether a device is watched for its reports alone, beside its limits or without any."""
    thresholds = device.get("thresholds") or ()
    named = {target for one in thresholds for target in _named(device, [one]) or home_told}
    return not thresholds or not set(_named(device, ()) or ()) <= named


def _named(
    device: Mapping[str, Any], thresholds: Iterable[Mapping[str, Any]]
) -> Sequence[str] | None:
    """Return whom a metric's limits name, or of no metric the silence; None: as the home."""
    rules = thresholds or [(device.get("rules") or {}).get("silent") or {}]
    own = (rule[CONF_TARGETS] for rule in rules if rule.get(CONF_TARGETS))
    named: Sequence[str] | None = next(own, device.get(CONF_TARGETS))
    return named


def _silent(data: Mapping[str, Any]) -> dict[str, Any]:
    silent: dict[str, Any] = {}
    if data.get(CONF_SILENT) is False:
        silent["enabled"] = False
    if (hours := data.get(CONF_SILENT_HOURS)) is not None:
        silent["hours"] = hours
    if (severity := data.get(CONF_SILENT_SEVERITY)) is not None:
        silent["severity"] = severity
    return silent


def _silence(device: Mapping[str, Any]) -> dict[str, Any]:
    silent = (device.get("rules") or {}).get("silent") or {}
    data: dict[str, Any] = {}
    if silent.get("enabled") is False:
        data[CONF_SILENT] = False
    if silent.get("hours") is not None:
        data[CONF_SILENT_HOURS] = silent["hours"]
    if silent.get("severity") is not None:
        data[CONF_SILENT_SEVERITY] = silent["severity"]
    if silent.get("notify") is False:
        data[CONF_NOTIFY] = False
    return data


def _limits(thresholds: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for threshold in thresholds:
        limit = threshold["threshold"]
        data[str(threshold["direction"])] = limit
        if (recovery := threshold.get("recovery_threshold")) is not None:
            data[CONF_MARGIN] = round(abs(limit - recovery), 6)
        data |= {key: threshold[key] for key in _LIMIT_KEYS if threshold.get(key) is not None}
    return data
