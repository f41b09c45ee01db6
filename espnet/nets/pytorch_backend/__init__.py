"""PyTorch layers that the models are built of, each exportable to ONNX as it is."""
