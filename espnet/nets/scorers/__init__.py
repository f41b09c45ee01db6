"""Scorers that do not belong to one model: CTC prefix, length bonus, n-gram, exported step graphs."""
