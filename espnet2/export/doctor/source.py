"""Lines of a module's source code that break a consideration, recognised in its syntax tree."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from espnet2.export.nodes import Frame

CACHES = re.compile(r"cache|state|past|prev|hidden|memory")
TABLES = re.compile(r"\b(pe|pos\w*|position\w*|table\w*|embed\w*)\b")
RANDOM = {"randn", "rand", "randn_like", "rand_like", "randint", "normal", "bernoulli", "multinomial", "dropout"}
CASTS = {"int", "float", "bool"}
NUMBERS = {"max", "min", "sum", "sorted", "round", "abs"}
REDUCTIONS = {"max", "min", "sum", "mean", "any", "all", "amax", "amin"}
SELECTING = {"nonzero", "masked_select", "unique", "unique_consecutive", "argwhere"}
OVER_TIME = {"mean", "sum", "max", "amax", "softmax", "std", "var", "cumsum", "flip", "logsumexp"}
PACKING = {"pack_padded_sequence", "pad_packed_sequence", "pack_sequence"}
Rule = Callable[[ast.AST, Sequence[str]], bool]


def _name(node: ast.AST) -> str:
    """The last name of what is called, read or written."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.AST) -> str:
    """The first name of `a.b[c].d`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _of_size(node: ast.AST) -> bool:
    return bool(re.search(r"\.size\(|\.shape\b|\blen\(", _text(node)))


def _called(names: set[str]) -> Rule:
    return lambda node, inputs: isinstance(node, ast.Call) and _name(node) in names


def _method(name: str) -> Rule:
    return lambda node, inputs: (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
    )


def _condition(node: ast.AST) -> ast.AST | None:
    return node.test if isinstance(node, ast.If | ast.While | ast.Assert | ast.IfExp) else None


def _on_value(node: ast.AST, inputs: Sequence[str]) -> bool:
    test = _condition(node)
    return test is not None and any(isinstance(n, ast.Call) and _name(n) in REDUCTIONS for n in ast.walk(test))


def _on_size(node: ast.AST, inputs: Sequence[str]) -> bool:
    test = _condition(node)
    return test is not None and not isinstance(node, ast.Assert) and _of_size(test)


def _none_cache(node: ast.AST, inputs: Sequence[str]) -> bool:
    test = _condition(node)
    return test is not None and any(
        isinstance(n, ast.Compare) and isinstance(n.ops[0], ast.Is | ast.IsNot) and CACHES.search(_name(n.left))
        for n in ast.walk(test)
    )


def _number(node: ast.AST, inputs: Sequence[str]) -> bool:
    """math.f(x.max()), or Python's max(lengths)."""
    if not isinstance(node, ast.Call) or _of_size(node):
        return False
    python = isinstance(node.func, ast.Name) and node.func.id in NUMBERS
    return (python or _root(node.func) == "math") and any(_root(n) in inputs for n in node.args)


def _cast(node: ast.AST, inputs: Sequence[str]) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CASTS):
        return False
    return any(_root(argument) in inputs for argument in node.args) and not _of_size(node)


def _frozen(node: ast.AST, inputs: Sequence[str]) -> bool:
    return isinstance(node, ast.Call) and _name(node) == "int" and _of_size(node)


def _loop(node: ast.AST, inputs: Sequence[str]) -> bool:
    over = node.iter if isinstance(node, ast.For | ast.comprehension) else None
    return over is not None and (_of_size(over) or _name(over) in inputs or any(n in inputs for n in _arguments(over)))


def _arguments(node: ast.AST) -> list[str]:
    return [_root(argument) for argument in node.args] if isinstance(node, ast.Call) else []


def _in_place(node: ast.AST, inputs: Sequence[str]) -> bool:
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Subscript) and _root(target) in inputs for target in node.targets)
    if isinstance(node, ast.AugAssign):
        return _root(node.target) in inputs
    name = _name(node) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    return name.endswith("_") and not name.endswith("__") and _root(node) in inputs


