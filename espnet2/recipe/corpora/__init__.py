"""Data preparation: a corpus as its publisher lays it out in, Kaldi-style data directories out."""
