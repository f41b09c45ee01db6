"""Models that classify speech and other sounds, at upstream's paths."""
