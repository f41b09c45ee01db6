"""Pre-encoders."""
