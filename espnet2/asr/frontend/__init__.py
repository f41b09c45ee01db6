"""Front ends: samples in, features out."""
