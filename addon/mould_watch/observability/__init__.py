"""Logs, counters and health."""
