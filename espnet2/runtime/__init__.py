"""Speech recognition from a bundle, on numpy and onnxruntime alone: `from espnet2.runtime import Speech2Text`."""
