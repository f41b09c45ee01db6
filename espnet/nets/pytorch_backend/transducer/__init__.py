"""What transducers are trained with."""
