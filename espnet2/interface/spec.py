"""The ONNX interface of a module, as data.

A module says what its graph looks like by returning a `Component`. Example inputs, dynamic shapes, the shapes that
verification runs, the bundle's manifest and the documentation table are all derived from that one declaration, and
nothing here needs more than the standard library.

Axis names in use: `batch` (utterances), `samples`, `frames`, `tokens`, `beam` (running hypotheses of an utterance),
`parent` (hypotheses of the step before), `past` (tokens already in a cache).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Axis = str | int

# numpy's names of the dtypes that a graph may read and return -> ONNX's.
ONNX_TYPES = {
    "float32": "tensor(float)",
    "float64": "tensor(double)",
    "float16": "tensor(float16)",
    "int32": "tensor(int32)",
    "int64": "tensor(int64)",
    "bool": "tensor(bool)",
}


@dataclass(frozen=True)
class Length:
    """An output length as a formula of an input length: a chain of `((n + shift) // stride + extra) * times`.

    A step is (shift, stride, extra), or (shift, stride, extra, times) where every step gives several frames.

    Written once per module and used by `forward` (on integer tensors), by the runtime and by the tests (on integers).
    """

    steps: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        for step in self.steps:
            integers = len(step) in (3, 4) and all(type(number) is int for number in step)
            if not integers or step[1] < 1 or step[3:] < (1,) * len(step[3:]):
                raise ValueError(f"expected integers (shift, stride, extra) with a stride of at least 1, found {step}")

    @classmethod
    def conv(cls, kernel: int, stride: int, padding: int = 0) -> Length:
        """Length after an undilated convolution."""
        return cls(((2 * padding - kernel, stride, 1),))

    def then(self, other: Length) -> Length:
        """This formula followed by `other`."""
        return Length(self.steps + other.steps)

    @classmethod
    def multiplied(cls, times: int) -> Length:
        """Length where every step gives `times` steps."""
        return cls(((0, 1, 0, times),))

    def __call__(self, length: Any) -> Any:
        for shift, stride, extra, *times in self.steps:
            length = math.prod(times, start=(length + shift) // stride + extra)
        return length

    def shortest(self, output: int = 1) -> int:
        """The smallest input length whose output is at least `output` long, and every length in between at least 1.

        A step that adds a frame, such as a language's, needs some of the step before it, too.
        """
        for shift, stride, extra, *times in reversed(self.steps):
            output = (-(-max(output, 1) // math.prod(times)) - extra) * stride - shift
        return output

    @property
    def stride(self) -> int:
        """Input steps per output step, at least 1."""
        return max(
            math.prod(step[1] for step in self.steps) // math.prod(math.prod(step[3:]) for step in self.steps), 1
        )


@dataclass(frozen=True)
class Tensor:
    """A named input or output with a dtype (numpy's name) and named or fixed axes.

    `length_of` marks an integer vector that holds the lengths of that axis; `below` bounds the integers of an index
    tensor, by a number or by the size of a named axis. Both exist so that valid example values can be drawn.
    """

    name: str
    axes: tuple[Axis, ...]
    dtype: str = "float32"
    length_of: str = ""
    below: Axis = 0

    def __post_init__(self) -> None:
        if self.dtype not in ONNX_TYPES:
            raise ValueError(f"{self.name}: expected a dtype of {', '.join(ONNX_TYPES)}, found {self.dtype!r}")
        valid = all(isinstance(axis, str) or (type(axis) is int and axis >= 0) for axis in self.axes)
        if not isinstance(self.name, str) or not valid:
            raise TypeError(f"expected a name and axes of strings and sizes, found {self.name!r}, {self.axes}")


@dataclass(frozen=True)
class State:
    """A tensor that a step reads and returns: fed under `input.name`, given back under `output.name`."""

    input: Tensor
    output: Tensor


@dataclass(frozen=True)
class OutputLength:
    """Output axis `axis` is as long as `length` says of input axis `source`."""

    axis: str
    source: str
    length: Length = Length()

    def __post_init__(self) -> None:
        if not isinstance(self.axis, str) or not isinstance(self.source, str):
            raise TypeError(f"expected the names of axes, found {self.axis!r} and {self.source!r}")


@dataclass(frozen=True)
class Component:
    """One graph: `method` of the declaring module, called with `inputs` then `states`, returning `outputs` then states.

    `initial` gives the sizes that the states' named axes have before the first step (0 past frames, 1 parent), but for
    those that inputs have, too; a state starts as zeros of that shape. Raises `ValueError` where one is missing.

    `candidates_only` is of decoder steps: their hypotheses may end only where the end symbol is among the candidates
    that CTC scores, as upstream's search has it for decoders that it asks about one hypothesis at a time.

    Of encoders, whose memory is to be known before they run: `attention_heads` compare every output frame with every
    other one (0: none do, so that memory grows with the length alone; None: not declared), and `longest` is the number
    of input steps behind which input is left out or refused (0: there is no such limit). `least_channels` counts for an
    input with an axis `channels`.
    """

    name: str
    method: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    states: tuple[State, ...] = ()
    initial: Mapping[str, int] = field(default_factory=dict)
    lengths: tuple[OutputLength, ...] = ()
    candidates_only: bool = False
    attention_heads: int | None = None
    longest: int = 0
    least_channels: int = 1

    def __post_init__(self) -> None:
        for size in (self.attention_heads or 0, self.longest):
            if type(size) is not int or size < 0:
                raise ValueError(f"attention_heads, longest: expected integers of at least 0, found {size!r}")
        if type(self.least_channels) is not int or self.least_channels < 1:
            raise ValueError(f"least_channels: expected an integer of at least 1, found {self.least_channels!r}")
        given = {axis for tensor in self.inputs for axis in tensor.axes}
        for state in self.states:
            for axis in state.input.axes:
                if isinstance(axis, str) and axis not in given and type(self.initial.get(axis)) is not int:
                    raise ValueError(f"expected the size of axis {axis} before the first step, found none")

    @functools.cached_property
    def feeds(self) -> tuple[Tensor, ...]:
        """Everything the graph reads, in the order of its arguments."""
        return self.inputs + tuple(state.input for state in self.states)

    @functools.cached_property
    def results(self) -> tuple[Tensor, ...]:
        """Everything the graph returns, in order."""
        return self.outputs + tuple(state.output for state in self.states)

    def initial_shape(self, state: State, **sizes: int) -> tuple[int, ...]:
        """Shape of `state` before the first step; `sizes` gives the axes that `initial` leaves open."""
        known = {**sizes, **self.initial}
        return tuple(axis if isinstance(axis, int) else known[axis] for axis in state.input.axes)

    def shortest(self) -> dict[str, int]:
        """The smallest size of each input axis, at least 1, that gives every output at least one step."""
        return {rule.source: max(rule.length.shortest(), 1) for rule in self.lengths}

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and integers, as the bundle's manifest stores them."""
        return _plain(asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Component:
        """The inverse of `to_dict`; raises `KeyError`, `TypeError` or `ValueError` for what is not a component."""
        return cls(
            name=data["name"],
            method=data["method"],
            inputs=tuple(_tensor(item) for item in data["inputs"]),
            outputs=tuple(_tensor(item) for item in data["outputs"]),
            states=tuple(State(_tensor(item["input"]), _tensor(item["output"])) for item in data["states"]),
            initial=dict(data["initial"]),
            lengths=tuple(
                OutputLength(item["axis"], item["source"], Length(tuple(map(tuple, item["length"]["steps"]))))
                for item in data["lengths"]
            ),
            candidates_only=data.get("candidates_only") is True,
            attention_heads=data.get("attention_heads"),
            longest=data.get("longest", 0),
            least_channels=data.get("least_channels", 1),
        )


def _tensor(data: Mapping[str, Any]) -> Tensor:
    return Tensor(**{**data, "axes": tuple(data["axes"])})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
