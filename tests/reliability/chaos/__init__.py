"""Seeded faults against the whole backend, and a ledger that says what became of each message."""
