"""What can be told of a room: how cold its cold spot is, that it was cleaned, that it was seen."""

from typing import Any, Final
from uuid import uuid4

import probatio
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .const import APPLIES_FROM, DOMAIN
from .document import rooms_of
from .errors import MouldWatchClientError, RefusedError
from .responses import tomorrow
from .runtime import MouldWatchConfigEntry
from .units import to_celsius
from .watched_devices import Watched, watched_of

SERVICE_RECORD_COLD_SPOT: Final = "record_cold_spot"
SERVICE_START_EPISODE: Final = "start_episode"
SERVICE_ACKNOWLEDGE: Final = "acknowledge"
SERVICE_SNOOZE: Final = "snooze"
ATTR_DEVICE_ID: Final = "device_id"
ATTR_SURFACE_TEMPERATURE: Final = "surface_temperature"
ATTR_AT: Final = "at"
ATTR_APPLIES_FROM: Final = "applies_from"
ATTR_REASON: Final = "reason"
ATTR_UNTIL: Final = "until"
ALWAYS: Final = "always"
CLEANED: Final = "cleaned"
REASONS: Final = (CLEANED, "renewed")
# the refusals that have words of their own
COLD_SPOT_REASONS: Final = (
    "before_first_reading",
    "difference_too_small",
    "factor_out_of_range",
    "in_the_future",
    "no_outdoor_temperature",
    "no_room_temperature",
)

_DEVICE: Final = {probatio.Required(ATTR_DEVICE_ID): cv.string}
_COLD_SPOT_SCHEMA: Final = probatio.Schema(
    {
        **_DEVICE,
        probatio.Required(ATTR_SURFACE_TEMPERATURE): probatio.Coerce(float),
        probatio.Optional(ATTR_AT): cv.datetime,
        probatio.Optional(ATTR_APPLIES_FROM, default=ALWAYS): probatio.In(APPLIES_FROM),
    }
)
_EPISODE_SCHEMA: Final = probatio.Schema(
    {**_DEVICE, probatio.Optional(ATTR_REASON, default=CLEANED): probatio.In(REASONS)}
)

