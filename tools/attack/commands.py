"""Give every command what a stranger may send, and list the answers that are no result and no sentence.

    python tools/attack/commands.py --work build/attack                      # all families and kinds
    python tools/attack/commands.py --work build/attack --families mt lid --kinds configs --count 50

Tiny models of all families (`ROUND_TRIP` in `test/zoo_*.py`) and their bundles are made in `--work` once. Each input is
given to the family's command in a process of its own, which is forked, so that nothing is imported again. A fault is an
exit status other than 0, 1 and 2, a traceback, standard error of several lines or without `expected … found …`, more
than `--seconds` or `--megabytes` beyond what the command takes for good files. Exit status 1 where there are faults.
"""

from __future__ import annotations

import argparse
import copy
import functools
import importlib
import itertools
import os
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import families
import yaml
from answers import MIB, Answer, Bounds, answer_of, faults
from inputs import LINES, SPECIAL, WORDS, changed
from models import COMMANDS, FAMILY_OF, LANGUAGE, STREAMING, keys_of, make_model, write_yaml
from rows import KINDS as KINDS_OF_ROWS
from rows import ROWS, Tool, write_files
from trainings import training_keys

Attack = tuple[str, Sequence[str]]  # what is done, and the command
PATIENCE = 60.0  # seconds after which a command is ended, on a machine that does other things, too


