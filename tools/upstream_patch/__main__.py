"""Make a checkout or installation of upstream ESPnet exportable: `python -m tools.upstream_patch --help`."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser
from tools.upstream_patch import parts
from tools.upstream_patch.checkout import Step, Tree, open_checkout
from tools.upstream_patch.errors import PatchError
from tools.upstream_patch.plan import examine, plan

UNCHANGED = {"applied": "already applied", "not needed": "nothing to change"}


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m tools.upstream_patch",
        description="Change upstream ESPnet, 202209 to 202611, so that plain torch.onnx.export exports its models.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, (command, text) in COMMANDS.items():
        sub = verbs.add_parser(verb, help=text)
        sub.add_argument("checkout", help="git checkout of ESPnet, or the site-packages directory that has espnet2/")
        sub.set_defaults(command=command, log_level="WARNING")
        if verb == "apply":
            choices = (*parts.NAMES, "all")
            sub.add_argument("--part", choices=choices, default="all", help="with the parts that it requires")
            sub.add_argument("--dry-run", action="store_true", help="tell what would change, and write nothing")
    return parser


def _apply(args: argparse.Namespace) -> None:
    checkout = open_checkout(args.checkout)
    chosen = parts.with_required(parts.NAMES if args.part == "all" else [args.part])
    steps = plan(checkout, chosen)
    stepped = {step.part.name for step in steps}
    without = [part for part in chosen if part.name not in stepped]
    paths = sorted({path for step in steps for path in step.changes})
    checkout.check(paths)
    checkout.check_writable(paths)
    before = Tree(checkout.root)
    others = [f"part {part.name}: {UNCHANGED[examine(checkout, before, part).state]}" for part in without]
    lines = [_summary(before, step) for step in steps]
    if steps and not args.dry_run:
        checkout.write(steps)
    print("\n".join([*others, *lines, *(["nothing was written"] if args.dry_run else [])]))


def _revert(args: argparse.Namespace) -> None:
    checkout = open_checkout(args.checkout)
    reverted = checkout.revert([parts.load_part(name) for name in parts.NAMES])
    print(f"reverted: {', '.join(reverted)}" if reverted else "nothing to revert: no part is applied")


def _status(args: argparse.Namespace) -> None:
    checkout = open_checkout(args.checkout)
    tree = Tree(checkout.root)
    print(f"ESPnet {checkout.release}, {checkout.root}")
    unknown = []
    for name in parts.NAMES:
        part = parts.load_part(name)
        try:
            state = examine(checkout, tree, part).state
        except PatchError as error:
            state = "unknown code"
            unknown.append(f"{name}: {error}")
        print(f"{name:8s} {state:12s} {part.title}")
    print("".join(f"{line}\n" for line in unknown), end="")


def _summary(tree: Tree, step: Step) -> str:
    """The part's name, then each file with its numbers of added and removed lines, as `git diff --stat` counts."""
    counts: dict[str, tuple[int, int]] = {}
    for path, text in sorted(step.changes.items()):
        lines = list(difflib.unified_diff((tree.read(path) or "").splitlines(), text.splitlines(), n=0))[2:]
        counts[path] = (sum(line[0] == "+" for line in lines), sum(line[0] == "-" for line in lines))
        tree.changed[path] = text
    added, removed = map(sum, zip(*counts.values(), strict=True))
    files = [f"  +{plus:<4d} -{minus:<4d} {path}" for path, (plus, minus) in counts.items()]
    return "\n".join([f"part {step.part.name}: {len(counts)} files, +{added} -{removed} lines", *files])


COMMANDS = {
    "apply": (_apply, "apply parts"),
    "revert": (_revert, "undo all parts"),
    "status": (_status, "print how far each part is applied"),
}


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), lambda args: args.command(args), cmd)


if __name__ == "__main__":
    raise SystemExit(main())
