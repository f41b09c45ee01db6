"""Write `doc/architectures.md`, the table of supported choices, from the registries and the tables of the zoo.

python tools/architecture_table.py [--check]      # --check: fail if the file is out of date
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test")]

import zoo  # noqa: E402
import zoo_calls  # noqa: E402
from zoo_data import New, Row  # noqa: E402

from espnet2.asr_transducer.encoder.validation import KEYS  # noqa: E402
from espnet2.interface.errors import EspnetError  # noqa: E402
from espnet2.interface.families import FAMILIES, kind_of, task_class  # noqa: E402
from espnet2.tasks.asr_transducer import ENCODER, ASRTransducerTask  # noqa: E402
from espnet2.tasks.choices import Choices, load_class  # noqa: E402
from espnet2.tasks.detect import TASKS  # noqa: E402

PAGE = ROOT / "doc" / "architectures.md"
TRAINING_ONLY = {"specaug"}
HEAD = """# Architectures

The names that `config.yaml` may use, written by `tools/architecture_table.py` from the registries and the tables of the
zoo (`test/zoo.py`).

- **choice**: the name, with the number of sets of options whose outputs and state-dict keys are compared with
  upstream's.
- **options**: the options in which these sets differ, with their values where these are names.
- **graphs**: the exported graphs. A choice without graphs of its own is part of the graph `encoder`; one with
  `encoder_step` also works on [streams](streaming.md).
"""
LISTED = 300  # characters of names that an option may take
GIVEN = {"input_size"}  # by the part before
COLUMNS = "| choice | options | graphs |\n|---|---|---|\n"


def rows_of(task: Any, choices: Choices, name: str) -> list[Row]:
    """The zoo's rows of a choice: of its class, and of whole models that name it."""
    path = f"{task.__module__}:{task.__name__}"
    alone = [row for row in zoo.ROWS.values() if row.target == choices.classes[name]]
    return alone or [
        row for row in zoo.ROWS.values() if row.target == path and row.make.keys.get(choices.section) == name
    ]


def flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with those of a nested mapping as `outer.inner`."""
    plain: dict[str, Any] = {}
    for name, value in options.items():
        nested = {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, Mapping) else {name: value}
        plain.update(nested)
    return plain


def varied(rows: Iterable[Row]) -> str:
    """The options in which rows differ, with their values where these are names."""
    sets = [flat(row.make.options if isinstance(row.make, New) else row.make.keys) for row in rows]
    names = dict.fromkeys(name for options in sets for name in options if name not in GIVEN)
    shown = []
    for name in names:
        values = list(dict.fromkeys(str(options[name]) for options in sets if name in options))
        words = [options[name] for options in sets if isinstance(options.get(name), str)]
        if len(values) > 1 or any(name not in options for options in sets):
            listed = ", ".join(dict.fromkeys(words))
            shown.append(f"`{name}`" + (f" ({listed})" if 0 < len(listed) < LISTED else ""))
    return ", ".join(shown)


def graphs(row: Row) -> str:
    """Names of the graphs of a row's module or model."""
    with tempfile.TemporaryDirectory() as directory:
        module = zoo_calls.build(row.make, Path(directory))
    parts = [component for _, component in module.parts()] if hasattr(module, "parts") else ()
    components = parts or (module.components() if hasattr(module, "components") else ())
    streams = hasattr(module, "encode_step") and getattr(module, "blocks", None) is not None
    names = [component.name for component in components] + ["encoder_step"] * streams
    return ", ".join(f"`{name}`" for name in names)


def refusal(target: str) -> str:
    """Message of a choice that cannot be built."""
    options = next(options for unavailable, options, _ in zoo.UNAVAILABLE if unavailable == target)
    try:
        load_class(target)(**options)
    except EspnetError as error:
        return str(error)
    raise SystemExit(f"{target}: expected an error, found none")


def line(task: Any, choices: Choices, name: str) -> str:
    """One choice as a line of its table."""
    rows = rows_of(task, choices, name)
    if not rows:
        return f"| `{name}` | refused: {refusal(choices.classes[name])} | |"
    return f"| `{name}` ({len(rows)}) | {varied(rows)} | {graphs(rows[0])} |"


def body_line(kind: str) -> str:
    """One kind of block of a stand-alone transducer's encoder as a line of a table."""
    rows = [row for row in zoo.ROWS.values() if row.target == ENCODER]
    bodies = {row.name: [conf for conf in row.make.options["body_conf"] if conf["block_type"] == kind] for row in rows}
    keys = sorted(set().union(*(conf for confs in bodies.values() for conf in confs)) - {"block_type"})
    count = sum(bool(confs) for confs in bodies.values())
    return f"| `{kind}` ({count}) | {', '.join(f'`{key}`' for key in keys)} | `encoder`, `encoder_step` |\n"


def title(name: str) -> str:
    """Return a task's name without article and abbreviation."""
    words = TASKS[name].partition(" (")[0].removeprefix("a ")
    return words[0].upper() + words[1:]


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name in (name for name in FAMILIES if kind_of(name) == name):
        task = task_class(name)
        parts.append(f"\n## {title(name)} (`{task.__module__}`)\n")
        if task is ASRTransducerTask:
            parts += [f"\n### `encoder_conf.body_conf`\n\n{COLUMNS}", *map(body_line, KEYS)]
        for choices in task.choices():
            if choices.section in TRAINING_ONLY:
                continue
            parts.append(f"\n### `{choices.section}`\n\n{COLUMNS}")
            parts += [line(task, choices, name) + "\n" for name in choices.classes]
    return "".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    text = page()
    if not args.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE.relative_to(ROOT)} is out of date: run python tools/architecture_table.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
