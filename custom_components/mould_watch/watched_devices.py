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
CONF_SILENT: Final = "silent"
CONF_SILENT_HOURS: Final = "silent_hours"
CONF_SILENT_SEVERITY: Final = "silent_severity"
_SIDES: Final = (CONF_ABOVE, CONF_BELOW)
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

    To the backend a device is one, whatever is watched of it: told of it are all that one of its
    subentries names, and those of the home, `home_told`, if one of them is told of as the home.
    """
    devices: dict[str, dict[str, Any]] = {}
    targets: dict[str, list[Sequence[str] | None]] = {}
    is_silence_told: dict[str, bool] = {}
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
        key = what.source.choice
        targets.setdefault(key, []).append(data.get(CONF_TARGETS))
        is_silence_told[key] = is_silence_told.get(key, False) or data.get(CONF_NOTIFY, True)
    for key, device in devices.items():
        if any(named is not None for named in targets[key]):
            told = (one for named in targets[key] for one in (named or home_told))
            device[CONF_TARGETS] = list(dict.fromkeys(told))
        if not is_silence_told[key]:
            device.setdefault("rules", {}).setdefault("silent", {})["notify"] = False
    return list(devices.values())


def devices_from_wire(devices: Iterable[Mapping[str, Any]]) -> list[ConfigSubentry]:
    """Return the subentries of a stored document's devices."""
    found: dict[str, ConfigSubentry] = {}
    for device in devices:
        source = source_from_wire(device["source"]).as_wire()
        by_metric: dict[str | None, list[Mapping[str, Any]]] = {}
        for threshold in device.get("thresholds") or ():
            by_metric.setdefault(str(threshold["metric"]), []).append(threshold)
        for metric, thresholds in (by_metric or {None: []}).items():
            data: dict[str, Any] = {CONF_SOURCE: source}
            if metric is not None:
                data[CONF_METRIC] = metric
            data |= _silence(device)
            if metric is not None:
                # whether it is told of is each threshold's own to say
                data.pop(CONF_NOTIFY, None)
                data |= _limits(thresholds)
            if targets := device.get(CONF_TARGETS):
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
    keys = (CONF_COUNT, CONF_MINUTES, CONF_SEVERITY, CONF_NOTIFY)
    return threshold | {key: data[key] for key in keys if key in data}


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
        keys = (CONF_COUNT, CONF_MINUTES, CONF_SEVERITY, CONF_NOTIFY)
        data |= {key: threshold[key] for key in keys if threshold.get(key) is not None}
    return data
