"""The interface of a graph, at the path that scripts import it from; see `espnet2.interface.spec`."""

from espnet2.interface.spec import ONNX_TYPES, Axis, Component, Length, OutputLength, State, Tensor

__all__ = ["ONNX_TYPES", "Axis", "Component", "Length", "OutputLength", "State", "Tensor"]
