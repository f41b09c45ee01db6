"""ESPnet models that export to ONNX as they are, and a runtime for them that does without PyTorch."""

import os

from espnet import __version__ as __version__

# onnxruntime reads this when it is imported; else it keeps an identifier of the device in the user's cache directory.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
