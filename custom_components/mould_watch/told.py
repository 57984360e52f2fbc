"""Who is told: phones and services, of the home and of what has a say of its own.

A room or a watched device is told of as the home is, also when that changes, or by those only
that its form names: none of the services is an answer, and another one than the home's.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import probatio
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .asking import fetch_info
from .const import CONF_NOTIFY, CONF_PHONES, CONF_SERVICES, TARGET_PERSISTENT
from .errors import MouldWatchClientError
from .selectors import phone_selector

CONF_TOLD: Final = "told"
CONF_WHO: Final = "who"
# in the data of a room or watched device, as the document spells it; absent: as the home
CONF_TARGETS: Final = "targets"
AS_HOME: Final = "as_home"
ONLY_THESE: Final = "only_these"
WHO_CHOICES: Final = (AS_HOME, ONLY_THESE)
TOLD_FAULTS: Final = ("service_name", "service_unknown", "told_as_home")
# before the name of a service among those who are told
SERVICE_PREFIX: Final = "apprise:"
# as the backend's settings name them
_SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Told:
    """Phones by their device ids, services by the names that the backend's settings know."""

    phones: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    @classmethod
    def from_form(cls, values: Mapping[str, Any]) -> Self:
        """Read a form; services may be written with what the document puts before them."""
        given = (name.strip().removeprefix(SERVICE_PREFIX) for name in _list(values, CONF_SERVICES))
        return cls(tuple(_list(values, CONF_PHONES)), tuple(dict.fromkeys(filter(None, given))))

    @classmethod
    def from_wire(cls, named: Iterable[str]) -> Self:
        """Read what the document says."""
        told = [one for one in named if one != TARGET_PERSISTENT]
        return cls(
            tuple(one for one in told if not one.startswith(SERVICE_PREFIX)),
            tuple(
                one.removeprefix(SERVICE_PREFIX) for one in told if one.startswith(SERVICE_PREFIX)
            ),
        )

    def as_wire(self) -> list[str]:
        """Return how the document spells them."""
        return [*self.phones, *(f"{SERVICE_PREFIX}{name}" for name in self.services)]

    def is_same(self, other: Self) -> bool:
        """Say whether it is the same ones, in whatever order."""
        return set(self.as_wire()) == set(other.as_wire())

    def service_fault(self, known: Collection[str] | None) -> str | None:
        """Return the error of a service that cannot be meant; `known` None: nobody knows."""
        if not all(_SERVICE.fullmatch(name) for name in self.services):
            return "service_name"
        return "service_unknown" if known is not None and set(self.services) - set(known) else None


async def known_services(hass: HomeAssistant, url: str, token: str) -> tuple[str, ...] | None:
    """Return the names of the services that the backend knows; None when it does not say."""
    try:
        return (await fetch_info(async_get_clientsession(hass), url, token)).services
    except MouldWatchClientError:
        return None


def service_selector(known: Collection[str] | None, chosen: Collection[str]) -> SelectSelector:
    """Return a selector of services; others can be typed."""
    return SelectSelector(
        SelectSelectorConfig(
            options=sorted({*(known or ()), *chosen}),
            multiple=True,
            custom_value=True,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


def shown_services(known: Collection[str] | None) -> str:
    """Return the known services as an error names them."""
    return ", ".join(sorted(known or ())) or "-"


@callback
def told_section(
    known: Collection[str] | None, stored: Mapping[str, Any], home: Told, fault: str | None = None
) -> section:
    """Return the section of a form in which a room or a device has a say of its own.

    Folded away, unless `fault` is one of it.
    """
    fields = {
        probatio.Required(CONF_NOTIFY, default=True): BooleanSelector(),
        probatio.Required(CONF_WHO, default=AS_HOME): SelectSelector(
            SelectSelectorConfig(
                options=list(WHO_CHOICES), translation_key="who", mode=SelectSelectorMode.LIST
            )
        ),
        probatio.Optional(CONF_PHONES): phone_selector(),
        probatio.Optional(CONF_SERVICES): service_selector(known, _shown(stored, home).services),
    }
    return section(probatio.Schema(fields), {"collapsed": fault not in TOLD_FAULTS})


@callback
def suggested_told(stored: Mapping[str, Any], home: Told) -> dict[str, Any]:
    """Return what the section shows: those of the home, where it is as the home."""
    shown = _shown(stored, home)
    return {
        CONF_NOTIFY: stored.get(CONF_NOTIFY, True),
        CONF_WHO: AS_HOME if stored.get(CONF_TARGETS) is None else ONLY_THESE,
        CONF_PHONES: list(shown.phones),
        CONF_SERVICES: list(shown.services),
    }


@callback
def told_fault(
    values: Mapping[str, Any],
    stored: Mapping[str, Any],
    home: Told,
    known: Collection[str] | None,
) -> str | None:
    """Return the error of the section: what cannot be meant, or may be meant in two ways."""
    told = Told.from_form(values)
    if values[CONF_WHO] == ONLY_THESE:
        return told.service_fault(known)
    # left as they were shown, or emptied, they do not matter
    is_meant = not any(told.is_same(one) for one in (_shown(stored, home), home, Told()))
    return "told_as_home" if is_meant else None


def told_data(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the section adds to the data of a room or device."""
    data: dict[str, Any] = {} if values[CONF_NOTIFY] else {CONF_NOTIFY: False}
    if values[CONF_WHO] == ONLY_THESE:
        # told to nobody it is still shown inside Home Assistant
        data[CONF_TARGETS] = Told.from_form(values).as_wire() or [TARGET_PERSISTENT]
    return data


def _shown(stored: Mapping[str, Any], home: Told) -> Told:
    targets = stored.get(CONF_TARGETS)
    return home if targets is None else Told.from_wire(targets)


def _list(values: Mapping[str, Any], key: str) -> list[str]:
    return list(values.get(key) or ())
