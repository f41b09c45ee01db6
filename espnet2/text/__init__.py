"""Text to tokens to indices, and back."""
