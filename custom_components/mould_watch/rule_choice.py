"""How serious a rule is, as forms ask for it: one choice for its severity, and off."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

USUAL: Final = "usual"
OFF: Final = "off"
RULE_CHOICES: Final = (USUAL, "watch", "warning", "high", OFF)


def rule_selector() -> SelectSelector:
    """Return a selector of how serious a rule is."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(RULE_CHOICES), translation_key="rule", mode=SelectSelectorMode.DROPDOWN
        )
    )


def rule_choice(settings: Mapping[str, Any]) -> str:
    """Return the form's spelling of a rule's settings."""
    if settings.get("enabled") is False:
        return OFF
    return str(settings.get("severity") or USUAL)


def rule_settings(choice: str) -> dict[str, Any]:
    """Return a rule's settings of the form's spelling; the usual ones are not stored."""
    match choice:
        case "usual":
            return {}
        case "off":
            return {"enabled": False}
        case severity:
            return {"severity": severity}
