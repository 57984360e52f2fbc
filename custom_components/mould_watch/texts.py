"""What the integration itself says outside of forms, in Home Assistant's language."""

from collections.abc import Mapping
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN

_PREFIX: Final = f"component.{DOMAIN}.common."


async def common_texts(hass: HomeAssistant) -> Mapping[str, str]:
    """Return the texts of `common` in translations/, by their keys; Home Assistant keeps them."""
    found = await async_get_translations(hass, hass.config.language, "common", {DOMAIN})
    return {key.removeprefix(_PREFIX): text for key, text in found.items()}
