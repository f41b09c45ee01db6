"""Speaker models: encoders, poolings, projectors, losses."""
