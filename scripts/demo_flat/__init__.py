"""The demo: a simulated flat, a real Home Assistant, and everything between them.

`scripts/demo` starts it; the end-to-end tests use its parts (processes, broker, Home
Assistant, phone) so that both run the same thing.
"""
