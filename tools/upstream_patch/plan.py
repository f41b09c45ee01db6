"""Changes that parts would make, computed in memory, and how far a checkout has each part."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from tools.upstream_patch import parts
from tools.upstream_patch.checkout import Checkout, Step, Tree
from tools.upstream_patch.errors import PatchError
from tools.upstream_patch.fingerprint import body_fingerprint, fingerprint, functions_of, known_functions
from tools.upstream_patch.part import Part, Transform

PYTHON = ("espnet/**/*.py", "espnet2/**/*.py", "espnet3/**/*.py", "egs2/**/*.py")


@dataclass
class Found:
    """Items of a part in a checkout: functions and files that are as the part makes them, and those still to change."""

    done: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """`applied`, `not applied`, `half applied`, or `not needed`: nothing of it concerns this checkout."""
        if not self.done:
            return "not applied" if self.todo else "not needed"
        return "half applied" if self.todo else "applied"


def plan(checkout: Checkout, chosen: Sequence[Part]) -> list[Step]:
    """Compute the changes of those parts that are not applied.

    Raises:
        PatchError: A function is unknown, or a part is half applied.
    """
    tree, steps = Tree(checkout.root), []
    for part in chosen:
        found = examine(checkout, tree, part)
        if found.state == "half applied":
            raise PatchError(
                f"{checkout.root}: expected part {part.name} to be applied as a whole or not at all, found "
                f"{found.done[0]} changed ({len(found.done)} items) and {found.todo[0]} not ({len(found.todo)})"
            )
        if found.todo:
            changes = changes_of(checkout, tree, part)
            steps.append(Step(part, changes))
            tree.changed.update(changes)
    return steps


def examine(checkout: Checkout, tree: Tree, part: Part) -> Found:
    """Compare a checkout with a part."""
    found = Found()
    for function in part.replacements:
        is_done = _function_is_done(checkout, tree, part, function)
        if is_done is not None:
            (found.done if is_done else found.todo).append(function.rpartition(":")[2])
    for path, text in _additions(checkout, tree, part):
        present = tree.read(path)
        if present is not None and present != text:
            raise PatchError(
                f"{checkout.root / path}: expected no such file or that of part {part.name}, found another"
            )
        (found.todo if present is None else found.done).append(path)
    found.todo += list(_transformed(checkout, tree, part))
    for transform in part.transforms if not found.todo else ():
        paths = (path for pattern in transform.files for path in tree.matching(checkout.layout.path(pattern)))
        found.done += [p for p in paths if transform.applied and re.search(transform.applied, tree.read(p) or "")]
    return found


def changes_of(checkout: Checkout, tree: Tree, part: Part) -> dict[str, str]:
    """Compute the new texts of the files that a part changes or adds.

    Raises:
        PatchError: A changed file would not compile.
    """
    from tools.upstream_patch.formatting import reformatted

    after = Tree(tree.root, dict(tree.changed))
    after.changed.update(_replaced(checkout, after, part))
    after.changed.update(_transformed(checkout, after, part))
    texts = {path: text for path, text in after.changed.items() if text != tree.read(path)}
    for path, text in texts.items():
        if path.endswith(".py"):
            texts[path] = reformatted(text, tree.read(path))
            _check_syntax(path, texts[path])
    return {**texts, **{path: text for path, text in _additions(checkout, tree, part) if tree.read(path) is None}}


def _function_is_done(checkout: Checkout, tree: Tree, part: Part, function: str) -> bool | None:
    """Tell whether a function is the part's; None if the checkout's release has no such function.

    Raises:
        PatchError: It is neither upstream's nor the patch's.
    """
    path, name = checkout.layout.file_of(function), function.rpartition(":")[2]
    text = tree.read(path)
    present = None if text is None else functions_of(text).get(name)
    known = known_functions().get(function, {})
    if present is None:
        if text is not None and any(checkout.release in releases for releases in known.values()):
            raise PatchError(f"{path}: expected {name}, as {checkout.release} has it, found none; nothing was changed")
        return None
    if fingerprint(present) in known:
        return False
    ours = body_fingerprint(present)
    for other in reversed([parts.load_part(known) for known in parts.NAMES]):
        if function in other.replacements and ours == _our_fingerprint(other, function, checkout.release):
            return parts.NAMES.index(other.name) >= parts.NAMES.index(part.name)
    raise PatchError(
        f"{path}: expected {name} as a release from 202209 to 202611 has it, found other code "
        f"(fingerprint {fingerprint(present)}); nothing was changed"
    )


@cache
def _our_fingerprint(part: Part, function: str, release: str) -> str:
    name = function.rpartition(":")[2]
    return body_fingerprint(functions_of(part.source_of(function, release))[name])


def _replaced(checkout: Checkout, tree: Tree, part: Part) -> dict[str, str]:
    """Texts of the modules with functions of the part."""
    from tools.upstream_patch.edit import remove_functions, replace_functions

    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for function in part.replacements:
        path, name = checkout.layout.file_of(function), function.rpartition(":")[2]
        if name in functions_of(tree.read(path) or ""):
            names[path, part.source_of(function, checkout.release)].append(name)
    for (path, source), chosen in names.items():
        _check_helpers(path, tree.read(path) or "", source, chosen)
        tree.changed[path] = replace_functions(tree.read(path) or "", checkout.layout.text(source), chosen)
    for function in part.removals:
        path, name = checkout.layout.file_of(function), function.rpartition(":")[2]
        if _is_idle(checkout, tree, function):
            tree.changed[path] = remove_functions(tree.read(path) or "", [name])
    return tree.changed


def _check_helpers(path: str, text: str, source: str, chosen: Sequence[str]) -> None:
    """Raise `PatchError` if a module has a function of its own with the name of one that would be added."""
    present = functions_of(text)
    for name in functions_of(source):
        if name not in chosen and name in present:
            raise PatchError(f"{path}: expected no function {name}, which the patch adds, found one")


def _is_idle(checkout: Checkout, tree: Tree, function: str) -> bool:
    """Tell whether a known function is named nowhere but in its definition."""
    path, name = checkout.layout.file_of(function), function.rpartition(":")[2]
    present = functions_of(tree.read(path) or "").get(name)
    if present is None or fingerprint(present) not in known_functions().get(function, {}):
        return False
    word = re.compile(rf"\b{name.rpartition('.')[2]}\b")
    found = (len(word.findall(tree.read(file) or "")) for pattern in PYTHON for file in tree.matching(pattern))
    return sum(found) == 1


def _transformed(checkout: Checkout, tree: Tree, part: Part) -> dict[str, str]:
    """New texts of the files that the part's transforms change."""
    after = Tree(tree.root, dict(tree.changed))
    changed = {}
    for transform in part.transforms:
        for pattern in transform.files:
            for path in after.matching(checkout.layout.path(pattern)):
                text = after.read(path) or ""
                new = _change(transform, path.endswith(".py"), text)
                if new != text:
                    after.changed[path] = changed[path] = checkout.layout.text(new)
    return changed


@cache
def _change(transform: Transform, is_python: bool, text: str) -> str:
    """Apply a transform to a text."""
    if not re.search(transform.marker, text):
        return text
    if not is_python:
        return transform.change(text)
    import libcst

    from tools.upstream_patch.edit import remove_idle_imports

    module = libcst.parse_module(text)
    changed = transform.change(module)
    return text if changed.code == text else remove_idle_imports(changed, text).code


def _additions(checkout: Checkout, tree: Tree, part: Part) -> Iterator[tuple[str, str]]:
    """Paths and texts of the part's new files, in the checkout's layout."""
    from tools.upstream_patch.formatting import formatted

    for path, file in part.additions.items():
        if tree.has_place(path):
            text = checkout.layout.text(part.source(file))
            yield checkout.layout.path(path), formatted(text) if path.endswith(".py") else text


def _check_syntax(path: str, text: str) -> None:
    try:
        compile(text, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise PatchError(f"{path}: expected the change to give valid Python, found: {error}") from error
