"""Post-encoders."""
