"""Speech synthesis of discrete units."""
