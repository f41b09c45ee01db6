"""Vocabulary of all other packages: tensors and components, errors, graphs, checks; standard library only."""