def _mask(node: ast.AST, inputs: Sequence[str]) -> bool:
    if not isinstance(node, ast.Call) or "mask" not in _name(node) or _name(node).startswith("masked"):
        return False
    return sum(isinstance(a, ast.Name) and a.id in inputs for a in node.args) > 1


def _table(node: ast.AST, inputs: Sequence[str]) -> bool:
    if isinstance(node, ast.Subscript):
        return _root(node) == "self" and _of_size(node.slice)
    return isinstance(node, ast.Call) and _root(node.func) == "self" and bool(TABLES.search(_text(node.func)))


def _minus_infinity(node: ast.AST, inputs: Sequence[str]) -> bool:
    return isinstance(node, ast.Call) and "masked_fill" in _name(node) and bool(re.search("inf", _text(node)))


def _numpy(node: ast.AST, inputs: Sequence[str]) -> bool:
    return isinstance(node, ast.Call) and (_root(node.func) in ("np", "numpy") or _name(node) == "numpy")


def _double(node: ast.AST, inputs: Sequence[str]) -> bool:
    return _name(node) in ("double", "float64") and isinstance(node, ast.Attribute)


def _selects(node: ast.AST, inputs: Sequence[str]) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Compare) or "mask" in _name(node.slice)
    return _called(SELECTING)(node, inputs)


def _over_time(node: ast.AST, inputs: Sequence[str]) -> bool:
    return _called(OVER_TIME)(node, inputs) and _root(node) in (*inputs, "torch")


def _to_self(node: ast.AST, inputs: Sequence[str]) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(t, ast.Attribute) and _root(t) == "self" for t in targets)


# In the order in which they are asked: what is more particular comes first.
RULES: dict[str, Rule] = {
    "packed_sequence": _called(PACKING),
    "mask_with_reference": _mask,
    "tolist": _method("tolist"),
    "item": _method("item"),
    "numpy_call": _numpy,
    "int_of_tensor": _cast,
    "number_from_tensor": _number,
    "none_cache": _none_cache,
    "branch_on_value": _on_value,
    "branch_on_size": _on_size,
    "loop_over_axis": _loop,
    "in_place": _in_place,
    "state_of_module": _to_self,
    "time_frozen": _frozen,
    "position_table": _table,
    "infinite_mask": _minus_infinity,
    "double_precision": _double,
    "data_dependent_size": _selects,
    "random_numbers": _called(RANDOM),
    "padding_leaks": _over_time,
}


def findings(function: Callable[..., Any], names: Sequence[str] = tuple(RULES)) -> Iterator[tuple[str, Frame]]:
    """Considerations among `names` that lines of a function may break, in the order of `names`, then of lines."""
    read = _tree(function)
    if read is None:
        return
    tree, inputs, file, lines = read
    for name in names:
        seen = set()
        for node in ast.walk(tree):
            line = getattr(node, "lineno", getattr(getattr(node, "iter", None), "lineno", 0))
            if line and line not in seen and RULES[name](node, inputs):
                seen.add(line)
                yield name, Frame(file, line, lines[line - 1].strip())


@functools.cache
def _tree(function: Callable[..., Any]) -> tuple[ast.AST, list[str], str, list[str]] | None:
    """Syntax tree, parameters, file and all lines of a function; None where its source is not at hand."""
    try:
        source, start = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function) or ""
        tree = ast.parse(textwrap.dedent("".join(source)))
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, TypeError, SyntaxError):
        return None
    ast.increment_lineno(tree, start - 1)
    head = tree.body[0]
    found = [*head.args.args, *head.args.kwonlyargs] if isinstance(head, ast.FunctionDef) else []
    names = [argument.arg for argument in found if argument.arg != "self"]
    return tree, names, file, lines


def at_line(function: Callable[..., Any], frame: Frame, names: Sequence[str] = tuple(RULES)) -> str | None:
    """The first consideration that this line of a function breaks."""
    return next((name for name, found in findings(function, names) if found.line == frame.line), None)
