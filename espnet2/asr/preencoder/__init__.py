"""What adapts features to an encoder."""
