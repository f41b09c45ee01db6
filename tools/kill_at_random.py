"""Kill commands at random moments, start them again, and compare what they have written with an undisturbed run.

    python tools/kill_at_random.py --work build/killed --kills 50                   # all rows
    python tools/kill_at_random.py --work build/killed --kills 50 '* train' 'asr*'  # rows by patterns

A row is a command of a family, with a tiny model of it (`tools/attack/commands.py`) that is made in `--work` once. The
command is started in a process that is forked from one which has imported what it needs, and is killed (SIGKILL, with
its children) at a random moment of its work, or before a random one of its changes to files; or it is started in a
whole process. The next start, which may be killed too, finds what is there. Some starts run to their end: then the
contents of the output have to be as after the undisturbed run, of trainings the weights, the states of optimisers and
the histories but for times, and nothing else may be left, neither beside the output nor in the directory of temporary
files, which is one of its own. Exit status 1 where that fails.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import yaml
from tqdm import tqdm

sys.path.append(str(Path(__file__).resolve().parent / "attack"))

from commands import Target, in_child
from kills import Runner, contents, names, remember_traces
from models import COMMANDS, FAMILY_OF, SHORT, STREAMING, Command, make_model, write_yaml
from trainings import TRAININGS, training_keys

from espnet2.interface.families import FAMILIES

OUT = "made/out"  # of a row's directory, in which commands run
SPOKEN = 3  # recordings that are decoded


class Row(NamedTuple):
    """A command of `espnet2.bin` that writes to `OUT`; `anew`: one that leaves a finished output as it is."""

    name: str
    words: Sequence[str]
    anew: bool = False


class Result(NamedTuple):
    """Numbers of kills and of compared runs, and in how many of these something differed or was left."""

    kills: int
    compared: int
    differences: int
    leftovers: int


class Trial:
    """Kills of a row's command.

    Args:
        row: The row.
        place: A directory of its own.
        imports: Seconds that a whole process takes for its imports.
        rng: What draws.
    """

    def __init__(self, row: Row, place: Path, imports: float, rng: random.Random) -> None:
        self.row, self.place, self.rng = row, place, rng
        self.runner = Runner(place, row.words)
        if self.runner.warm() != 0:
            raise SystemExit(f"{row.name}: expected an undisturbed run, found: {self.runner.said()}")
        self.expected = contents(place, OUT)
        self.runner.reset()
        self.undisturbed = self.runner.start()
        self.usual, self.imports = names(place), imports
        if self.undisturbed.status != 0 or not self.expected or contents(place, OUT) != self.expected:
            raise SystemExit(f"{row.name}: expected two runs with the same results, found: {self.runner.said()}")

    def __call__(self, kills: int, most_starts: int) -> Result:
        """Kill the command so many times; up to `most_starts` follow each other before one that ends."""
        killed, compared, differences, leftovers = 0, 0, 0, 0
        while killed < kills:
            if self.row.anew or self.rng.random() < 0.5:
                self.runner.reset()
            told: list[str] = []
            for _ in range(self.rng.randint(1, most_starts)):
                moment = self._drawn()
                if self.runner.start(**moment).status is not None:
                    break
                told.append(" ".join(f"{name} {value}" for name, value in moment.items()))
            wrong, left = self._ended()
            killed, compared = killed + len(told), compared + 1
            differences, leftovers = differences + bool(wrong), leftovers + bool(left)
            if wrong or left:
                print(f"{self.row.name}: killed at {', '.join(told)}: differ {wrong}, left {left}", flush=True)
                self.runner.reset()
        return Result(killed, compared, differences, leftovers)

    def _drawn(self) -> dict[str, Any]:
        """Arguments of `Runner.start`."""
        if self.rng.random() < 0.1:
            return {"seconds": self.rng.uniform(0, self.imports + self.undisturbed.seconds), "whole": True}
        if self.rng.random() < 0.5:
            return {"change": self.rng.randint(1, self.undisturbed.changes)}
        return {"seconds": self.rng.uniform(0, self.undisturbed.seconds)}

    def _ended(self) -> tuple[list[str], list[str]]:
        """Differences after a start that runs to its end, and leftovers."""
        status = self.runner.start().status
        found, left = contents(self.place, OUT), sorted(names(self.place) - self.usual)
        differ = sorted(name for name, content in self.expected.items() if found.get(name) != content)
        return [*differ, *([] if status == 0 else [f"status {status}: {self.runner.said()}"])], left


SPEECH, TEXT = {"speech": ("sound", ())}, {"text": ("text", ("ab", "c ba", "abc"))}
# Fields of the lists that a family decodes: their types, and their values in turn, which are paths for sounds.
LISTS: Mapping[str, Mapping[str, tuple[str, Sequence[str]]]] = {
    "mt": {"src_text": ("text", ("ab", "h", "c d"))},
    "slu": {**SPEECH, "transcript": ("text", ("play a", "g", "f"))},
    **dict.fromkeys(("lm", "tts", "gan_tts", "tts2"), TEXT),
}
MODELS: Mapping[str, Command] = {
    **{name: command for name, command in COMMANDS.items() if name not in FAMILY_OF},
    "streams": Command("asr_inference_streaming", "asr_inference_streaming_onnx", "asr_train", SHORT),
    "lm": Command("", "", "lm_train", ()),
    "vocoder": Command("", "", "", ()),
}
# Commands of all families that have them, and further ones, of which the first word is the model.
GENERAL = {
    "export": "export_onnx {files}",
    "bundle": "{command.bundle} {bundle} {lists}",
    "pytorch": "{command.pytorch} {model} {lists}",
    "train": "{command.train} {config}",
    "stats": "{command.train} {config} --collect_stats true --write_collected_feats true",
}
FURTHER = {
    "asr int8": "export_onnx {files} --quantize int8",
    "asr one_graph": "export_onnx {files} --one_graph true",
    "asr triton": "export_onnx {files} --layout triton",
    "asr processes": "asr_inference_onnx {bundle} {lists} --nj 2",
    "asr transcribe": "cli transcribe {place}/bundle {recordings} --format json",
    "asr workers": "asr_train {config} --num_workers 1",
    "asr pictures": "asr_train {config} --use_matplotlib true --num_att_plot 1",
    "lm perplexity": "lm_calc_perplexity --train_config {place}/config.yaml --model_file {place}/model.pth {lists}",
    "st translate": "cli translate {place}/bundle {recordings} --format srt",
}
STREAMED = {"streams export": "--streaming true"}
# Kinds that a model lacks: it goes with others, is trained as others are, or by no command.
LEFT_OUT: Mapping[str, Sequence[str]] = {
    "lm": ("export", "bundle", "pytorch"),
    "streams": ("train", "stats"),
    "s2t_ctc": ("train", "stats"),
    "vocoder": ("bundle", "pytorch", "train", "stats"),
}


class Model:
    """A tiny model of a family, its bundle, and the words that name them and its data in commands."""

    def __init__(self, name: str, work: Path) -> None:
        self.name, self.task, self.place, self.work = name, {"streams": "asr"}.get(name, name), work / name, work
        self.command = MODELS[name]

    def make(self, bundle: bool) -> None:
        """Make what is not there: the model, the configuration of a training, and with `bundle` the bundle."""
        streams, keys = self.name == "streams", {"streams": STREAMING}.get(self.name)
        if not (self.place / ("bundle" if bundle else "model.pth")).exists():
            in_child(
                partial(make_model, self.place, self.task, bundle, keys, **({"streaming": True} if streams else {}))
            )
        if self.name in TRAININGS and not (self.place / "killed.yaml").exists():
            in_child(self._write_training)

    def _write_training(self) -> None:
        target = Target("asr", self.work)
        target.files = self.place
        data = yaml.safe_load(target.training_config().read_text())
        shutil.rmtree(self.place / "corpus", ignore_errors=True)
        write_yaml(self.place / "killed.yaml", {**data, **training_keys(self.place / "corpus", self.task)})

    def rows(self, patterns: Sequence[str]) -> Iterator[Row]:
        """Its rows of names as in these patterns."""
        left_out = LEFT_OUT.get(self.name, ())
        general = {f"{self.name} {kind}": words for kind, words in GENERAL.items() if kind not in left_out}
        known = {**general, **{name: words for name, words in FURTHER.items() if name.split()[0] == self.name}}
        for name, words in known.items():
            if any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
                words = f"{words} {STREAMED.get(name, '')} --output_dir {OUT}"
                yield Row(name, self._filled(words), anew="train {config}" in words and "collect" not in words)

    def _filled(self, words: str) -> list[str]:
        row = FAMILIES[self.task]
        files = {row.config: f"{self.place}/config.yaml", row.weights: f"{self.place}/model.pth"}
        lists = {
            "files": [word for name, path in files.items() for word in (f"--{name}", path)],
            "bundle": ["--bundle", f"{self.place}/bundle", "--num_threads", "1"],
            "config": ["--config", f"{self.place}/killed.yaml"],
            "recordings": [str(self.work / f"{number}.wav") for number in range(SPOKEN)],
        }
        if "{model}" in words:
            lists["model"] = _known(self.command.pytorch, row, lists["files"])
        if "{lists}" in words:
            lists["lists"] = [*self._listed(), *(SHORT if "--beam_size" in self.command.options else ())]
        values = vars(self)
        found = (lists[word[1:-1]] if word[1:-1] in lists else [word.format(**values)] for word in words.split())
        return [word for group in found for word in group]

    def _listed(self) -> Iterator[str]:
        """Options that name the lists which are decoded."""
        for field, (kind, values) in LISTS.get(self.name, SPEECH).items():
            path = self.work / f"{self.name}_{field}"
            found = values or [str(self.work / f"{number}.wav") for number in range(SPOKEN)]
            path.write_text("".join(f"utt{number} {value}\n" for number, value in enumerate(found)))
            yield from ("--data_path_and_name_and_type", f"{path},{field},{kind}")


def _known(command: str, row: Any, files: Sequence[str]) -> list[str]:
    """Options of a model's files by the names that a command has for them."""
    options = importlib.import_module(f"espnet2.bin.{command}").get_parser()._option_string_actions
    names = {f"--{name}": f"--{packed}" for name, packed in row.packed.items()}
    return [word if word in options else names.get(word, word) for word in files]


