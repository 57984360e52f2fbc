"""Where the demo finds its programs and keeps its files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The clone."""

TOOLCHAIN = ROOT / ".toolchain"
MOSQUITTO = TOOLCHAIN / "bin" / "mosquitto"
BACKEND = TOOLCHAIN / "envs" / "backend" / "bin" / "mould-watch"
HASS = TOOLCHAIN / "envs" / "home-assistant" / "bin" / "hass"

INTEGRATION = ROOT / "custom_components" / "mould_watch"
DEMO = ROOT / ".demo"
"""Everything the demo keeps; ignored by git, safe to delete (`--reset` does)."""
