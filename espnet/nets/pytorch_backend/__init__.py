"""PyTorch layers of the models, each exportable to ONNX as it is."""
