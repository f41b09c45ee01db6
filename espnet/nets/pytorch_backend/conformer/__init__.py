"""Layers that the Conformer adds to the Transformer's."""
