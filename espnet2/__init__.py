"""ESPnet models that export to ONNX as they are, and a runtime for them that does without PyTorch."""

from espnet import __version__ as __version__
