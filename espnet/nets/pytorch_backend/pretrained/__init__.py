"""Layers of pretrained models: wav2vec 2.0, HuBERT, BEATs, Whisper."""
