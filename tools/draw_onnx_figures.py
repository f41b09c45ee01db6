"""Draw the graphs of the case studies in `doc/onnx` as SVG, beside the pages.

    python tools/draw_onnx_figures.py [encoder ...]      # needs graphviz (`dot`)

The modules are those of the pages: their `python` blocks are run, and the graphs that they export are drawn. A box is
an operator with the shape of its result. Blue are products with weights, orange is what becomes of masks and lengths.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "doc" / "onnx"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# By page: picture, and the file that the page exports.
FIGURES = {
    "encoder": {"encoder_before": "traced.onnx", "encoder_after": "additive.onnx"},
    "decoder": {"decoder_before": "together.onnx", "decoder_start": "start.onnx", "decoder_step": "step.onnx"},
    "recurrent": {"recurrent_before": "padded.onnx", "recurrent_after": "ragged.onnx"},
    "frontend": {"frontend_before": "stft.onnx", "frontend_after": "product.onnx"},
}
HIDDEN = {"Constant", "Identity", "Cast"}
PRODUCTS = {"MatMul", "Gemm", "Conv", "LSTM", "STFT"}
MASKS = {"Where", "Range", "GreaterOrEqual", "Less", "Equal", "Not", "And", "ConstantOfShape", "Expand"}
# Fill and line of boxes.
PLAIN, PRODUCT = ("#f6f8fa", "#8c959f"), ("#ddf0ff", "#4493d0")
MASK, VALUE = ("#ffe9cc", "#d08a2c"), ("#ffffff", "#57606a")
STYLE = """digraph {
  bgcolor="#ffffff"; rankdir=TB; nodesep=0.18; ranksep=0.28; margin=0.1;
  node [shape=box style="filled,rounded" fontname="Helvetica" fontsize=10 fontcolor="#1f2328"
        margin="0.08,0.04" height=0.3];
  edge [color="#57606a" arrowsize=0.5];
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", default=list(FIGURES), help="default: all")
    for page in parser.parse_args().pages:
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            run_page(PAGES / f"{page}.md")
            for name, file in FIGURES[page].items():
                picture = svg(dot(ir.from_proto(onnx.shape_inference.infer_shapes(onnx.load(file)))))
                (PAGES / f"{name}.svg").write_text(picture, encoding="utf-8")
                print(f"{name}.svg: {len(picture) / 1000:.0f} kB")
            os.chdir(ROOT)


def run_page(page: Path) -> None:
    """Run the `python` blocks of a page; those with the name of a file in the first line are scripts."""
    names: dict[str, Any] = {"__name__": "figures"}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), {"__name__": "__main__"} if block.startswith("# ") else names)


def dot(model: ir.Model) -> str:
    """The graph in graphviz's language, without weights and constants."""
    graph, drawn = model.graph, _computed(model.graph)
    lines = [STYLE]
    for value in (*graph.inputs, *graph.outputs):
        lines.append(_box(f"value {value.name}", value.name or "", value, VALUE))
    for node in graph:
        if node in drawn and node.op_type not in HIDDEN:
            lines.append(_box(_key(node), node.op_type, node.outputs[0], _colours(node, drawn)))
            sources = dict.fromkeys(_source(value) for value in node.inputs if _reads(value, drawn))
            lines += (f'  "{source}" -> "{_key(node)}";\n' for source in sources)
    for value in graph.outputs:
        lines.append(f'  "{_source(value)}" -> "value {value.name}";\n')
    return "".join(lines) + "}\n"


def _box(key: str, title: str, value: ir.Value, colours: tuple[str, str]) -> str:
    shape = ", ".join(str(axis if isinstance(axis, int) else axis.value or "?") for axis in value.shape or ())
    label = f"{title}\\n({shape})" if shape else title
    fill, line = colours
    return f'  "{key}" [label="{label}" fillcolor="{fill}" color="{line}"];\n'


def _key(node: ir.Node) -> str:
    return f"node {node.outputs[0].name}"


def _computed(graph: ir.Graph) -> set[ir.Node]:
    """The nodes that depend on inputs; others are constants, as weights that are rearranged."""
    found: set[ir.Node] = set()
    for node in graph:
        if any(_reads(value, found) for value in node.inputs):
            found.add(node)
    return found


def _reads(value: ir.Value | None, computed: set[ir.Node]) -> bool:
    """Whether a value depends on inputs of the graph."""
    return value is not None and (value.is_graph_input() or value.producer() in computed)


def _colours(node: ir.Node, computed: set[ir.Node]) -> tuple[str, str]:
    weights = any(value is not None and not _reads(value, computed) for value in node.inputs)
    if node.op_type in PRODUCTS and weights:
        return PRODUCT
    return MASK if node.op_type in MASKS else PLAIN


def _source(value: ir.Value | None) -> str:
    """Key of the box that a value comes from."""
    while value is not None:
        node = value.producer()
        if node is None:
            return f"value {value.name}" if value.is_graph_input() else ""
        if node.op_type not in HIDDEN:
            return _key(node)
        value = node.inputs[0] if node.inputs else None
    return ""


def svg(text: str) -> str:
    """Draw a graph; comments and titles, which hold its long names, are left out."""
    drawn = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True).stdout
    drawn = re.sub(r"<!--.*?-->\n|<title>.*?</title>\n|<\?xml.*?\?>\n|<!DOCTYPE.*?>\n", "", drawn, flags=re.DOTALL)
    return drawn.replace('font-family="Helvetica,sans-Serif" ', "").replace(
        "<svg ", '<svg font-family="Helvetica, Arial, sans-serif" ', 1
    )


if __name__ == "__main__":
    main()
