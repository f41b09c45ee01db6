"""Tasks: configuration, choices of classes, building and loading of models, training."""