class Target:
    """Files of a family's model, its bundle, and the commands that take them."""

    def __init__(self, task: str, work: Path) -> None:
        from espnet2.interface.families import FAMILIES

        self.task, self.work, self.row = task, work, FAMILIES[FAMILY_OF.get(task, task)]
        self.command = COMMANDS[task]
        self.files, self.bundle = work / task, work / task / "bundle"
        self.options = [word.format(work=work) for word in self.command.options]

    @property
    def names(self) -> Sequence[str]:
        """Its commands."""
        return self.command[:3]

    def good(self, kind: str) -> Sequence[str]:
        """The command on good files."""
        of_kind = {"configs": self.pytorch, "weights": self.pytorch, "trainings": self.training}
        return of_kind.get(kind, self.runtime)()

    def pytorch(self, config: Path | None = None, weights: Path | None = None) -> list[str]:
        """The command on PyTorch."""
        config, weights = config or self.files / "config.yaml", weights or self.files / "model.pth"
        options = importlib.import_module(f"espnet2.bin.{self.command.pytorch}").get_parser()._option_string_actions
        names = [self.row.config, self.row.weights]
        names = names if f"--{names[0]}" in options else [self.row.packed[name] for name in names]
        files = [f"--{names[0]}", str(config), f"--{names[1]}", str(weights)]
        return [self.command.pytorch, *files, "--log_level", "ERROR", *self.options]

    def runtime(self, bundle: Path | None = None) -> list[str]:
        """The command on a bundle."""
        files = ["--bundle", str(bundle or self.bundle)]
        return [self.command.bundle, *files, "--num_threads", "1", "--log_level", "ERROR", *self.options]

    def configs(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Changed configurations."""
        data = yaml.safe_load((self.files / "config.yaml").read_text())
        while True:
            tree, text = changed(data, rng)
            write_yaml(place / "config.yaml", tree)
            yield text, self.pytorch(config=place / "config.yaml")

    def training(self, config: Path | None = None, output: Path | None = None) -> list[str]:
        """The command of training, which builds a model and its optimiser, and goes no further."""
        words = [
            "--config",
            str(config or self.training_config()),
            "--output_dir",
            str(output or self.files / "exp"),
        ]
        return [self.command.train, *words, "--dry_run", "true", "--log_level", "ERROR"]

    def training_config(self) -> Path:
        """The configuration, with lists of tokens in files."""
        data, path = yaml.safe_load((self.files / "config.yaml").read_text()), self.files / "training.yaml"
        for name in [name for name in data if name.endswith("token_list") and isinstance(data[name], list)]:
            (self.files / name).write_text("".join(f"{token}\n" for token in data[name]))
            data[name] = str(self.files / name)
        write_yaml(path, data)
        return path

    def trainings(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Changed configurations of training."""
        data = yaml.safe_load(self.training_config().read_text())
        while True:
            tree, text = changed(data, rng)
            write_yaml(place / "config.yaml", tree)
            yield text, self.training(place / "config.yaml", place / "exp")

    def weights(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Changed bytes of weights."""
        content = (self.files / "model.pth").read_bytes()
        while True:
            found = bytearray(content)
            places = [rng.randrange(len(found)) if rng.random() < 0.7 else -1 - rng.randrange(400) for _ in range(3)]
            for number in places:
                found[number] = rng.randrange(256)
            (place / "model.pth").write_bytes(found[: rng.randrange(len(found)) if rng.random() < 0.1 else None])
            yield f"bytes {places}", self.pytorch(weights=place / "model.pth")

    def manifests(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Changed manifests of bundles."""
        data = yaml.safe_load((self.bundle / "bundle.yaml").read_text())
        for file in self.bundle.iterdir():
            if file.name != "bundle.yaml":
                (place / file.name).symlink_to(file)
        while True:
            tree, text = changed(data, rng)
            write_yaml(place / "bundle.yaml", tree)
            yield text, self.runtime(place)

    def graphs(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Bundles with other files in place of theirs, of the right checksum."""
        from espnet2.fileio.checksum import sha256

        data = yaml.safe_load((self.bundle / "bundle.yaml").read_text())
        tables = [data["components"], data["files"]]
        while True:
            tree = copy.deepcopy(data)
            name, entry = rng.choice([pair for table in (tree["components"], tree["files"]) for pair in table.items()])
            for file in [*place.iterdir()]:
                file.unlink() if not file.is_dir() else file.rmdir()
            for table in tables:
                for other in table.values():
                    (place / other["file"]).symlink_to(self.bundle / other["file"])
            path = place / entry["file"]
            path.unlink()
            kind = rng.choice([*SPECIAL, *["bytes"] * 8])
            if kind in SPECIAL:
                SPECIAL[kind](path)
            else:
                content = bytearray((self.bundle / entry["file"]).read_bytes())
                for _ in range(rng.choice((1, 3, 20))):
                    content[rng.randrange(min(len(content), rng.choice((300, len(content)))))] = rng.randrange(256)
                path.write_bytes(content)
            if path.is_file() and path.resolve() == path:
                entry["sha256"] = sha256(path)
            write_yaml(place / "bundle.yaml", tree)
            yield f"{name}: {kind}", self.runtime(place)

    def option_sets(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Options of the bundle's command with values at their limits."""
        parser = importlib.import_module(f"espnet2.bin.{self.command.bundle}").get_parser()
        known = [a.option_strings[-1] for a in parser._actions if a.option_strings and a.nargs is None]
        left_out = ("--bundle", "--output_dir", "--output", "--model_tag", "--nj")
        known = [name for name in known if name not in left_out]
        while True:
            chosen = [(rng.choice(known), rng.choice(WORDS)) for _ in range(rng.choice((1, 1, 1, 2)))]
            words = [f"{name}={value}" for name, value in chosen]
            yield " ".join(word[:60] for word in words), [*self.runtime(), *words]

    def lists(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Lists of inputs that strangers write."""
        name = {"mt": "src_text,text", "tts": "text,text", "gan_tts": "text,text", "tts2": "text,text"}.get(
            self.task, "speech,sound"
        )
        words = self.runtime()
        words = words[: len(words) - 1]
        while True:
            lines = [rng.choice(LINES).replace("WAV", str(self.work / "speech.wav")) for _ in range(3)]
            (place / "list").write_bytes("".join(lines).encode("utf-8", "surrogateescape"))
            out = ["--output_dir", str(place / "out")]
            yield repr(lines)[:90], [*words, "--data_path_and_name_and_type", f"{place / 'list'},{name}", *out]


ON_PYTORCH = ("configs", "weights", "trainings")
KINDS = (*ON_PYTORCH, "manifests", "graphs", "option_sets", "lists")


def prepare(work: Path, tasks: Sequence[str], bundles: bool = True) -> None:
    """Make checkpoints, and with `bundles` bundles, that are not there yet, each in a process of its own."""
    import numpy as np
    import soundfile

    work.mkdir(parents=True, exist_ok=True)
    soundfile.write(work / "speech.wav", np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    for task in tasks:
        made = (work / task / ("bundle/bundle.yaml" if bundles else "model.pth")).is_file()
        if not made and not in_child(make_model, work / task, task, bundles):
            raise SystemExit(f"{task}: no model")


def prepare_rows(work: Path, places: Iterable[str]) -> None:
    """Make the models and files of rows that are not there yet."""
    source = {**LANGUAGE, "token_list": keys_of("st_two")["src_token_list"]}
    makers = {
        "asr_streaming": functools.partial(make_model, work / "asr_streaming", "asr", True, STREAMING, streaming=True),
        "lm": functools.partial(make_model, work / "lm", "lm", False, LANGUAGE),
        "src_lm": functools.partial(make_model, work / "src_lm", "lm", False, source),
    }
    prepare(work, ["asr", *(place for place in places if place in COMMANDS)])
    for name in places:
        make = makers.get(name, functools.partial(families.make, work, name))
        if name not in COMMANDS and not (work / name).is_dir() and not in_child(make):
            raise SystemExit(f"{name}: no model")
    if not (work / "asr/run/checkpoint.pth").is_file() and not in_child(_train, Target("asr", work)):
        raise SystemExit("asr: no training")
    write_files(work)


def _train(target: Target) -> None:
    """Write the configuration of a training, its data, and what it leaves."""
    shutil.rmtree(target.files / "corpus", ignore_errors=True)
    data = yaml.safe_load(target.training_config().read_text())
    write_yaml(target.files / "run.yaml", {**data, **training_keys(target.files / "corpus", "asr")})
    words = ["--config", str(target.files / "run.yaml"), "--output_dir", str(target.files / "run"), "--max_epoch", "1"]
    importlib.import_module("espnet2.bin.asr_train").main(words)


def in_child(function: Callable[..., Any], *arguments: Any) -> bool:
    """Call a function in a forked process; return whether it came to its end."""
    child = os.fork()
    if not child:
        try:
            function(*arguments)
        except BaseException as error:
            print(error, file=sys.stderr) if isinstance(error, SystemExit) else traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def attack(
    target: Target | Tool, kind: str, count: int, bounds: Bounds, rng: random.Random
) -> tuple[int, int, float, int]:
    """Run attacks of a kind, print the faults.

    Returns the numbers of attacks and of faults, and most seconds and bytes beyond good files.
    """
    with tempfile.TemporaryDirectory(dir=target.work) as place:
        good = answer_of(target.good(kind), Path(place), PATIENCE)
    if good.status != 0:
        print(f"{target.task} {kind}: good files: status {good.status}: {good.written[-300:]}")
        return 0, 1, 0.0, 0
    done, bad, slowest, largest = 0, 0, 0.0, 0
    with tempfile.TemporaryDirectory(dir=target.work) as place:
        for text, words in itertools.islice(getattr(target, kind)(Path(place), rng), count):
            done += 1
            answer = answer_of(words, Path(place), PATIENCE)
            spent, taken = answer.seconds - good.seconds, answer.memory - good.memory
            slowest, largest = max(slowest, spent), max(largest, taken)
            found = faults(Answer(answer.status, answer.written, spent, taken), bounds)
            if found:
                bad += 1
                last = answer.written.strip().splitlines()[-1:] or [""]
                print(f"{target.task} {kind}: {text}: {', '.join(found)}: {last[0][:200]}", flush=True)
    return done, bad, slowest, largest


def main(cmd: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="directory of models and bundles")
    parser.add_argument("--families", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), help="further commands, instead of families")
    parser.add_argument("--count", type=int, default=50, help="inputs of each kind")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--megabytes", type=float, default=1024.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(cmd)
    work = args.work.absolute()
    os.environ.update(OMP_NUM_THREADS="1", ESPNET_PIPE_SECONDS="1", XDG_CACHE_HOME=str(work / "cache"))
    rows, tasks = args.rows or [], [] if args.rows else args.families
    prepare(work, tasks, bundles=bool(set(args.kinds) - set(ON_PYTORCH)))
    tools = [Tool(row, work) for row in rows]
    if rows:
        prepare_rows(work, sorted(set().union(*(tool.places for tool in tools))))
    used = [Target(task, work) for task in tasks] + tools
    for name in {name for target in used for name in target.names}:
        importlib.import_module(f"espnet2.bin.{name}")
    for name in ("espnet2.inference.trained", "espnet2.tasks.asr", "espnet2.tasks.training", "espnet2.runtime.session"):
        importlib.import_module(name)
    bounds, total = Bounds(args.seconds, int(args.megabytes * MIB)), 0
    for target in used:
        for kind in args.kinds if isinstance(target, Target) else KINDS_OF_ROWS:
            rng = random.Random(f"{args.seed}{target.task}{kind}")
            count, bad, seconds, memory = attack(target, kind, args.count, bounds, rng)
            total += bad
            figures = f"most {max(seconds, 0):.1f} s, {max(memory, 0) / MIB:.0f} MiB more than good files"
            print(f"{target.task} {kind}: {count} inputs, {bad} faults, {figures}", flush=True)
    shutil.rmtree(work / "cache", ignore_errors=True)
    return int(total > 0)


if __name__ == "__main__":
    raise SystemExit(main())
