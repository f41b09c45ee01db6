"""Speech synthesis whose vocoder is trained against discriminators."""