_ACKNOWLEDGE_SCHEMA: Final = probatio.Schema(_DEVICE)
_SNOOZE_SCHEMA: Final = probatio.Schema({**_DEVICE, probatio.Optional(ATTR_UNTIL): cv.datetime})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions; they find the entry by the room."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_RECORD_COLD_SPOT,
        _record_cold_spot,
        schema=_COLD_SPOT_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    hass.services.async_register(
        DOMAIN,
        SERVICE_START_EPISODE,
        _start_episode,
        schema=_EPISODE_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    hass.services.async_register(
        DOMAIN,
        SERVICE_ACKNOWLEDGE,
        _acknowledge,
        schema=_ACKNOWLEDGE_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    hass.services.async_register(
        DOMAIN,
        SERVICE_SNOOZE,
        _snooze,
        schema=_SNOOZE_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def start_episode(
    entry: MouldWatchConfigEntry, room_id: str, reason: str = CLEANED
) -> dict[str, Any]:
    """Begin a room's history anew. Raises HomeAssistantError when the backend does not."""
    return await _ask(entry, SERVICE_START_EPISODE, room_id=room_id, reason=reason)


async def _record_cold_spot(call: ServiceCall) -> ServiceResponse:
    entry, room_id = _room_of(call)
    asked = {
        "surface_temperature_c": to_celsius(call.hass, call.data[ATTR_SURFACE_TEMPERATURE]),
        ATTR_APPLIES_FROM: call.data[ATTR_APPLIES_FROM],
    }
    if (at := call.data.get(ATTR_AT)) is not None:
        # one without a time zone is of the home's
        asked[ATTR_AT] = dt_util.as_utc(at).isoformat()
    return await _ask(entry, SERVICE_RECORD_COLD_SPOT, room_id=room_id, **asked)


async def _start_episode(call: ServiceCall) -> ServiceResponse:
    entry, room_id = _room_of(call)
    return await start_episode(entry, room_id, call.data[ATTR_REASON])


async def _acknowledge(call: ServiceCall) -> ServiceResponse:
    return await _handle(call, "seen")


async def _snooze(call: ServiceCall) -> ServiceResponse:
    until = call.data.get(ATTR_UNTIL)
    # one without a time zone is of the home's
    when = tomorrow(dt_util.now()) if until is None else dt_util.as_utc(until)
    return await _handle(call, "snooze", until=when.isoformat())


async def _handle(call: ServiceCall, action: str, **more: str) -> ServiceResponse:
    """Do what a button on a phone does, to every incident of a room, device or the backend.

    Where nothing is the matter nothing is done: an automation need not ask before.
    """
    entry, incident_ids = _incidents_of(call)
    results = [
        await _ask(entry, "incident_action", incident_id=incident_id, action=action, **more)
        for incident_id in incident_ids
    ]
    return {"incidents": [one["incident"] for one in results]}


def _room_of(call: ServiceCall) -> tuple[MouldWatchConfigEntry, str]:
    """Return the room an action is about, and its entry. Raises ServiceValidationError."""
    ours = _identities_of(call)
    for entry in call.hass.config_entries.async_entries(DOMAIN):
        for room_id in rooms_of(entry):
            if room_id in ours:
                return _loaded(entry), room_id
    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="not_a_room")


def _incidents_of(call: ServiceCall) -> tuple[MouldWatchConfigEntry, tuple[str, ...]]:
    """Return the open incidents of what is meant. Raises ServiceValidationError.

    A room, a watched device, or the backend itself.
    """
    ours = _identities_of(call)
    for entry in call.hass.config_entries.async_entries(DOMAIN):
        if entry.entry_id in ours:
            backend = _loaded(entry).runtime_data.coordinator.data.backend
            return entry, () if backend is None else backend.incident_ids
        for room_id in rooms_of(entry):
            if room_id in ours:
                room = _loaded(entry).runtime_data.coordinator.data.rooms.get(room_id)
                return entry, () if room is None else room.condition.incident_ids
        for key, subentry in watched_of(entry).items():
            if key in ours:
                runtime = _loaded(entry).runtime_data
                watched = Watched.of(subentry.data).key(runtime.instance_id)
                device = runtime.coordinator.data.devices.get(watched)
                return entry, () if device is None else device.incident_ids
    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="not_watched")


def _identities_of(call: ServiceCall) -> set[str]:
    """Return what the integration knows the device of an action by."""
    device = dr.async_get(call.hass).async_get(call.data[ATTR_DEVICE_ID])
    identifiers = device.identifiers if device else frozenset()
    return {identity for domain, identity in identifiers if domain == DOMAIN}


def _loaded(entry: MouldWatchConfigEntry) -> MouldWatchConfigEntry:
    if entry.state is not ConfigEntryState.LOADED:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="entry_not_loaded")
    return entry


async def _ask(entry: MouldWatchConfigEntry, request: str, **content: Any) -> dict[str, Any]:  # noqa: ANN401 - as the protocol has it
    """Ask the backend, under an id of its own: a repetition does nothing twice."""
    try:
        stream = entry.runtime_data.client.stream
        return dict(await stream.request(request, action_id=str(uuid4()), **content))
    except RefusedError as err:
        raise _refusal(err) from err
    except MouldWatchClientError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="connection_lost",
            translation_placeholders={"error": str(err)},
        ) from err


def _refusal(error: RefusedError) -> HomeAssistantError:
    if error.code == "other_owner":
        return ServiceValidationError(translation_domain=DOMAIN, translation_key="read_only")
    reason = error.data.get("reason")
    if error.code == "cold_spot_refused" and reason in COLD_SPOT_REASONS:
        difference_k = error.data.get("difference_k")
        first = dt_util.parse_datetime(str(error.data.get("first_at")))
        return ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=f"cold_spot_{reason}",
            translation_placeholders={
                "difference": "?" if difference_k is None else f"{difference_k:.1f}",
                "first": "?" if first is None else f"{dt_util.as_local(first):%Y-%m-%d %H:%M}",
            },
        )
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="backend_refused",
        translation_placeholders={"message": error.message},
    )
