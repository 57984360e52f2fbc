"""Names shared by the parts of the integration."""

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "mould_watch"
PLATFORMS: Final = (Platform.BINARY_SENSOR, Platform.BUTTON, Platform.SENSOR)

API_VERSION: Final = 1
CLIENT_NAME: Final = "home_assistant"
CLIENT_VERSION: Final = "0.1.0"

SUBENTRY_ROOM: Final = "room"
SUBENTRY_DEVICE: Final = "device"

# entry.data beside URL and token: the user chose to take the backend over from another owner
CONF_TAKE_OVER: Final = "take_over"
# entry.options
CONF_OUTDOOR: Final = "outdoor"
CONF_PHONES: Final = "phones"
CONF_QUIET_HOURS: Final = "quiet_hours"
CONF_RULES: Final = "rules"
# names of services that the backend's own settings know
CONF_SERVICES: Final = "services"
# subentry.data
CONF_SOURCES: Final = "sources"
CONF_TEMPERATURE: Final = "temperature"
CONF_HUMIDITY: Final = "humidity"
CONF_PROTECT: Final = "protect"
CONF_NOTIFY: Final = "notify"
# limits of a room's air, as the document spells them
CONF_THRESHOLDS: Final = "metric_thresholds"

METRIC_TEMPERATURE: Final = "temperature_c"
METRIC_HUMIDITY: Final = "humidity_pct"
METRIC_PRESSURE: Final = "pressure_hpa"
METRIC_CO2: Final = "co2_ppm"
METRIC_ILLUMINANCE: Final = "illuminance_lx"
METRIC_MOISTURE: Final = "moisture_pct"
METRIC_BATTERY: Final = "battery_pct"
# the unit of each metric; temperatures are shown in the home's own
METRIC_UNITS: Final = {
    METRIC_TEMPERATURE: "°C",
    METRIC_HUMIDITY: "%",
    METRIC_PRESSURE: "hPa",
    METRIC_CO2: "ppm",
    METRIC_ILLUMINANCE: "lx",
    METRIC_MOISTURE: "%",
    METRIC_BATTERY: "%",
}

PROTECT_CHOICES: Final = ("cold_wall", "window", "insulated_wall", "cellar", "things")
DEFAULT_PROTECT: Final = "cold_wall"
# whether something always was so, or is so from a time on
APPLIES_FROM: Final = ("now", "always")
LEVELS: Final = ("none", "watch", "warning", "high", "damage")
REASONS: Final = (
    "dry",
    "damp_building_up",
    "surface_damp",
    "mould",
    "drying",
    "learning",
    "no_data",
    "no_outdoor_data",
)
OUTLOOKS: Final = ("growing", "not_expected", "unknown")
AIRING_EFFECTS: Final = ("helps", "harms", "neutral", "unknown")

TARGET_PERSISTENT: Final = "persistent"
MOBILE_APP: Final = "mobile_app"
MANUFACTURER: Final = "Mould Watch"
MODEL_ROOM: Final = "Watched room"
MODEL_DEVICE: Final = "Watched device"
MODEL_BACKEND: Final = "Backend"
