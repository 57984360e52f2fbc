"""Broken payloads by the hundred thousand, and what must be true of whatever becomes of them."""
