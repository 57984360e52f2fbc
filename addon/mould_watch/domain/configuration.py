"""What Home Assistant tells the backend: the home and its rooms. See docs/protocol.md.

Absent means default: a value the user never changed is not in the document, so that a better
default reaches everyone.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from mould_watch.domain.critical_humidity import MaterialClass
from mould_watch.domain.document import DocumentPart as _Document
from mould_watch.domain.document import Told
from mould_watch.domain.rules.settings import (
    BackendRules,
    DeviceRules,
    RoomRules,
    RoomThreshold,
    ThresholdSettings,
)

PERSISTENT_TARGET: Final = "persistent"
"""The notification target of a home without a phone: a notification inside Home Assistant."""


class DeviceSource(_Document):
    """A device that the backend hears itself (MQTT)."""

    kind: Literal["device"] = "device"
    source_instance: str = Field(min_length=1, max_length=255)
    native_id: str = Field(min_length=1, max_length=255)


class EntitySource(_Document):
    """A Home Assistant entity, forwarded by the integration."""

    kind: Literal["entity"] = "entity"
    registry_id: str = Field(min_length=1, max_length=255)
    # A label for people; the registry id is the identity.
    entity_id: str | None = Field(default=None, max_length=255)


type Source = Annotated[DeviceSource | EntitySource, Field(discriminator="kind")]


class WeatherOutdoor(_Document):
    """Outdoor air from a weather entity: one forwarded device with both metrics."""

    kind: Literal["weather"] = "weather"
    weather: EntitySource


class MeasuredOutdoor(_Document):
    """Outdoor air from sensors."""

    kind: Literal["measured"] = "measured"
    temperature: Source
    humidity: Source


class FixedOutdoor(_Document):
    """Outdoor air taken as constant."""

    kind: Literal["fixed"] = "fixed"
    temperature_c: float = Field(ge=-60, le=60)
    humidity_pct: float = Field(gt=0, le=100)


type Outdoor = Annotated[
    WeatherOutdoor | MeasuredOutdoor | FixedOutdoor, Field(discriminator="kind")
]


class QuietHours(_Document):
    """Local times of day, "HH:MM"; may span midnight."""

    start: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class HomeConfiguration(_Document):
    """What holds for the whole home."""

    outdoor: Outdoor | None = None
    # who is told: mobile_app device ids, and "apprise:<name>" for other ways the backend's settings
    # name; none: a persistent notification inside Home Assistant
    phones: tuple[str, ...] = ()
    quiet_hours: QuietHours | None = None
    language: str = Field(default="en", max_length=35)
    time_zone: str = Field(default="UTC", max_length=64)
    temperature_unit: Literal["°C", "°F"] = "°C"
    # the rules about the backend itself
    rules: BackendRules = BackendRules()


class Protect(StrEnum):
    """What a room's rule protects; decides the default surface."""

    COLD_WALL = "cold_wall"
    WINDOW = "window"
    INSULATED_WALL = "insulated_wall"
    CELLAR = "cellar"
    THINGS = "things"


class RoomSources(_Document):
    """Where a room's climate is measured: one source per metric."""

    temperature: Source
    humidity: Source
    # a sensor on the cold spot itself
    surface_temperature: Source | None = None


class SurfaceKind(StrEnum):
    """How the temperature of the watched surface is known."""

    # by a factor between outside and room air
    F_RSI = "f_rsi"
    # by the factor that a U-value leads to
    U_VALUE = "u_value"
    # measured by `sources.surface_temperature`
    SENSOR = "sensor"
    # always the same: `surface_temperature_c`
    FIXED = "fixed"
    # a heavy wall, or one in the ground: the factor, and the mean outside of `surface_mean_days`
    SLOW = "slow"
    # things in the room are as warm as its air
    ROOM_AIR = "room_air"


class VisibleMould(StrEnum):
    """What the user saw there when the room was set up: "Do you see mould there now?"."""

    NONE = "none"
    SPOTS = "spots"
    A_LOT = "a_lot"


_TOLD_INDEX: Final = {VisibleMould.SPOTS: 3.0, VisibleMould.A_LOT: 4.0}


def told_index(seen: VisibleMould) -> float | None:
    """Return the mould index that is seen so; None: nothing is, and the readings tell."""
    return _TOLD_INDEX.get(seen)


class AppliesFrom(StrEnum):
    """From when a changed configuration counts: it always was so, or only from now."""

    ALWAYS = "always"
    NOW = "now"


U_VALUE_MOST_PANE: Final = 6.0
U_VALUE_MOST_WALL: Final = 3.1
"""Beyond these (W/m²K) the temperature factor of the surface would be below 0.2."""

