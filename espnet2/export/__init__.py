"""From modules to a verified bundle: the only maker of graphs. Needs the `export` extra (torch, onnx, onnxscript)."""
