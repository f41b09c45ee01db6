"""The batches of an epoch, loaded by several processes."""
