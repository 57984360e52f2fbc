"""What a room tells of, and how loudly: a folded section of its form."""

from collections.abc import Mapping
from typing import Any, Final

import probatio
from homeassistant.core import callback
from homeassistant.data_entry_flow import section

from .const import CONF_RULES
from .rule_choice import USUAL, rule_choice, rule_selector, rule_settings
from .selectors import Bounds, number

CONF_MOULD: Final = "mould_level"
CONF_CONDENSATION: Final = "condensation"
CONF_CONDENSATION_MINUTES: Final = "condensation_minutes"
CONF_NO_DATA: Final = "no_data"
_KINDS: Final = (CONF_MOULD, CONF_CONDENSATION, CONF_NO_DATA)
_CONDENSATION_MINUTES: Final[Bounds] = (0, 1440, 5, "min")


@callback
def rules_section() -> section:
    """Return the section."""
    fields = {
        probatio.Required(CONF_MOULD, default=USUAL): rule_selector(),
        probatio.Required(CONF_CONDENSATION, default=USUAL): rule_selector(),
        probatio.Optional(CONF_CONDENSATION_MINUTES): number(*_CONDENSATION_MINUTES),
        probatio.Required(CONF_NO_DATA, default=USUAL): rule_selector(),
    }
    return section(probatio.Schema(fields), {"collapsed": True})


@callback
def suggested_rules(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section's values of a stored room."""
    rules = stored.get(CONF_RULES, {})
    shown: dict[str, Any] = {kind: rule_choice(rules.get(kind, {})) for kind in _KINDS}
    if (minutes := rules.get(CONF_CONDENSATION, {}).get("minutes")) is not None:
        shown[CONF_CONDENSATION_MINUTES] = minutes
    return shown


def rules_data(values: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the section adds to the room's data; what it does not show stays as it is."""
    rules = {kind: dict(settings) for kind, settings in stored.get(CONF_RULES, {}).items()}
    for kind in _KINDS:
        settings = rules.setdefault(kind, {})
        settings.pop("enabled", None)
        settings.pop("severity", None)
        settings |= rule_settings(values[kind])
    condensation = rules[CONF_CONDENSATION]
    condensation.pop("minutes", None)
    if (minutes := values.get(CONF_CONDENSATION_MINUTES)) is not None:
        condensation["minutes"] = minutes
    rules = {kind: settings for kind, settings in rules.items() if settings}
    return {CONF_RULES: rules} if rules else {}
