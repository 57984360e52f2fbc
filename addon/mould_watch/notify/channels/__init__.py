"""The ways of delivering notifications."""
