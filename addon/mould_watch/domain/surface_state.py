"""What a room's air does to the watched surface at one moment."""

from mould_watch.domain.climate import Air
from mould_watch.domain.condition import Surface
from mould_watch.domain.critical_humidity import (
    DEFAULT_CLASS,
    MaterialClass,
    critical_humidity_pct,
    grows_at,
)
from mould_watch.domain.surface import SurfaceModel, surface_humidity_pct


def surface_now(
    air: Air, model: SurfaceModel, material: MaterialClass = DEFAULT_CLASS
) -> Surface | None:
    """Return the state of the surface in this air; None where something needed is missing."""
    if air.temperature_c is None or air.humidity_pct is None:
        return None
    surface_c = model.surface_temperature_c(
        air.temperature_c, air.outdoor_temperature_c, air.surface_temperature_c
    )
    if surface_c is None:
        return None
    return Surface(
        temperature_c=surface_c,
        humidity_pct=surface_humidity_pct(air.temperature_c, air.humidity_pct, surface_c),
        critical_humidity_pct=critical_humidity_pct(surface_c, material),
    )


def is_damp(surface: Surface) -> bool:
    """Say whether mould can grow on this surface."""
    return grows_at(surface.temperature_c) and surface.humidity_pct >= surface.critical_humidity_pct


def is_dry(surface: Surface, margin_pct: float) -> bool:
    """Say whether this surface is safely below where mould can grow."""
    return surface.humidity_pct < surface.critical_humidity_pct - margin_pct
