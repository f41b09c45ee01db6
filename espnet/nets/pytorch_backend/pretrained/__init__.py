"""Layers of encoders that are pretrained on speech alone or on the web: wav2vec 2.0, HuBERT, BEATs, Whisper."""
