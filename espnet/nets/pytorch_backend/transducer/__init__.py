"""Training loss of transducers."""
