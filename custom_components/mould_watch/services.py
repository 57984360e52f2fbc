"""What can be told of a room: how cold its cold spot is, and that it was cleaned."""

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
from .runtime import MouldWatchConfigEntry
from .units import to_celsius

SERVICE_RECORD_COLD_SPOT: Final = "record_cold_spot"
SERVICE_START_EPISODE: Final = "start_episode"
ATTR_DEVICE_ID: Final = "device_id"
ATTR_SURFACE_TEMPERATURE: Final = "surface_temperature"
ATTR_AT: Final = "at"
ATTR_APPLIES_FROM: Final = "applies_from"
ATTR_REASON: Final = "reason"
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

_ROOM: Final = {probatio.Required(ATTR_DEVICE_ID): cv.string}
_COLD_SPOT_SCHEMA: Final = probatio.Schema(
    {
        **_ROOM,
        probatio.Required(ATTR_SURFACE_TEMPERATURE): probatio.Coerce(float),
        probatio.Optional(ATTR_AT): cv.datetime,
        probatio.Optional(ATTR_APPLIES_FROM, default=ALWAYS): probatio.In(APPLIES_FROM),
    }
)
_EPISODE_SCHEMA: Final = probatio.Schema(
    {**_ROOM, probatio.Optional(ATTR_REASON, default=CLEANED): probatio.In(REASONS)}
)


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


def _room_of(call: ServiceCall) -> tuple[MouldWatchConfigEntry, str]:
    """Return the room an action is about, and its entry. Raises ServiceValidationError."""
    device = dr.async_get(call.hass).async_get(call.data[ATTR_DEVICE_ID])
    identifiers = device.identifiers if device else frozenset()
    ours = {identity for domain, identity in identifiers if domain == DOMAIN}
    for entry in call.hass.config_entries.async_entries(DOMAIN):
        for room_id in rooms_of(entry):
            if room_id in ours:
                if entry.state is not ConfigEntryState.LOADED:
                    raise ServiceValidationError(
                        translation_domain=DOMAIN, translation_key="entry_not_loaded"
                    )
                return entry, room_id
    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="not_a_room")


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
