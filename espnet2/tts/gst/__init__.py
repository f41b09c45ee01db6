"""Global style tokens."""
