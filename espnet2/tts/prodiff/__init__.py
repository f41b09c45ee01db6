"""ProDiff."""
