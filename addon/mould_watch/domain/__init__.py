"""The pure core: no input, no output, no clock, no randomness of its own."""
