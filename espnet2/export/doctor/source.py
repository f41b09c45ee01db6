"""Lines of a module's source code that break a consideration, recognised in its syntax tree."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

from espnet2.export.nodes import Frame

CACHES = re.compile(r"cache|state|past|prev|hidden|memory")
TABLES = re.compile(r"\b(pe|pos\w*|position\w*|table\w*|embed\w*)\b")
RANDOM = {"randn", "rand", "randn_like", "rand_like", "randint", "normal", "bernoulli", "multinomial", "dropout"}
RANDOM |= {"random", "uniform", "gauss", "choice", "shuffle", "randperm", "rrelu", "rrelu_", "normal_", "uniform_"}
CASTS = {"int", "float", "bool"}
NUMBERS = {"max", "min", "sum", "sorted", "round", "abs"}
REDUCTIONS = {"max", "min", "sum", "mean", "any", "all", "amax", "amin"}
SELECTING = {"nonzero", "masked_select", "unique", "unique_consecutive", "argwhere"}
OVER_TIME = {"mean", "sum", "max", "amax", "softmax", "std", "var", "cumsum", "flip", "logsumexp"}
SHAPED = {"zeros", "ones", "full", "empty", "view", "reshape", "expand", "repeat", "new_zeros", "new_ones"}
PIECES = {"split", "unbind", "chunk", "unfold"}
KEEPING = {"append", "extend", "insert", "update", "add", "copy_", "mul_", "add_", "fill_", "zero_"}
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
    index = node.slice if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Compare) else None
    chosen = index is not None and _of_size(index)  # [f, g][x.size(1) > 1]
    return chosen or (test is not None and not isinstance(node, ast.Assert) and _of_size(test))


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
    return over is not None and (
        _of_size(over) or _name(over) in PIECES or _name(over) in inputs or any(n in inputs for n in _arguments(over))
    )


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


def _random(node: ast.AST, inputs: Sequence[str]) -> bool:
    """A function, since self.dropout is a layer that evaluation mode turns off."""
    return _called(RANDOM)(node, inputs) and _root(node) != "self"


def _complex(node: ast.AST, inputs: Sequence[str]) -> bool:
    return isinstance(node, ast.Call) and bool(re.search(r"\bfft\.|istft|return_complex=True|\bcomplex\(", _text(node)))


def _selects(node: ast.AST, inputs: Sequence[str]) -> bool:
    if isinstance(node, ast.Subscript):
        compared = isinstance(node.slice, ast.Compare) and not _of_size(node.slice)
        return compared or "mask" in _name(node.slice)
    return _called(SELECTING)(node, inputs)


def _literal_batch(node: ast.AST, inputs: Sequence[str]) -> bool:
    """zeros(2, ...), view(2, ...)."""
    first = node.args[0] if isinstance(node, ast.Call) and node.args and _name(node) in SHAPED else None
    return isinstance(first, ast.Constant) and isinstance(first.value, int) and first.value > 1


def _over_time(node: ast.AST, inputs: Sequence[str]) -> bool:
    return _called(OVER_TIME)(node, inputs) and _root(node) in (*inputs, "torch")


def _over_batch(node: ast.AST, inputs: Sequence[str]) -> bool:
    """Normalisation in training mode, and x.mean(), x.max(dim=0), torch.softmax(x, 0), x[0]."""
    if isinstance(node, ast.Subscript):
        first = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        return isinstance(first, ast.Constant) and isinstance(first.value, int) and _name(node.value) in inputs
    if _called({"batch_norm", "train"})(node, inputs):
        return True
    if not isinstance(node, ast.Call) or not _called(OVER_TIME | {"min", "amin", "norm"})(node, inputs):
        return False
    function = _root(node.func) in ("torch", "F", "nn", "functional")
    axes = [*node.args[function:][:1], *(item.value for item in node.keywords if item.arg in ("dim", "axis"))]
    numbers = [n.value for axis in axes for n in ast.walk(axis) if isinstance(n, ast.Constant)]
    return not axes or 0 in numbers


def _to_self(node: ast.AST, inputs: Sequence[str]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KEEPING:
        return isinstance(node.func.value, ast.Attribute) and _root(node.func.value) == "self"
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    return any(isinstance(t, ast.Attribute | ast.Subscript) and _root(t) == "self" for t in targets)


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
    "batch_frozen": _literal_batch,
    "infinite_mask": _minus_infinity,
    "double_precision": _double,
    "data_dependent_size": _selects,
    "complex_numbers": _complex,
    "batch_statistics": _over_batch,
    "random_numbers": _random,
    "padding_leaks": _over_time,
}
# These change results and raise no error, so that they explain none.
RAISING = tuple(name for name in RULES if name not in ("infinite_mask", "batch_statistics", "padding_leaks"))


@dataclass(frozen=True)
class Function:
    """A function's syntax tree, parameters but `self`, file with all lines, and class, if it is a method."""

    tree: ast.FunctionDef
    inputs: tuple[str, ...]
    file: str
    lines: tuple[str, ...]
    owner: str = ""

    def frame(self, line: int) -> Frame:
        """A line of its file."""
        return Frame(self.file, line, self.lines[line - 1].strip())


