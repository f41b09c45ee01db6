"""Origin of each node of a graph: module path, source line and operation, as `torch.onnx.export` records them.

Bundles hold none of this, since it names the files of whoever exported. `export_onnx --debug` writes it beside the
bundle, and graphs that others exported have it in their nodes' `metadata_props`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from espnet2.interface.errors import BundleError, reason_of
from espnet2.utils.atomic import write_text
from espnet2.utils.json_file import read_json

SCOPES, CLASSES, STACK = (f"pkg.torch.onnx.{key}" for key in ("name_scopes", "class_hierarchy", "stack_trace"))
OUTERMOST = ("module", "_empty_nn_module_stack_from_metadata_hook")  # names of what is part of no named module
TEXTS, LISTS = ("name", "operator", "module", "class_name"), ("inputs", "outputs", "weights")  # of a node
DEBUG_SUFFIX = ".debug"  # of the directory beside a bundle
FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)(?:\n    (?P<code>[^\n]*))?')
# Files of PyTorch, and of packages whose functions take part of a module's work, but are not where its author erred.
PACKAGES = re.compile(
    r"-packages[/\\](torch|functorch|onnxscript|numpy|einops|typeguard|opt_einsum)[/\\]"
    r"|[/\\]torch[/\\](nn|fx|onnx|export|utils|jit|autograd|_|functional\.py|overrides\.py)"
    r"|espnet2[/\\]export[/\\]trace\.py|^<"
)


@dataclass(frozen=True)
class Frame:
    """A line of source code."""

    file: str
    line: int
    code: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f": {self.code}" if self.code else "")


@dataclass(frozen=True)
class Node:
    """A node: where it comes from, what it reads and writes.

    Attributes:
        module: Path of the module, as `encoder.encoders.0.self_attn`; empty: the outermost.
        frames: Lines outside of PyTorch, the innermost last.
        shapes: Axes of each value that it reads or writes, as far as the exporter knew them.
        weights: Those of its inputs that are weights.
    """

    name: str
    operator: str
    module: str
    class_name: str
    frames: tuple[Frame, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, tuple[str | int, ...]]
    weights: tuple[str, ...]

    def within(self, module: str) -> bool:
        """Whether it belongs to the module, or to one inside of it."""
        return not module or self.module == module or self.module.startswith(module + ".")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Node:
        """The inverse of `dataclasses.asdict`, through JSON.

        Raises `ValueError`, `TypeError` or `KeyError` for values that are not those of a node.
        """
        for key in TEXTS:
            _require(isinstance(data[key], str), f"{key}: {data[key]!r:.80}")
        for key in LISTS:
            _require(_is_list(data[key], str), f"{key}: {data[key]!r:.80}")
        shapes = data["shapes"]
        _require(isinstance(shapes, dict) and all(_is_list(shape, str | int) for shape in shapes.values()), "shapes")
        lists = {key: tuple(data[key]) for key in LISTS}
        frames = tuple(Frame(**frame) for frame in data["frames"])
        for frame in frames:
            _require(isinstance(frame.file, str) and isinstance(frame.line, int), f"frames: {frame!r:.80}")
        return cls(**{**data, **lists, "frames": frames})


def _require(condition: bool, found: str) -> None:
    if not condition:
        raise ValueError(f"other values of {found}")


def _is_list(value: Any, kind: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def is_authors(file: str) -> bool:
    """Whether a file of source code is neither of PyTorch nor of the packages beside it."""
    return PACKAGES.search(file) is None


def authors_frames(trace: str) -> tuple[Frame, ...]:
    """The lines of a stack trace that lie outside of PyTorch."""
    frames = (Frame(m["file"], int(m["line"]), (m["code"] or "").strip()) for m in FRAME.finditer(trace))
    return tuple(frame for frame in frames if is_authors(frame.file))


def nodes_of(model: Any) -> list[Node]:
    """The nodes of an `onnx_ir.Model`, in the order in which they run."""
    weights = set(model.graph.initializers)
    return [_node(node, weights) for node in model.graph.all_nodes()]


def _node(node: Any, weights: Iterable[str]) -> Node:
    scopes, classes = (_listed(node.metadata_props.get(key)) for key in (SCOPES, CLASSES))
    module = scopes[-2].removeprefix("module.") if len(scopes) > 1 else _path_in(node.name or "")
    inputs = [value for value in node.inputs if value is not None]
    return Node(
        name=node.name or "",
        operator=node.op_type,
        module="" if module in OUTERMOST else module,
        class_name=classes[-2].rpartition(".")[2] if len(classes) > 1 else "",
        frames=authors_frames(node.metadata_props.get(STACK, "")),
        inputs=tuple(value.name for value in inputs),
        outputs=tuple(value.name for value in node.outputs),
        shapes={value.name: _axes(value) for value in (*inputs, *node.outputs) if value.shape is not None},
        weights=tuple(value.name for value in inputs if value.name in weights),
    )


def _path_in(name: str) -> str:
    """The module's path in a name that the former exporter gave, which traced: /encoders/encoders.0/self_attn/Where."""
    path: list[str] = []
    for scope in name.split("/")[1:-1]:
        inside = bool(path) and scope.startswith(f"{path[-1]}.")
        path = [*path[:-1], scope] if inside else [*path, scope]
    return ".".join(path)


def _listed(text: str | None) -> list[str]:
    """A list of strings, as the exporter writes it; raises `ValueError` for anything else."""
    found = ast.literal_eval(text) if text else []
    if not isinstance(found, list | tuple) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"a list of modules that is {text!r:.80}")
    return list(found)


def _axes(value: Any) -> tuple[str | int, ...]:
    return tuple(axis if isinstance(axis, int) else str(axis.value) for axis in value.shape)


def debug_directory(bundle: str | Path) -> Path:
    """Directory beside a bundle in which `export_onnx --debug` keeps the origins of its nodes."""
    path = Path(bundle)
    place = path if path.name not in ("", "..") else path.resolve()
    if not place.name:
        raise BundleError(f"{bundle}: expected the directory of a bundle, found one without a name")
    return place.with_name(path.resolve().name + DEBUG_SUFFIX)


def write_nodes(path: Path, nodes: Iterable[Node]) -> None:
    """Write the nodes of a graph as JSON."""
    write_text(path, json.dumps([asdict(node) for node in nodes]))


def read_nodes(path: Path) -> list[Node]:
    """Read what `write_nodes` wrote; raises `BundleError` where that is not there, or is something else."""
    if not path.exists():
        raise BundleError(f"{path}: expected origins of nodes, which export_onnx --debug writes, found none")
    found = read_json(path, "origins of nodes as JSON", BundleError, "TABLE_BYTES")
    try:
        return [Node.from_dict(item) for item in found]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleError(f"{path}: expected origins of nodes as JSON, found: {reason_of(error)}") from error
