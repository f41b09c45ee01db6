"""What is done to models before training."""
