"""Models that detect spoofed speech, at upstream's paths."""
