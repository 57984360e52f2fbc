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
# of a limit, which is a warning where nothing else is said
USUAL_OF_A_LIMIT: Final = "warning"
LIMIT_CHOICES: Final = ("watch", "warning", "high", OFF)


def rule_selector() -> SelectSelector:
    """Return a selector of how serious a rule is."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(RULE_CHOICES), translation_key="rule", mode=SelectSelectorMode.DROPDOWN
        )
    )


def limit_selector() -> SelectSelector:
    """Return a selector of how serious it is when a limit is crossed."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(LIMIT_CHOICES),
            translation_key="severity",
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


def rule_choice(settings: Mapping[str, Any], usual: str = USUAL) -> str:
    """Return the form's spelling of a rule's settings."""
    return OFF if settings.get("enabled") is False else str(settings.get("severity") or usual)


def rule_settings(choice: str, usual: str = USUAL) -> dict[str, Any]:
    """Return a rule's settings of the form's spelling; the usual ones are not stored."""
    if choice == usual:
        return {}
    return {"enabled": False} if choice == OFF else {"severity": choice}
