"""One file for each kind of sensor. `ingest/registry.py` finds them by their `FAMILY`."""