def main(cmd: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="directory of models, bundles and what is written")
    parser.add_argument("--kills", type=int, default=50, help="of each row")
    parser.add_argument("--starts", type=int, default=3, help="most starts that are killed before one that is not")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("rows", nargs="*", default=["*"], help="patterns of rows")
    args = parser.parse_args(cmd)
    work, bad = args.work.absolute(), 0
    tqdm.monitor_interval = 0  # no thread before a fork
    remember_traces()
    work.mkdir(parents=True, exist_ok=True)
    os.environ.update(OMP_NUM_THREADS="1", XDG_CACHE_HOME=str(work / "cache"))
    random_speech = np.random.default_rng(0)
    for number in range(SPOKEN):
        soundfile.write(work / f"{number}.wav", random_speech.normal(0, 0.1, 8000 + 4000 * number), 16000)
    begun = time.perf_counter()
    import torch  # noqa: F401

    imports = time.perf_counter() - begun
    for name in MODELS:
        model = Model(name, work)
        rows = [*model.rows(args.rows)]
        if rows:
            model.make(any(f"{model.place}/bundle" in row.words for row in rows))
        for row in rows:
            bad += not in_child(tried, row, work, imports, args)
    return int(bad > 0)


def tried(row: Row, work: Path, imports: float, args: argparse.Namespace) -> None:
    """Kill the command of a row in a process of its own; raises `SystemExit` where it came out otherwise."""
    begun, rng = time.perf_counter(), random.Random(f"{args.seed}{row.name}")
    trial = Trial(row, work / "rows" / row.name.replace(" ", "_"), imports, rng)
    result = trial(args.kills, args.starts)
    figures = ", ".join(f"{value} {name}" for name, value in result._asdict().items())
    took = f"{trial.undisturbed.seconds:.1f} s and {trial.undisturbed.changes} changes undisturbed"
    print(f"{row.name}: {figures}; {took}; {time.perf_counter() - begun:.0f} s", flush=True)
    if result.differences or result.leftovers:
        raise SystemExit(f"{row.name}: expected what an undisturbed run leaves, found something else")


if __name__ == "__main__":
    raise SystemExit(main())
