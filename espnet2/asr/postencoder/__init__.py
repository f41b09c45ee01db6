"""What follows an encoder."""
