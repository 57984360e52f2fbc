"""Home Assistant's MQTT discovery: which topic holds which value of which device, and the values.

The one decoder that learns: a discovery message says what the messages on other topics mean. It
gives way to the decoders that know a topic natively. What it learned is stored with the batch
(storage/discovery.py) and restored from there.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final, NoReturn

from mould_watch.domain.power import PowerSource
from mould_watch.errors import TemplateError, UndecodableMessageError
from mould_watch.ingest.decoded import (
    Counted,
    Decoded,
    DecodedAnnouncement,
    DecodedAvailability,
    DecodedReading,
    DecodedSeveral,
)
from mould_watch.ingest.discovery.announced import (
    AvailabilityTopic,
    Component,
    announced,
    with_battery,
)
from mould_watch.ingest.discovery.payloads import json_of, lenient_json_of, rest_of
from mould_watch.ingest.discovery.reachable import Reachability
from mould_watch.ingest.discovery.templates import TemplateSandbox, ValueTemplate
from mould_watch.ingest.json_payload import parse_object
from mould_watch.ingest.metrics import UNWATCHED_ALONE, is_plain_number, number_of
from mould_watch.storage.devices import DeviceLabel, DeviceReference
from mould_watch.storage.discovery import Claim

SOURCE_INSTANCE: Final = "mqtt:discovery"

CONFIGURATIONS_MAXIMUM: Final = 5000
TOPICS_MAXIMUM: Final = 10_000
CLAIMS_MAXIMUM: Final = 50_000
CONFIGURATION_MAXIMUM_BYTES: Final = 256 * 1024
MESSAGE_TIME_LIMIT_S: Final = 1.0
"""Processor time of all templates of one topic together; one alone has TIME_LIMIT_S."""

# What stands for "no value now".
_NO_VALUE: Final = frozenset({"", "None", "none", "null", "unknown", "unavailable"})


class DiscoveryDecoder:
    """Decodes discovery messages, and those on the topics that they name."""

    source_instance = SOURCE_INSTANCE

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.filters: tuple[str, ...] = (f"{prefix}/+/+/config", f"{prefix}/+/+/+/config")
        self._sandbox = TemplateSandbox(_no_time)
        self._is_native: Callable[[str], bool] = lambda _: False
        # topic of a discovery message -> the digest of its payload, and what it announces
        self._configurations: dict[str, tuple[bytes, tuple[Component, ...]]] = {}
        self._by_topic: dict[str, dict[str, Component]] = {}
        self._by_availability: dict[str, dict[str, Component]] = {}
        self._by_device: dict[str, dict[str, Component]] = {}
        # (device, column) -> the component whose value is the device's own
        self._claims: dict[tuple[str, str], str] = {}
        self._reachability = Reachability()
        # native ids of devices that some message showed to have a battery
        self._with_battery: set[str] = set()
        # topics that took longer than a message may, until what is announced of them changes
        self._slow: set[str] = set()
        self.on_change: Callable[[], None] = lambda: None

    @property
    def topics(self) -> frozenset[str]:
        """Return the topics learned."""
        return frozenset(self._by_topic) | frozenset(self._by_availability)

    @property
    def kept(self) -> frozenset[str]:
        """Return the filters whose kept messages are wanted after each connect."""
        return frozenset(self.filters) | frozenset(self._by_availability)

    def has(self, topic: str) -> bool:
        """Return whether something announced is sent on a topic."""
        return topic in self._by_topic or topic in self._by_availability

    def give_way(self, is_native: Callable[[str], bool]) -> None:
        """Leave the topics alone for which `is_native` is true."""
        self._is_native = is_native

    def restore(
        self, configurations: Mapping[str, bytes], claims: Iterable[tuple[Claim, str]]
    ) -> None:
        """Learn what is stored and not known yet; what is known is at least as new.

        But who holds a metric is what is stored, whatever was taken for it meanwhile.
        """
        self._claims |= {(claim.native_id, claim.column): key for claim, key in claims}
        for topic, payload in configurations.items():
            if topic not in self._configurations:
                # this version may no longer take what an earlier one stored
                with suppress(UndecodableMessageError):
                    self._learn(topic, payload)
        self.on_change()

    def is_control(self, topic: str) -> bool:
        """Return False: a discovery message is bounded more tightly than others."""
        del topic
        return False

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return what the message says, having learned what it announces."""
        if not self.has(topic):
            return self._configuration(topic, payload)
        if not payload:
            return Counted("control")
        if topic in self._slow:
            raise UndecodableMessageError(
                "template_too_slow", "the templates of this topic take too long together"
            )
        begun_s = time.process_time()
        try:
            return self._values(topic, payload)
        finally:
            if time.process_time() - begun_s > MESSAGE_TIME_LIMIT_S:
                self._slow.add(topic)

    def _configuration(self, topic: str, payload: bytes) -> Decoded:
        """Learn; whether or not it is news, it is stored: an earlier try may have failed."""
        if not _is_watched(topic, self._prefix):
            return Counted("control")
        if payload:
            self._learn(topic, payload)
        else:
            self._forget(topic)
        self.on_change()
        _, components = self._configurations.get(topic, (b"", ()))
        if not components:
            return DecodedAnnouncement(topic, None)
        devices = {self._native_id(one): one for one in components}
        return DecodedAnnouncement(
            topic,
            payload,
            claims=tuple(
                (Claim(*metric), one.key)
                for one in components
                if self._claims.get(metric := (one.device.native_id, one.column)) == one.key
            ),
            known=tuple(self._reference(one) for one in devices.values()),
            labels=tuple(
                DeviceLabel(
                    native_id,
                    self._name(one),
                    one.device.manufacturer,
                    one.device.model,
                )
                for native_id, one in devices.items()
            ),
        )

    def _learn(self, topic: str, payload: bytes) -> None:
        """Put what a message announces in the place of what it announced before."""
        digest = sha256(payload).digest()
        if topic in self._configurations and self._configurations[topic][0] == digest:
            return
        if len(payload) > CONFIGURATION_MAXIMUM_BYTES:
            raise UndecodableMessageError(
                "payload_too_large",
                f"{len(payload)} bytes are more than the {CONFIGURATION_MAXIMUM_BYTES} a discovery"
                " message may have",
            )
        kind, _, place = (
            topic.removeprefix(f"{self._prefix}/").removesuffix("/config").partition("/")
        )
        fields, owner = parse_object(payload), f"{kind}/{place}"
        components = tuple(
            one
            for one in announced(kind, place, fields, owner=owner)
            if not self._is_native(one.state_topic)
        )
        device = with_battery(kind, fields, owner=owner)
        if device is not None and len(self._with_battery) < CONFIGURATIONS_MAXIMUM:
            self._with_battery.add(device)
        for one in components:
            self._check(one)
        self._forget(topic)
        if not components:
            return
        self._make_room(components)
        self._configurations[topic] = digest, components
        for one in components:
            self._by_topic.setdefault(one.state_topic, {})[one.key] = one
            self._by_device.setdefault(one.device.native_id, {})[one.key] = one
            for said in one.availability:
                if not self._is_native(said.topic):
                    self._by_availability.setdefault(said.topic, {})[one.key] = one
            if one.is_of_the_air:
                self._claims.setdefault((one.device.native_id, one.column), one.key)

    def _check(self, component: Component) -> None:
        """Raise UndecodableMessageError when a template of the component is none."""
        for template in (component.template, *(one.template for one in component.availability)):
            self._template(template)

    def _make_room(self, components: tuple[Component, ...]) -> None:
        topics = len(self._by_topic) + len(self._by_availability) + len(components)
        if (
            len(self._configurations) >= CONFIGURATIONS_MAXIMUM
            or topics > TOPICS_MAXIMUM
            or len(self._claims) >= CLAIMS_MAXIMUM
        ):
            raise UndecodableMessageError(
                "too_many_announced",
                f"more than {CONFIGURATIONS_MAXIMUM} discovery messages of watched values, or"
                f" {TOPICS_MAXIMUM} topics, are no household's",
            )

    def _forget(self, topic: str) -> None:
        _, components = self._configurations.pop(topic, (b"", ()))
        for component in components:
            self._reachability.forget(component)
            self._slow -= {component.state_topic, *(one.topic for one in component.availability)}
            _drop(self._by_topic, component.state_topic, component)
            _drop(self._by_device, component.device.native_id, component)
            for one in component.availability:
                _drop(self._by_availability, one.topic, component)

    def _values(self, topic: str, payload: bytes) -> Decoded:
        try:
            text = payload.decode()
        except UnicodeDecodeError as error:
            raise UndecodableMessageError(
                "not_utf8", f"the payload is not UTF-8 from byte {error.start} on"
            ) from None
        availability = self._said(topic, text)
        components = tuple(self._by_topic.get(topic, {}).values())
        if not components:
            return DecodedSeveral(availability=availability)
        value_json = json_of(payload)
        values: dict[str, dict[str, tuple[float, Component]]] = {}
        fault: UndecodableMessageError | None = None
        for component in components:
            try:
                value = self._value(component, text, value_json)
            except UndecodableMessageError as error:
                fault = fault or error
                continue
            if value is not None:
                column = values.setdefault(self._native_id(component), {})
                column.setdefault(component.column, (value, component))
        watched = {
            native_id: columns
            for native_id, columns in values.items()
            if not UNWATCHED_ALONE.issuperset(columns) or self._measures_more(columns)
        }
        if not values and not availability and fault is not None:
            raise fault
        if not watched and not availability:
            return Counted("unwatched")
        return DecodedSeveral(
            readings=self._readings(watched, value_json),
            availability=availability,
        )

    def _readings(
        self,
        watched: Mapping[str, Mapping[str, tuple[float, Component]]],
        value_json: Any,  # noqa: ANN401 - JSON is any of its types
    ) -> tuple[DecodedReading, ...]:
        """Return a reading for each device; the rest of the message is kept with the first."""
        components = [one for columns in watched.values() for _, one in columns.values()]
        rest = rest_of(value_json, (self._template(one.template).names for one in components))
        readings = []
        for columns in watched.values():
            (_, first), *_ = columns.values()
            device, label = self._reference(first), None
            if first.device.native_id in self._with_battery:
                label = DeviceLabel(device.native_id, power_source=PowerSource.BATTERY)
            readings.append(
                DecodedReading(
                    device=device,
                    at=None,
                    metrics={column: value for column, (value, _) in columns.items()},
                    extra=rest,
                    label=label,
                )
            )
            rest = None
        return tuple(readings)

    def _measures_more(self, columns: Mapping[str, tuple[float, Component]]) -> bool:
        """Return whether the device of these values has others too, on topics of their own."""
        (_, component), *_ = columns.values()
        return any(
            one.column not in UNWATCHED_ALONE
            for one in self._by_device[component.device.native_id].values()
        )

    def _value(self, component: Component, text: str, value_json: Any) -> float | None:  # noqa: ANN401
        """Return the component's value; None when the payload has none of it."""
        try:
            rendered = self._template(component.template).render(text, value_json)
        except TemplateError as error:
            if error.reason == "template_undefined":
                return None
            raise UndecodableMessageError(error.reason, f"{component.name}: {error}") from None
        rendered = rendered.strip()
        if rendered in _NO_VALUE:
            return None
        if not is_plain_number(rendered):
            raise UndecodableMessageError(
                "not_a_number", f"{component.name} is {ascii(rendered)[:60]}, not a number"
            )
        value = number_of(component.column, float(rendered), component.unit)
        if value is None:
            raise UndecodableMessageError(
                "out_of_range", f"{component.name} is {rendered[:60]}, beyond its range"
            )
        return value

    def _said(self, topic: str, text: str) -> tuple[DecodedAvailability, ...]:
        """Return which devices can be reached, by a message on one of their topics."""
        changed: dict[str, Component] = {}
        for component in self._by_availability.get(topic, {}).values():
            for one in component.availability:
                online = self._online(one, text) if one.topic == topic else None
                if online is not None:
                    self._reachability.hear(component, topic, online=online)
                    changed[self._native_id(component)] = component
        said = []
        for native_id, component in changed.items():
            available = self._reachability.of_device(
                one
                for one in self._by_device.get(component.device.native_id, {}).values()
                if self._native_id(one) == native_id
            )
            if available is not None:
                said.append(DecodedAvailability(self._reference(component), available))
        return tuple(said)

    def _online(self, said: AvailabilityTopic, text: str) -> bool | None:
        value_json = lenient_json_of(text)
        try:
            rendered = self._template(said.template).render(text, value_json)
        except TemplateError:
            return None
        return {said.offline: False, said.online: True}.get(rendered)

    def _template(self, source: str | None) -> ValueTemplate:
        try:
            return self._sandbox.compile("{{ value }}" if source is None else source)
        except TemplateError as error:
            raise UndecodableMessageError(error.reason, str(error)) from None

    def _native_id(self, component: Component) -> str:
        own = self._claims.get((component.device.native_id, component.column))
        device = component.device.native_id
        return device if own == component.key else f"{device}:{component.key}"

    def _name(self, component: Component) -> str | None:
        """Return what the device of a component is called; None: nothing announced names it."""
        device = component.device
        alike = self._by_device.get(device.native_id, {}).values()
        named = device.name or next((one.device.name for one in alike if one.device.name), None)
        if named is None or self._native_id(component) == device.native_id:
            return named
        return named if component.name == named else f"{named} {component.name}"

    def _reference(self, component: Component) -> DeviceReference:
        name = self._name(component) or component.name
        return DeviceReference(SOURCE_INSTANCE, self._native_id(component), name)


def _is_watched(topic: str, prefix: str) -> bool:
    """Return whether the components that a discovery message is about can be watched."""
    return topic.startswith((f"{prefix}/sensor/", f"{prefix}/device/"))


def _drop(index: dict[str, dict[str, Component]], topic: str, component: Component) -> None:
    components = index.get(topic, {})
    if components.get(component.key) is component:
        del components[component.key]
    if not components:
        index.pop(topic, None)


def _no_time() -> NoReturn:
    raise ValueError("a value does not depend on the present time")


def learned_of(decoders: Collection[object]) -> DiscoveryDecoder | None:
    """Return the decoder that learns, if it is among them."""
    return next((one for one in decoders if isinstance(one, DiscoveryDecoder)), None)
