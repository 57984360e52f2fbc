"""Messages in: broker or Home Assistant -> decode -> one transaction -> acknowledge."""
