"""Front ends that read tokens."""
