"""The kinds of rules: each turns what is known about a subject into a verdict."""
