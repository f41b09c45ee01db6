"""Features, pitch and energy of speech that is synthesised."""
