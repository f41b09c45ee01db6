"""Layers of the Transformer: attention, positional encodings, subsampling, feed-forward modules and their stacks."""
