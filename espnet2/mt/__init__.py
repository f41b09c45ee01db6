"""Machine translation: models and front ends."""
