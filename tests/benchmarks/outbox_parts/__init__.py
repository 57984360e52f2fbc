"""What `scripts/bench outbox` compares."""
