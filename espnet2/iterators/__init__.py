"""Iterators over the batches of an epoch, loaded by several processes."""
