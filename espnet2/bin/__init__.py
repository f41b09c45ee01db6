"""Command lines: each parses its options, calls one function, and returns an exit status."""
