"""The parts of `scripts/bench ingest`: the load, the contenders, and Home Assistant."""
