"""FastSpeech 2 over discrete units."""
