"""Fingerprints of functions: digests of their syntax trees, by which a release's code is recognised without keeping it.

Docstrings, comments, layout and the names of moved modules do not count. The digest does not depend on the version of
Python, as `ast.dump` does.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml

from tools.upstream_patch.layout import newest

TABLE = Path(__file__).with_name("fingerprints.yaml")
DIGITS = 16
Function = ast.FunctionDef | ast.AsyncFunctionDef
# Fields that some versions of Python fill in and others leave out.
IGNORED = ("type_comment", "type_params", "type_ignores", "kind", "ctx")


@cache
def known_functions() -> Mapping[str, Mapping[str, list[str]]]:
    """Read the table: function → fingerprint → the releases that have it."""
    return yaml.safe_load(TABLE.read_text(encoding="utf-8"))["functions"]


@cache
def known_releases() -> tuple[str, ...]:
    """Return the releases that the table was made from."""
    return tuple(yaml.safe_load(TABLE.read_text(encoding="utf-8"))["releases"])


@cache
def functions_of(text: str) -> Mapping[str, Function]:
    """Find the functions and methods of a module's text, by qualified name."""
    return dict(_functions(ast.parse(newest(text)).body, ""))


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")


def fingerprint(function: Function) -> str:
    """Digest of a function: decorators, signature and body."""
    return _digest(_canonical(function))


def body_fingerprint(function: Function) -> str:
    """Digest of a function's body alone, which a replacement brings."""
    return _digest("".join(map(_canonical, _without_docstring(function.body))))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


def _canonical(value: object) -> str:
    """Write a syntax tree as text, without docstrings, positions, and empty fields."""
    if isinstance(value, ast.Constant):
        return f"Constant({value.value!r})"
    if isinstance(value, ast.AST):
        fields = ((name, item) for name, item in ast.iter_fields(value) if name not in IGNORED)
        texts = [f"{name}={_canonical(_body(value, name, item))}" for name, item in fields if item not in (None, [])]
        return f"{type(value).__name__}({','.join(texts)})"
    if isinstance(value, list):
        return f"[{','.join(map(_canonical, value))}]"
    return repr(value)


def _body(node: ast.AST, name: str, item: object) -> object:
    documented = isinstance(node, (*Function.__args__, ast.ClassDef)) and name == "body"
    return _without_docstring(item) if documented and isinstance(item, list) else item