DECLINES: Final = (1.0, 0.5, 0.25, 0.1)


def _is_decline(factor: float) -> float:
    if factor not in DECLINES:
        raise ValueError("the decline is 1, 0.5, 0.25 or 0.1")
    return factor


type Decline = Annotated[float, AfterValidator(_is_decline)]


DEFAULT_HIGH_INDEX: Final = 1.0
DEFAULT_DAMAGE_INDEX: Final = 3.0
"""Growth has begun, under a microscope; it can be seen."""


class LevelSettings(_Document):
    """From where a mould level begins; None: the default.

    Damper than `damp_pct` at the surface for `damp_hours` of a day, on `damp_days` of seven: watch.
    """

    damp_pct: float | None = Field(default=None, ge=60, le=95)
    damp_hours: float | None = Field(default=None, ge=1, le=24)
    damp_days: int | None = Field(default=None, ge=1, le=7)
    # index 1 forecast within so many weeks: warning
    warning_weeks: float | None = Field(default=None, ge=1, le=26)
    high_index: float | None = Field(default=None, ge=0.2, le=5.9)
    damage_index: float | None = Field(default=None, ge=0.3, le=6)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        high = DEFAULT_HIGH_INDEX if self.high_index is None else self.high_index
        damage = DEFAULT_DAMAGE_INDEX if self.damage_index is None else self.damage_index
        if damage <= high:
            message = f"damage begins above the index of high: {damage:g} is not above {high:g}"
            raise ValueError(message)
        return self


class RoomConfiguration(Told):
    """One room. Every optional value absent means the default of this version."""

    room_id: UUID
    name: str = Field(min_length=1, max_length=120)
    sources: RoomSources
    protect: Protect = Protect.COLD_WALL
    # None: by what is set below, else the default for `protect`
    surface_kind: SurfaceKind | None = None
    # temperature factor of the coldest surface; None: as calibrated, else the default for `protect`
    f_rsi: float | None = Field(default=None, ge=0.2, le=1.0)
    u_value_w_m2_k: float | None = Field(default=None, ge=0.1, le=6.0)
    # temperature of a ground-coupled surface (cellar); None: the default for `protect`
    surface_temperature_c: float | None = Field(default=None, ge=-10, le=40)
    # how many days of outdoor temperature a slow surface follows the mean of
    surface_mean_days: float | None = Field(default=None, ge=1, le=365)
    material: MaterialClass | None = None
    # how fast the index declines on a dry surface (C_mat)
    decline: Decline | None = None
    # how far the humidity sensor may be off: the band of the index
    humidity_uncertainty_pct: float | None = Field(default=None, ge=0, le=10)
    levels: LevelSettings = LevelSettings()
    # how far below critical, and for how long, the surface is dry enough for an incident to end
    recovery_margin_pct: float | None = Field(default=None, ge=1, le=20)
    recovery_hours: float | None = Field(default=None, ge=1, le=48)
    visible_mould: VisibleMould | None = None
    # of what changed with this document; None: from now
    applies_from: AppliesFrom | None = None
    # of the rule before `levels` (surface_damp): taken, and of no effect any more
    damp_hours: float | None = Field(default=None, ge=1, le=24)
    damp_readings: int | None = Field(default=None, ge=1, le=1000)
    rules: RoomRules = RoomRules()
    # thresholds on the metrics of its sources, whichever devices these are
    metric_thresholds: tuple[RoomThreshold, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _has_what_its_surface_needs(self) -> Self:
        if self.surface_kind is SurfaceKind.SENSOR and self.sources.surface_temperature is None:
            raise ValueError("a measured surface needs sources.surface_temperature")
        if self.surface_kind is SurfaceKind.U_VALUE:
            if self.u_value_w_m2_k is None:
                raise ValueError("a surface by its U-value needs u_value_w_m2_k")
            most = U_VALUE_MOST_PANE if self.protect is Protect.WINDOW else U_VALUE_MOST_WALL
            if self.u_value_w_m2_k > most:
                raise ValueError(f"no factor is so low: a U-value of at most {most} can be used")
        return self


class DeviceConfiguration(Told):
    """One device, in a room or in none: when it is silent, and what its metrics may be."""

    source: Source
    # what people call it; None: its own name
    name: str | None = Field(default=None, min_length=1, max_length=120)
    rules: DeviceRules = DeviceRules()
    thresholds: tuple[ThresholdSettings, ...] = Field(default=(), max_length=50)


class ConfigurationHead(_Document):
    """The document without its rooms' contents: one bad room never blocks the others."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    owner: str = Field(min_length=1, max_length=255)
    revision: int = Field(ge=0, lt=2**63)
    home: HomeConfiguration
