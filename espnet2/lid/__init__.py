"""Models that identify the language of speech, at upstream's paths."""
