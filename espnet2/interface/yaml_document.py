"""Parsing of YAML from strangers: the safe loader, with limits on depth, on numbers, and on what aliases repeat."""

from __future__ import annotations

import copy
import functools
from typing import Any

from espnet2.interface.errors import EspnetError
from espnet2.interface.limits import hint, limit

LIMITS = ("DOCUMENT_DEPTH", "DOCUMENT_NODES", "NUMBER_DIGITS")
TEXT = "tag:yaml.org,2002:str"
# The hashes of numbers may be made equal, so that the time that a mapping takes grows with the square of its size.
MOST_OTHER_KEYS = 4096


def parse_yaml(text: str, source: str, error_type: type[EspnetError]) -> Any:
    """Parse a YAML document; raises `error_type`, with `source` first, for anything that is no plain YAML.

    What is returned may be formatted into a message or walked through: aliases cannot make it large.
    """
    try:
        # Commands read a configuration twice, to tell its task and to build the model.
        return copy.deepcopy(_parsed(text, tuple(map(limit, LIMITS))))
    except Exception as error:  # besides YAMLError: IndexError for `!!int ''`, KeyError for `!!bool x`, ...
        raise error_type(f"{source}: expected plain YAML, found: {_reason(error)}") from error


@functools.lru_cache(maxsize=1)
def _parsed(text: str, limits: tuple[int, ...]) -> Any:
    """The content of a document within these limits; raises whatever the parser does, and `ValueError`."""
    _require_few_lines(text)
    loader = _loader_type()(text)
    loader.most_digits = limit("NUMBER_DIGITS")
    try:
        if _may_be_deep(text):
            _require_shallow(text)
        node = loader.get_single_node()
        if node is not None and "*" in text:
            _require_few(node)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


@functools.cache
def _loader_type() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times faster on long token lists

    class Loader(base):
        """The safe loader without numbers that take long to read, to find as a key, or that Python does not print."""

        other_keys = 0  # that are no texts
        most_digits = 0  # of a number

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            if isinstance(node, yaml.MappingNode):
                self.other_keys += sum(key.tag != TEXT for key, _ in node.value)
            if self.other_keys > MOST_OTHER_KEYS:
                raise ValueError(f"more than {MOST_OTHER_KEYS} keys that are no texts, line {node.start_mark.line + 1}")
            return super().construct_mapping(node, deep)

    for kind in ("int", "float"):
        number = functools.partial(_number, read=getattr(base, f"construct_yaml_{kind}"))
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", number)
    return Loader


def _number(loader: Any, node: Any, read: Any) -> Any:
    text = str(node.value)
    if len(text) > loader.most_digits:
        raise ValueError(f"a number of {len(text)} characters, line {node.start_mark.line + 1}")
    return read(loader, node)


def _may_be_deep(text: str) -> bool:
    """Whether brackets or indentation could exceed the limit of levels; a cheap upper bound."""
    indented = max((len(line) - len(line.lstrip(" ")) for line in text.splitlines()), default=0)
    opened = text.count("[") + text.count("{") + max(text.count("- -"), text.count("? "))
    return 2 * indented + opened + 2 > limit("DOCUMENT_DEPTH")


def _require_shallow(text: str) -> None:
    """Raise `ValueError` for nesting deeper than the limit, from the stream of events, without recursion."""
    import yaml

    depth, deepest = 0, limit("DOCUMENT_DEPTH")
    events: Any = yaml.parse(text, _loader_type())
    for event in events:
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > deepest:
            raise ValueError(f"lists and mappings in more than {deepest} levels, line {event.start_mark.line + 1}")


# What stands before a value, and how many there may be: a mapping in brackets takes as long as three values in a list.
BEFORE_VALUES = {"\n": 1, ",": 1, ": ": 1, ":\n": 1, "[": 1, "{": 2}


def _require_few_lines(text: str) -> None:
    """Raise `ValueError` where there are more lines, commas, colons and brackets than values in the limit."""
    most = limit("DOCUMENT_NODES")
    if sum(count * text.count(mark) for mark, count in BEFORE_VALUES.items()) > most:
        raise ValueError(f"more than {most} values; {hint('DOCUMENT_NODES')}")


def _require_few(root: Any) -> None:
    """Raise `ValueError` for a document that its aliases make larger than the limit, or endless."""
    most = limit("DOCUMENT_NODES")
    sizes: dict[int, int | None] = {}  # of the nodes seen, with all that is in them; None: not known yet
    waiting = [root]
    while waiting:
        node = waiting[-1]
        inside = _inside(node)
        if id(node) not in sizes:
            sizes[id(node)] = None
            if any(sizes.get(id(item), 0) is None for item in inside):
                raise ValueError(f"a list or mapping that has itself in it, line {node.start_mark.line + 1}")
            waiting += [item for item in inside if id(item) not in sizes]
            continue
        waiting.pop()
        if sizes[id(node)] is None:
            size = sizes[id(node)] = 1 + sum(sizes[id(item)] or 0 for item in inside)
            if size > most:
                raise ValueError(f"more than {most} values, with those that aliases repeat; {hint('DOCUMENT_NODES')}")


def _inside(node: Any) -> list[Any]:
    """The nodes of a list or mapping."""
    if isinstance(node.value, str):
        return []
    return [item for pair in node.value for item in (pair if isinstance(pair, tuple) else (pair,))]


def _reason(error: Exception) -> str:
    """Reason and line of a YAML error."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if isinstance(
        error, LookupError | AttributeError | TypeError
    ):  # of the loader, whose words say nothing of the file
        return "a value that is not of the kind that its tag says"
    text = " ".join(str(problem or error).split()).removeprefix("found ") or type(error).__name__
    text = text.replace("unhashable key", "a list or mapping as a key")
    return text if mark is None else f"{text}, line {mark.line + 1}"
