"""Families of models, torch-free: three bases (`search`, `synthesis`, `map`) and an object for each family."""
