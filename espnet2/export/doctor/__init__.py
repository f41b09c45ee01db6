"""Diagnosis of graphs and modules: from a node to a line, from a difference to a layer, from an error to its cure."""
