"""Replacement of whole functions in a module's text by those of a source file of ours."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping

import libcst as cst
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor

Body = cst.FunctionDef | cst.ClassDef
Imported = tuple[str, str | None, str | None]  # module, name, alias


def replace_functions(text: str, source: str, names: Collection[str]) -> str:
    """Replace functions of a module.

    Args:
        text: the module.
        source: module with functions of these names; its other functions are helpers, its imports are added.
        names: qualified names within the module.
    """
    functions = _Functions()
    cst.parse_module(source).visit(functions)
    ours = {name: functions.found[name] for name in names}
    helpers = {name: node for name, node in functions.found.items() if name not in names}
    module = cst.parse_module(text).visit(_Replace(ours, helpers))
    return remove_idle_imports(_with_imports(module, source), text).code


def remove_functions(text: str, names: Collection[str]) -> str:
    """Remove functions of a module, and imports that only they used."""
    return remove_idle_imports(cst.parse_module(text).visit(_Remove(names)), text).code


class _Scope(cst.CSTTransformer):
    """Transformer that knows the qualified name of the function that it leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.names.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self.names.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self.names.append(node.name.value)
        return False  # functions within functions have no qualified name here

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        name = ".".join(self.names)
        self.names.pop()
        return self.changed(name, updated_node)

    def changed(
        self, name: str, node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        return node


class _Functions(_Scope):
    """Collect the functions of a module."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, cst.FunctionDef] = {}

    def changed(self, name: str, node: cst.FunctionDef) -> cst.FunctionDef:
        self.found[name] = node
        return node


class _Remove(_Scope):
    def __init__(self, chosen: Collection[str]) -> None:
        super().__init__()
        self.chosen = chosen

    def changed(self, name: str, node: cst.FunctionDef) -> cst.FunctionDef | cst.RemovalSentinel:
        return cst.RemoveFromParent() if name in self.chosen else node


class _Replace(_Scope):
    def __init__(self, ours: Mapping[str, cst.FunctionDef], helpers: Mapping[str, cst.FunctionDef]) -> None:
        super().__init__()
        self.ours, self.helpers = ours, dict(helpers)

    def changed(
        self, name: str, node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        if name not in self.ours:
            return node
        scope = name.rpartition(".")[0]
        here = [helper for helper in self.helpers if helper.rpartition(".")[0] == scope]
        added = [self.helpers.pop(helper) for helper in here]
        return cst.FlattenSentinel([*_spaced(added, node), _merged(node, self.ours[name])])


def _spaced(helpers: Iterable[cst.FunctionDef], before: cst.FunctionDef) -> list[cst.FunctionDef]:
    """Helpers with the empty lines that the function behind them has in front of it."""
    empty = [line for line in before.leading_lines if line.comment is None]
    return [
        helper.with_changes(leading_lines=[*empty, *(line for line in helper.leading_lines if line.comment)])
        for helper in helpers
    ]


def _merged(theirs: cst.FunctionDef, ours: cst.FunctionDef) -> cst.FunctionDef:
    """The function of ours with decorators, comments above and docstring of theirs, and its signature if it fits."""
    same = _parameters(theirs) == _parameters(ours)
    signature = {} if same else {"params": ours.params, "returns": ours.returns}
    return theirs.with_changes(body=_with_docstring(ours.body, theirs.body), **signature)


def _parameters(function: cst.FunctionDef) -> list[str]:
    class Names(cst.CSTVisitor):
        def __init__(self) -> None:
            self.names: list[str] = []

        def visit_Param(self, node: cst.Param) -> None:
            self.names.append(f"{node.star}{node.name.value}" if isinstance(node.star, str) else node.name.value)

    found = Names()
    function.params.visit(found)
    return found.names


def _is_docstring(statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(statement.body[0], cst.Expr):
        return False
    return isinstance(statement.body[0].value, cst.SimpleString | cst.ConcatenatedString)


def _with_docstring(body: cst.BaseSuite, documented: cst.BaseSuite) -> cst.BaseSuite:
    first, statements = documented.body[0], list(body.body)
    if not _is_docstring(first):
        return body
    return body.with_changes(body=[first, *(statements[1:] if _is_docstring(statements[0]) else statements)])


def _with_imports(module: cst.Module, source: str) -> cst.Module:
    """Add the imports of the source that the module lacks."""
    present = {alias or name or where for where, name, alias in imports_of(module.code)}
    context = CodemodContext()
    for where, name, alias in imports_of(source):
        if (alias or name or where) not in present and where != "__future__":
            AddImportsVisitor.add_needed_import(context, where, name, alias)
    return AddImportsVisitor(context).transform_module(module)


def imports_of(text: str) -> list[Imported]:
    """The imports at the top level of a module: module, name of `from`, alias."""
    found: list[Imported] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            found += [(alias.name, None, alias.asname) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [(node.module or "", alias.name, alias.asname) for alias in node.names]
    return found


def remove_idle_imports(module: cst.Module, before: str) -> cst.Module:
    """Remove imports that the text `before` used and the module does not."""
    context, used, left = CodemodContext(), names_in(before), names_in(module.code)
    for where, name, alias in imports_of(module.code):
        bound = alias or name or where.partition(".")[0]
        if bound in used and bound not in left and where != "__future__":
            RemoveImportsVisitor.remove_unused_import(context, where, name, alias)
    return RemoveImportsVisitor(context).transform_module(module)


def names_in(text: str) -> set[str]:
    """The names and strings that a module's code uses; strings may be annotations or `__all__`."""
    nodes = list(ast.walk(ast.parse(text)))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {node.id for node in nodes if isinstance(node, ast.Name)} | strings
