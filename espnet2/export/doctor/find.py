"""A node of a graph, found by its name or in an error of onnxruntime."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from espnet2.export.nodes import Node, debug_directory, nodes_of, read_nodes
from espnet2.interface.errors import BundleError, OptionError, listed, reason_of
from espnet2.interface.foreign_file import require_file

IN_ERROR = re.compile(r"""[Nn]ame:\s*['"]([^'"]+)['"]|[Nn]ode\s*\(?['"]?([\w/.:]+)""")


def nodes_of_bundle(bundle: str | Path, graph: str) -> list[Node]:
    """Read the nodes of a bundle's graph, as `export_onnx --debug` kept them beside it."""
    directory = debug_directory(bundle)
    if not directory.is_dir():
        raise BundleError(f"{directory}: expected what export_onnx --debug writes beside a bundle, found no directory")
    graphs = sorted(path.stem for path in directory.glob("*.json"))
    if graph not in graphs:
        raise OptionError(f"graph: expected one of {listed(graphs, graph)}, found {graph!r}")
    return read_nodes(directory / f"{graph}.json")


def in_bundle(bundle: str | Path, words: Sequence[str]) -> Node:
    """The node that `words` name: a graph and what `find_node` takes, or that alone, in whatever graph it is found.

    Raises `OptionError` where there is none, and `BundleError` for a bundle without origins of its nodes.
    """
    directory = debug_directory(bundle)
    graphs = sorted(path.stem for path in directory.glob("*.json")) if directory.is_dir() else []
    text = " ".join(words)
    named = [name for name in graphs if words[0] == name or text.startswith(f"{name}:")]
    if named or len(words) == 1 or not graphs:
        text = " ".join(words[1:]) if words[0] in named and len(words) > 1 else text
        graphs = named or graphs or [words[0]]
    elif words[0].isidentifier() and not IN_ERROR.search(text):
        graphs = [words[0]]  # which is refused, with the names of those there are
    failure: OptionError | None = None
    for graph in graphs:
        try:
            return find_node(nodes_of_bundle(bundle, graph), text)
        except OptionError as error:
            failure = failure or error
    raise failure or OptionError(f"{bundle}: expected origins of nodes, found none")


def located(error: BaseException, nodes: Sequence[Node]) -> str:
    """Module and source line of the node that an error of onnxruntime names; empty where it names none."""
    if IN_ERROR.search(str(error)) is None:
        return ""
    try:
        node = find_node(nodes, str(error))
    except OptionError:
        return ""
    where = f", {node.frames[-1]}" if node.frames else ""
    return f"node {node.name} of module {node.module or 'the outermost'}{where}"


def nodes_of_file(path: str | Path) -> list[Node]:
    """Read the nodes of an ONNX file whose nodes still tell where they come from."""
    import onnx_ir as ir

    if not Path(path).is_file():
        raise OptionError(f"--onnx: expected an ONNX file, found no such file: {path}")
    require_file(path, "an ONNX file", BundleError, "GRAPH_BYTES")
    try:
        nodes = nodes_of(ir.load(str(path)))
    except Exception as error:  # whatever the parser of protobuf raises
        raise BundleError(f"{path}: expected an ONNX file, found: {reason_of(error)}") from error
    if not any(node.frames or node.module for node in nodes):
        raise BundleError(
            f"{path}: expected nodes that tell where they come from, as torch.onnx.export writes them, found none"
        )
    return nodes


def find_node(nodes: Sequence[Node], text: str) -> Node:
    """The node that `text` names: a node's name, the name of a value, or an error of onnxruntime.

    onnxruntime names nodes that it fused after one of them; the longest known name counts.

    Raises `OptionError` where there is none.
    """
    names = {output: node for node in nodes for output in node.outputs} | {node.name: node for node in nodes}
    asked = [name for match in IN_ERROR.findall(text) for name in match if name]
    for name in (text, *asked):
        if name in names:
            return names[name]
    inside = [name for name in names if name and re.search(rf"(?<![\w.]){re.escape(name)}(?![a-z0-9])", text)]
    if inside:
        return names[max(inside, key=len)]
    known = listed((node.name for node in nodes), asked[0] if asked else text)
    raise OptionError(f"node: expected one of {known}, found {(asked[0] if asked else text)[:80]!r}")


def described(node: Node) -> str:
    """Module, source lines, shapes and weights of a node, as lines of text."""
    where = node.frames[-1] if node.frames else "unknown: the exporter recorded no line"
    kind = f" ({node.class_name})" if node.class_name else ""
    lines = [f"node      {node.name}: {node.operator}", f"module    {node.module or 'the outermost'}{kind}"]
    lines += [f"line      {where}"]
    lines += [f"called by {frame}" for frame in reversed(node.frames[:-1])]
    for title, names in (("reads", node.inputs), ("writes", node.outputs)):
        lines += [f"{title:9} {name} {_shape(node, name)}" for name in names if name not in node.weights]
    lines += [f"weight    {name.removeprefix('module.')} {_shape(node, name)}" for name in node.weights]
    return "\n".join(lines)


def _shape(node: Node, name: str) -> str:
    return f"({', '.join(map(str, node.shapes[name]))})" if name in node.shapes else "of unknown shape"
