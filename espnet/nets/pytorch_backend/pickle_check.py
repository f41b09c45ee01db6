"""A look at pickles of strangers before they are loaded: sizes of their tuples, and names of what they call.

PyTorch's safe reader runs no foreign code, but it hashes the keys of mappings: a tuple that holds another one twice,
which holds another one twice, and so on, keeps it for ever. And some of the classes that it knows are made of a number
of bytes, as `bytearray`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MOST_OPERATIONS = 700_000  # of a pickle, which take some seconds to read; a tensor takes about 30
MOST_VALUES = 4096  # of a tuple, with those in it; states of random numbers have about 630
SIZED = ("bytearray", "Tensor", "Storage")  # ends of names of classes that take a size
CALLER, CALLED = "torch._tensor _rebuild_from_type_v2", "torch._utils _rebuild_"  # a function, and what it may call


class UnboundedError(ValueError):
    """A pickle that would take time or memory without bounds; what was found."""


class _Item(NamedTuple):
    """Number of values of an item of the stack; name of a class or function, or of the first item of a tuple."""

    values: int = 1
    name: str = ""


_ONE, _MARK = _Item(), _Item(0)


def require_harmless(file: BinaryIO) -> None:
    """Read a pickle up to its end, without loading it.

    Raises `UnboundedError`, or a `ValueError` or `LookupError` for one that is damaged.
    """
    stack: list[_Item] = []
    memo: dict[object, _Item] = {}
    for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if number == MOST_OPERATIONS:
            raise UnboundedError(f"a pickle of more than {MOST_OPERATIONS} operations")
        name = opcode.name
        if name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "GLOBAL":
            stack.append(_Item(1, str(argument)))
        else:
            taken = [*_taken(stack, opcode)]
            stack += _results(opcode, taken[::-1])


def _taken(stack: list[_Item], opcode: pickletools.OpcodeInfo) -> Iterator[_Item]:
    """Take off the stack what an operation takes, last item first."""
    before = opcode.stack_before
    if pickletools.markobject in before:
        while (item := stack.pop()) is not _MARK:
            yield item
        before = before[: before.index(pickletools.markobject)]
    for _ in before:
        yield stack.pop()


def _results(opcode: pickletools.OpcodeInfo, taken: list[_Item]) -> list[_Item]:
    """Items that an operation puts on the stack, of those that it takes."""
    calls = opcode.name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX")
    if calls:
        _require_call(taken)
    elif not opcode.name.startswith("TUPLE"):
        return [_ONE] * len(opcode.stack_after)
    values = 1 + sum(item.values for item in taken)
    if values > MOST_VALUES:
        raise UnboundedError(f"a tuple of more than {MOST_VALUES} values, with those that it repeats")
    return [_Item(values, taken[0].name if taken and not calls else "")]


def _require_call(taken: list[_Item]) -> None:
    """Raise `UnboundedError` for a call that makes an object of a given size."""
    called, argument = taken[0].name, taken[1].name
    if called.endswith(SIZED) or (called == CALLER and not argument.startswith(CALLED)):
        raise UnboundedError(f"a call of {(argument if called == CALLER else called).replace(' ', '.') or 'a list'}")
