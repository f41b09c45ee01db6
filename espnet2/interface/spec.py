"""The ONNX interface of a module, as data.

A module says what its graph looks like by returning a `Component`. Example inputs, dynamic shapes, the shapes that
verification runs, the bundle's manifest and the documentation table are all derived from that one declaration, and
nothing here needs more than the standard library.

Axis names in use: `batch` (utterances), `samples`, `frames`, `tokens`, `beam` (running hypotheses of an utterance),
`parent` (hypotheses of the step before), `past` (tokens already in a cache), `rows` (tokens of all hypotheses in a
cache that they share). A name such as `past+1` is that axis and one step more.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from espnet2.interface.errors import BundleError

Axis = str | int
Attribute = bool | int | str

Value = TypeVar("Value", bool, int, str)

# numpy's names of the dtypes that a graph may read and return -> ONNX's.
ONNX_TYPES = {
    "float32": "tensor(float)",
    "float64": "tensor(double)",
    "float16": "tensor(float16)",
    "int32": "tensor(int32)",
    "int64": "tensor(int64)",
    "bool": "tensor(bool)",
}
FLOATS = ("float32", "float64", "float16")
# Attributes that mean the same with this value as without it, which is how interfaces of format 1 write them.
DEFAULTS = {"candidates_only": False, "attention_heads": None, "longest": 0, "least_channels": 1}
INTEGERS, FLAGS = ("attention_heads", "longest", "least_channels"), ("candidates_only",)  # attributes of every family


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

    The rest says which values an input may have, so that valid examples can be drawn; an output may state its bounds.

    Attributes:
        length_of: The axis whose lengths this integer vector holds.
        below: Bound of the values (exclusive): a number, or the size of the named axis. 0: there is none, and floats
            are of a standard normal distribution.
        least: The smallest value, where there is a bound: durations of 0 to 5 frames have `below=6`, speakers that are
            numbered from 1 to 9 `least=1, below=10`, factors of a speed for example `least=0.5, below=2.0`.
        noise: Whether it is noise, which whoever runs the graph draws, with a seed: of a standard normal distribution,
            or uniform from `least` to `below`, where it has bounds.
    """

    name: str
    axes: tuple[Axis, ...]
    dtype: str = "float32"
    length_of: str = ""
    below: Axis | float = 0
    least: float = 0
    noise: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in ONNX_TYPES:
            raise ValueError(f"{self.name}: expected a dtype of {', '.join(ONNX_TYPES)}, found {self.dtype!r}")
        valid = all(isinstance(axis, str) or (type(axis) is int and axis >= 0) for axis in self.axes)
        if not isinstance(self.name, str) or not valid:
            raise TypeError(f"expected a name and axes of strings and sizes, found {self.name!r}, {self.axes}")
        bounds = isinstance(self.below, str) or not self.below or self.below > self.least
        if not bounds or (self.least and not self.below):
            raise ValueError(f"{self.name}: expected values from least to below, found {self.least} and {self.below}")
        if self.noise and (self.dtype not in FLOATS or isinstance(self.below, str) or self.length_of):
            raise ValueError(f"{self.name}: expected noise of floating point, found {self.dtype}")

    def to_dict(self) -> dict[str, Any]:
        """Name, axes and dtype, and what else differs from the default."""
        given = {item.name: getattr(self, item.name) for item in fields(self)[3:]}
        return {
            **{"name": self.name, "axes": list(self.axes), "dtype": self.dtype},
            **{name: value for name, value in given.items() if value},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tensor:
        """The inverse of `to_dict`."""
        return cls(**{**data, "axes": tuple(data["axes"])})


@dataclass(frozen=True)
class State:
    """A tensor that a step reads and returns: fed under `input.name`, given back under `output.name`.

    The output is the next step's input. Where `appended` names an axis of the input, the output holds the new steps of
    that axis alone, one for each hypothesis, and whoever runs the graph appends them: the graph copies no cache.
    """

    input: Tensor
    output: Tensor
    appended: str = ""

    def __post_init__(self) -> None:
        if self.appended and self.appended not in self.input.axes:
            raise ValueError(f"{self.input.name}: expected an axis of {self.input.axes}, found {self.appended!r}")

    def to_dict(self) -> dict[str, Any]:
        """Both tensors, and the axis where there is one."""
        pair = {"input": self.input.to_dict(), "output": self.output.to_dict()}
        return {**pair, "appended": self.appended} if self.appended else pair

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> State:
        """The inverse of `to_dict`."""
        return cls(Tensor.from_dict(data["input"]), Tensor.from_dict(data["output"]), data.get("appended", ""))


@dataclass(frozen=True)
class OutputLength:
    """Output axis `axis` is as long as `length` says of input axis `source`; several rules of one axis add up."""

    axis: str
    source: str
    length: Length = Length()

    def __post_init__(self) -> None:
        if not isinstance(self.axis, str) or not isinstance(self.source, str):
            raise TypeError(f"expected the names of axes, found {self.axis!r} and {self.source!r}")


@dataclass(frozen=True)
class Component:
    """One graph: `method` of the declaring module, called with `inputs` then `states`, returning `outputs` then states.

    Whether an optional input is there is fixed at export: a module lists it where it was built to read it (speaker
    vectors, say), and not where it was not; `method` takes what is listed, in that order.

    Attributes:
        initial: Sizes that the states' named axes have before the first step (0 past frames, 1 parent), but for those
            that inputs have, too; a state starts as zeros of that shape. Raises `ValueError` where one is missing.
        lengths: Formulas of output axes. Each named axis of an output has one, or is an axis of an input (or that and
            some steps more, `past+1`), or is `data_dependent`.
        data_dependent: Output axes whose size depends on values (frames: the sum of durations), for which there is no
            formula of sizes.
        attributes: Whatever else users of the graph need to know, by name; `attribute` reads one.
    """

    name: str
    method: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    states: tuple[State, ...] = ()
    initial: Mapping[str, int] = field(default_factory=dict)
    lengths: tuple[OutputLength, ...] = ()
    data_dependent: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.attributes.items():
            if type(value) not in (bool, int, str) or (type(value) is int and value < 0):
                raise ValueError(f"{name}: expected true, false, a string or an integer of at least 0, found {value!r}")
        given = {axis for tensor in self.inputs for axis in tensor.axes}
        for state in self.states:
            for axis in state.input.axes:
                if isinstance(axis, str) and axis not in given and type(self.initial.get(axis)) is not int:
                    raise ValueError(f"expected the size of axis {axis} before the first step, found none")

    def attribute(self, name: str, default: Value) -> Value:
        """The attribute `name`, `default` where it is not declared; raises `BundleError` for one of another type."""
        value = self.attributes.get(name, default)
        if type(value) is not type(default):
            expected = type(default).__name__
            raise BundleError(f"{self.name}: attributes.{name}: expected a value of type {expected}, found {value!r}")
        return value

    @property
    def longest(self) -> int:
        """Input steps behind which input is left out or refused; 0: there is no such limit."""
        return self.attribute("longest", 0)

    @property
    def least_channels(self) -> int:
        """The smallest size of an input axis `channels`."""
        return max(self.attribute("least_channels", 1), 1)

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

    def shortest(self, output: int = 1) -> dict[str, int]:
        """The smallest size of each input axis, at least 1, that gives every output axis at least `output` steps."""
        return self._of_sources(lambda length: length.shortest(output))

    def strides(self) -> dict[str, int]:
        """Steps of each input axis per step of the output axis that has the fewest."""
        return self._of_sources(lambda length: length.stride)

    def _of_sources(self, number: Callable[[Length], int]) -> dict[str, int]:
        """The largest `number`, at least 1, of the formulas of each input axis."""
        found: dict[str, int] = {}
        for rule in self.lengths:
            found[rule.source] = max(number(rule.length), found.get(rule.source, 1))
        return found

    def output_sizes(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """The sizes of all named output axes that have one, by those of the input axes.

        Raises `ValueError` for an axis that is neither declared as `lengths` says, nor an input's.
        """
        found: dict[str, int] = {}
        for rule in self.lengths:
            found[rule.axis] = found.get(rule.axis, 0) + rule.length(_reached(sizes[rule.source], self.longest))
        known = {**sizes, **found}
        for axis in (axis for tensor in self.results for axis in tensor.axes if isinstance(axis, str)):
            base, _, more = axis.partition("+")
            if axis not in known and base in sizes and more.isdecimal() and len(more) < 10:
                known[axis] = sizes[base] + int(more)
            if axis not in known and axis not in self.data_dependent:
                raise ValueError(f"axis {axis}: expected an input's axis, a formula or data_dependent, found none")
        return known

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, as the bundle's manifest stores them."""
        return {
            "name": self.name,
            "method": self.method,
            "inputs": [tensor.to_dict() for tensor in self.inputs],
            "outputs": [tensor.to_dict() for tensor in self.outputs],
            "states": [state.to_dict() for state in self.states],
            "initial": dict(self.initial),
            "lengths": [_plain(asdict(rule)) for rule in self.lengths],
            "data_dependent": list(self.data_dependent),
            "attributes": dict(self.attributes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Component:
        """The inverse of `to_dict`, which reads interfaces of bundles of format 1, too.

        Raises `KeyError`, `TypeError` or `ValueError` for what is not a component.
        """
        former = {key: data[key] for key, default in DEFAULTS.items() if data.get(key, default) != default}
        return cls(
            name=data["name"],
            method=data["method"],
            inputs=tuple(map(Tensor.from_dict, data["inputs"])),
            outputs=tuple(map(Tensor.from_dict, data["outputs"])),
            states=tuple(map(State.from_dict, data["states"])),
            initial=dict(data["initial"]),
            lengths=tuple(
                OutputLength(item["axis"], item["source"], Length(tuple(map(tuple, item["length"]["steps"]))))
                for item in data["lengths"]
            ),
            data_dependent=tuple(data.get("data_dependent", ())),
            attributes={**former, **data.get("attributes", {})},
        )


def _reached(size: int, longest: int) -> int:
    """Input steps that count, where those behind `longest` are left out."""
    return min(size, longest) if longest else size


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
