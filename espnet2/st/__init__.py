"""Speech translation: models."""
