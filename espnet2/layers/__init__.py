"""Signal processing and normalisation layers."""
