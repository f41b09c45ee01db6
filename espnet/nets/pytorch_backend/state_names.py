"""State dicts of other releases, whose tensors have other names: each module renames its own tensors.

A module with such tensors has a method `upgrade_state(state, prefix)` and calls `upgrade_on_load(self)` when it is
built, so that `load_state_dict` of any model that contains it accepts them. `upgraded` gives the new names beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

State = dict[str, Tensor]
Names = tuple[tuple[str, str | None], ...]  # pattern of a name's beginning, and its replacement (None: drop)


def upgrade_on_load(module: Any) -> None:
    """Have `module.upgrade_state(state, prefix)` called before tensors are loaded."""
    module.register_load_state_dict_pre_hook(_upgrade)


def _upgrade(module: Any, state: State, prefix: str, *_: Any) -> None:
    module.upgrade_state(state, prefix)


def upgraded(model: nn.Module, state: Mapping[str, Tensor]) -> State:
    """Return the tensors of `state` under the names of `model`; names that no module rewrites stay unchanged."""
    found = dict(state)
    for name, module in model.named_modules():
        if hasattr(module, "upgrade_state"):
            module.upgrade_state(found, f"{name}." if name else "")
    return found


def rename(state: State, prefix: str, names: Names) -> None:
    """Rename the tensors of `state` below `prefix` by the first matching row of `names`; no name is assigned twice."""
    for name in [name for name in state if name.startswith(prefix)]:
        rest = name.removeprefix(prefix)
        pattern, own = next(((pattern, own) for pattern, own in names if re.match(pattern, rest)), (None, None))
        if pattern is None:
            continue
        if own is None:
            del state[name]
        elif (new := prefix + re.sub(pattern, own, rest, count=1)) not in state:
            state[new] = state.pop(name)


def attach(root: nn.Module, path: str, part: nn.Module | nn.Parameter) -> None:
    """Register `part` of `root` under a dotted path; empty modules fill the levels in between."""
    *parents, name = path.split(".")
    for parent in parents:
        if parent not in root._modules:
            root.add_module(parent, nn.Module())
        root = root.get_submodule(parent)
    if isinstance(part, nn.Parameter):
        root.register_parameter(name, part)
    else:
        root.add_module(name, part)