def findings(functions: Iterable[Function], names: Sequence[str] = tuple(RULES)) -> Iterator[tuple[str, Frame]]:
    """Considerations among `names` that lines of functions may break, in the order of `names`, then of lines."""
    functions = list(functions)
    for name in names:
        for function in functions:
            for line in sorted(_lines(function, RULES[name])):
                yield name, function.frame(line)


def _lines(function: Function, rule: Rule) -> set[int]:
    found = {_line(node) for node in ast.walk(function.tree) if rule(node, function.inputs)}
    return found - {0}


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", getattr(getattr(node, "iter", None), "lineno", 0))


def at_line(frame: Frame, names: Sequence[str] = RAISING) -> str | None:
    """The first consideration that a line may break, of those that raise errors."""
    function = function_at(frame.file, frame.line)
    if function is None:
        return None
    return next((name for name in names if frame.line in _lines(function, RULES[name])), None)


def branches(frame: Frame) -> bool:
    """Whether a line decides which code runs."""
    function = function_at(frame.file, frame.line)
    nodes = ast.walk(function.tree) if function else ()
    return any(_condition(node) is not None and _line(node) == frame.line for node in nodes)


def loop_around(frame: Frame) -> Frame | None:
    """The loop over an axis that a line is in, as it is written in the same function."""
    function = function_at(frame.file, frame.line)
    for node in ast.walk(function.tree) if function else ():
        inside = isinstance(node, ast.For) and node.lineno <= frame.line <= (node.end_lineno or 0)
        if function and inside and _loop(node, function.inputs):
            return function.frame(_line(node))
    return None


def function_of(function: Callable[..., Any]) -> Function | None:
    """A function's source; None where it is not at hand."""
    try:
        code: Any = inspect.unwrap(function)
        return function_at(code.__code__.co_filename, code.__code__.co_firstlineno)
    except AttributeError:
        return None


def functions_of(codes: Iterable[CodeType]) -> list[Function]:
    """The functions of code objects, each once, as far as their source is at hand."""
    found = (function_at(code.co_filename, code.co_firstlineno) for code in codes)
    return list({id(item.tree): item for item in found if item is not None}.values())


def function_at(file: str, line: int) -> Function | None:
    """The innermost function around a line; None where there is none."""
    around = [item for item in _functions(file) if _start(item.tree) <= line <= (item.tree.end_lineno or 0)]
    return max(around, key=lambda item: item.tree.lineno, default=None)


def _start(tree: ast.FunctionDef) -> int:
    return min([tree.lineno, *(item.lineno for item in tree.decorator_list)])


@functools.lru_cache(maxsize=256)
def _functions(file: str) -> tuple[Function, ...]:
    lines = tuple(linecache.getlines(file))
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return ()
    nodes = list(ast.walk(tree))
    owners = {id(child): node.name for node in nodes if isinstance(node, ast.ClassDef) for child in node.body}
    found = (node for node in nodes if isinstance(node, ast.FunctionDef))
    return tuple(Function(node, _parameters(node), file, lines, owners.get(id(node), "")) for node in found)


def _parameters(function: ast.FunctionDef) -> tuple[str, ...]:
    found = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return tuple(item.arg for item in found if item.arg != "self")
