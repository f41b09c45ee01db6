"""What models and training share."""
