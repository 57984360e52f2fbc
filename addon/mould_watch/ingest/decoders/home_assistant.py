"""Whatever announces itself to Home Assistant by MQTT discovery (ingest/discovery/)."""

from typing import Annotated, Final

from pydantic import AfterValidator

from mould_watch.ingest.decoder import Family
from mould_watch.ingest.discovery.decoder import DiscoveryDecoder


def _prefix(value: str) -> str:
    value = value.strip("/")
    if not value or set("+# ") & set(value):
        raise ValueError("write a topic prefix like homeassistant")
    return value


FAMILY: Final = Family(
    setting="discovery_prefix",
    type=Annotated[str, AfterValidator(_prefix)],
    default="homeassistant",
    build=lambda prefix: [DiscoveryDecoder(prefix)],
)
