"""Where a device has its power from: what sleeps to spare its battery may be silent for long."""

from enum import StrEnum


class PowerSource(StrEnum):
    """What is said of a device's power. Same words as the database's power_source."""

    MAINS = "mains"
    # its own, so that it sleeps; also where some of a kind have a cable and nobody tells which
    BATTERY = "battery"


def together(one: PowerSource | None, other: PowerSource | None) -> PowerSource | None:
    """Return what two statements about a device come to; None: nothing is known.

    A battery counts, whoever speaks of it and whenever: whatever has one may sleep.
    """
    if PowerSource.BATTERY in {one, other}:
        return PowerSource.BATTERY
    return one or other
