"""Masked language models of Mask-CTC, which fill in tokens with low CTC probability."""
