"""What every other package speaks: tensors and components, errors, graphs that run, checks; standard library only."""
