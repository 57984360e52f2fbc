"""What is measured, one file each: its docstring says what, and beside which rival.

A file has `NEEDS`, the parts of `scripts/setup` it runs on beside `tests`, and `main(arguments)`,
which prints its result as one JSON object on the last line and returns the exit code.
"""
