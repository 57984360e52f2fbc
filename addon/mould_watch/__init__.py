"""Mould Watch: observes a home, stores every signal, judges the mould risk, notifies once."""

__version__ = "0.1.0"
