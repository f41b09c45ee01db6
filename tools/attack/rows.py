"""Further commands that read what strangers send: rows of words, in which names in capitals are files."""

from __future__ import annotations

import importlib
import os
import random
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import families
import yaml
from checkpoints import CHECKPOINTS, STATISTICS, TENSORS
from files import ARCHIVES, DOCUMENTS, cut, flipped
from graphs import GRAPHS
from inputs import LINES, SPECIAL, WORDS, WORDS_OF, changed
from interfaces import INTERFACES

Attack = tuple[str, Sequence[str]]  # what is done, and the command

FILES = {
    "CONFIG": "asr/config.yaml",
    "WEIGHTS": "asr/model.pth",
    "BUNDLE": "asr/bundle",
    "GRAPH": "asr/ctc.onnx",
    "NODES": "asr/bundle.debug/ctc.json",
    "LM_CONFIG": "lm/config.yaml",
    "LM_WEIGHTS": "lm/model.pth",
    "STREAM_CONFIG": "asr_streaming/config.yaml",
    "STREAM_WEIGHTS": "asr_streaming/model.pth",
    "STREAMS": "asr_streaming/bundle",
    "TRANSDUCER_CONFIG": "transducer_rnn/config.yaml",
    "TRANSDUCER_WEIGHTS": "transducer_rnn/model.pth",
    "TRANSDUCER": "transducer_rnn/bundle",
    "CHUNK_CONFIG": "transducer_streams/config.yaml",
    "CHUNK_WEIGHTS": "transducer_streams/model.pth",
    "ST_CONFIG": "st_two/config.yaml",
    "ST_WEIGHTS": "st_two/model.pth",
    "ST": "st_two/bundle",
    "SOURCE_LM_CONFIG": "src_lm/config.yaml",
    "SOURCE_LM_WEIGHTS": "src_lm/model.pth",
    "TRAINING": "asr/run.yaml",
    "RUN": "asr/run",
    "STATS": "stats.npz",
    "TRAIN_WAVS": "asr/corpus/train_wav.scp",
    "TRAIN_TEXT": "asr/corpus/train_text",
    "VALID_WAVS": "asr/corpus/valid_wav.scp",
    "VALID_TEXT": "asr/corpus/valid_text",
    "SHAPES": "shapes",
    "ARCHIVE": "asr.zip",
    "MODULE": "module.py",
    "LIST": "wav.scp",
    "TEXT": "text",
    "HOTWORDS": "hotwords",
    "OPTIONS": "options.yaml",
    "SPEECH": "speech.wav",
    **families.FILES,
}
_CHECKPOINT = "--asr_train_config CONFIG --asr_model_file WEIGHTS"
_STREAM = "--asr_train_config STREAM_CONFIG --asr_model_file STREAM_WEIGHTS"
_LM = "--lm_train_config LM_CONFIG --lm_file LM_WEIGHTS"
_SHORT = "--maxlenratio -4 --beam_size 2"
_TEXTS = "--data_path_and_name_and_type TEXT,text,text --output_dir out"
_SOUNDS = "--data_path_and_name_and_type LIST,speech,sound --output_dir out"
_TRANSDUCER = "--asr_train_config TRANSDUCER_CONFIG --asr_model_file TRANSDUCER_WEIGHTS"
_CHUNKS = "--asr_train_config CHUNK_CONFIG --asr_model_file CHUNK_WEIGHTS"
_ST = "--st_train_config ST_CONFIG --st_model_file ST_WEIGHTS"
_SOURCE_LM = "--src_lm_train_config SOURCE_LM_CONFIG --src_lm_file SOURCE_LM_WEIGHTS"
_FIRST = f"--asr_maxlenratio -4 --asr_beam_size 2 {_SHORT}"
_LISTS = " ".join(
    f"--{phase}_data_path_and_name_and_type {phase.upper()}_{name}"
    for phase in ("train", "valid")
    for name in ("WAVS,speech,sound", "TEXT,text,text")
)
_TRAINING = "asr_train --config TRAINING --output_dir out"
ROWS: Mapping[str, str] = {
    "transducer_stream": f"asr_transducer_inference {_CHUNKS} --streaming true SPEECH",
    "transducer_fusion": f"asr_transducer_inference {_TRANSDUCER} {_LM} --beam_size 2 SPEECH",
    "transducer_list": f"asr_inference_onnx --bundle TRANSDUCER {_SOUNDS}",
    "transducer_export": f"export_onnx {_TRANSDUCER} --output_dir out",
    "transducer_whole": f"export_onnx {_TRANSDUCER} --output_dir out --one_graph true "
    "--one_graph_search transducer_greedy",
    "transducer_streams": f"export_onnx {_CHUNKS} --output_dir out --streaming true --chunk_size 8 --left_context 4",
    "transducer_sherpa": f"export_onnx {_TRANSDUCER} --layout sherpa_onnx --output_dir out",
    "transducer_verify": f"verify_onnx --bundle TRANSDUCER {_TRANSDUCER}",
    "transducer_pack": f"pack asr {_TRANSDUCER} --outpath out.zip",
    "st_fusion": f"st_inference {_ST} {_SOURCE_LM} {_FIRST} SPEECH",
    "st_list": f"st_inference_onnx --bundle ST {_FIRST} {_SOUNDS}",
    "st_export": f"export_onnx {_ST} --output_dir out",
    "st_verify": f"verify_onnx --bundle ST {_ST}",
    "st_pack": f"pack st {_ST} --outpath out.zip",
    "train": f"{_TRAINING} --max_epoch 1",
    "train_from": f"{_TRAINING} --init_param WEIGHTS --dry_run true",
    "train_from_some": f"{_TRAINING} --init_param WEIGHTS:encoder:encoder --ignore_init_mismatch true --dry_run true",
    "train_normalized": f"{_TRAINING} --normalize global_mvn --normalize_conf stats_file=STATS --dry_run true",
    "train_on": "asr_train --config TRAINING --output_dir RUN --resume true --max_epoch 2",
    "train_lists": f"asr_train --config TRAINING --output_dir out --max_epoch 1 {_LISTS} --train_shape_file SHAPES",
    "statistics": f"{_TRAINING} --collect_stats true {_LISTS}",
    "export": f"export_onnx {_CHECKPOINT} --output_dir out",
    "export_whole": f"export_onnx {_CHECKPOINT} --output_dir out --one_graph true --one_graph_search ctc_greedy",
    "export_streams": f"export_onnx {_STREAM} --streaming true --output_dir out",
    "sherpa": f"export_onnx {_CHECKPOINT} --layout sherpa_onnx --output_dir out",
    "triton": f"export_onnx {_CHECKPOINT} --layout triton --one_graph_search ctc_greedy --output_dir out",
    "verify": f"verify_onnx --bundle BUNDLE {_CHECKPOINT}",
    "node": "onnx_doctor node --onnx GRAPH log_softmax",
    "node_of_bundle": "onnx_doctor node --bundle BUNDLE ctc log_softmax",
    "check": "onnx_doctor check MODULE:Net",
    "compare": f"onnx_doctor compare --bundle BUNDLE {_CHECKPOINT} --graph ctc",
    "size": "onnx_doctor size BUNDLE --graph ctc",
    "archive": f"asr_inference --model_tag ARCHIVE {_SHORT} SPEECH",
    "fusion": f"asr_inference {_CHECKPOINT} {_LM} {_SHORT} SPEECH",
    "options": f"asr_inference_onnx --config OPTIONS --bundle BUNDLE {_SHORT} SPEECH",
    "hotwords": f"asr_inference_onnx --hotwords HOTWORDS --bundle BUNDLE {_SHORT} SPEECH",
    "list": f"asr_inference_onnx --bundle BUNDLE {_SHORT} {_SOUNDS}",
    "whole": f"asr_inference_onnx --bundle BUNDLE {_SHORT} SPEECH",
    "stream": f"asr_inference_streaming {_STREAM} {_SHORT} SPEECH",
    "stream_onnx": f"asr_inference_streaming_onnx --bundle STREAMS {_SHORT} SPEECH",
    "align": "align --bundle BUNDLE --audio SPEECH --text TEXT",
    "continue": f"lm_inference {_LM} --maxlen 3 --beam_size 2 {_TEXTS}",
    "perplexity": f"lm_calc_perplexity --train_config LM_CONFIG --model_file LM_WEIGHTS {_TEXTS}",
    "benchmark": "benchmark_onnx --bundle BUNDLE --repeat 1 SPEECH",
    "pack": f"pack asr {_CHECKPOINT} --outpath out.zip",
    **families.ROWS,
}
LEFT_OUT = ("-h", "--nj", "--model_tag", "--help")
KINDS = ("files", "values")


class Tool:
    """A row: its command on good files, and on others."""

    def __init__(self, task: str, work: Path) -> None:
        self.task, self.work = task, work
        self.row = shlex.split(ROWS[task])

    @property
    def names(self) -> Sequence[str]:
        """Its command."""
        return self.row[:1]

    @property
    def places(self) -> set[str]:
        """Models of which it has files."""
        return {FILES[name].split("/")[0] for name in map(_name, self.row) if "/" in FILES.get(name, "")}

    def good(self, kind: str) -> Sequence[str]:
        """The command on good files."""
        return self.runtime()

    def runtime(self, **files: Path | str) -> list[str]:
        """The command, with other files by name."""
        if "RUN" in self.row and "RUN" not in files:  # it is written to
            files = {**files, "RUN": self.work / "run"}
            shutil.rmtree(self.work / "run", ignore_errors=True)
            shutil.copytree(self.work / FILES["RUN"], self.work / "run")
        given = {name: str(self.work / path) for name, path in FILES.items()} | {k: str(v) for k, v in files.items()}
        return [self._filled(word, given) for word in self.row]

    def _filled(self, word: str, given: Mapping[str, str]) -> str:
        name = _name(word)
        return word.replace(name, given[name], 1) if name in given else word

    def values(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Every option with every value at its limits, in any order."""
        parser = importlib.import_module(f"espnet2.bin.{self.row[0]}").get_parser()
        verbs = parser._subparsers._group_actions[0].choices if parser._subparsers else {}
        parser = verbs.get(self.row[1], parser)
        known = [a.option_strings[-1] for a in parser._actions if a.option_strings and a.nargs in (None, "?")]
        pairs = [(name, word) for name in known if name not in LEFT_OUT for word in (*WORDS, *WORDS_OF.get(name, ()))]
        own = {a.option_strings[-1] for a in parser._actions if a.option_strings} & WORDS_OF.keys() - {*known}
        pairs += [(name, word) for name in sorted(own) for word in (*WORDS, *WORDS_OF[name])]
        rng.shuffle(pairs)
        for name, word in pairs:
            yield f"{name}={word[:40]!r}", [*self.runtime(), f"{name}={word}"]

    def files(self, place: Path, rng: random.Random) -> Iterator[Attack]:
        """Every file of the row in every damage."""
        named = [name for name in map(_name, self.row) if name in FILES and name not in ("SPEECH", "MODULE")]
        cases = [(name, *case) for name in named for case in self.damages(name, rng)]
        rng.shuffle(cases)
        for number, (name, text, make) in enumerate(cases):
            target = place / f"{number}{Path(FILES[name]).suffix}"
            try:
                make(target)
            except Exception as error:
                print(f"{self.task}: {name}: {text}: not made: {error!r:.200}")
                continue
            yield f"{name}: {text}", self.runtime(**{name: target})
            shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink(missing_ok=True)

    def damages(self, name: str, rng: random.Random) -> Iterator[tuple[str, Callable[[Path], Any]]]:
        """Use of a file, and the function that makes it at a path."""
        source = self.work / FILES[name]
        yield from SPECIAL.items()
        if source.is_dir():
            for file in sorted(path for path in source.iterdir() if path.is_file()):
                others = [other for other in source.iterdir() if other.suffix == file.suffix and other != file]
                swapped = ((f"as {other.name}", _bytes(other.read_bytes)) for other in others)
                for text, make in (*SPECIAL.items(), *swapped, *self._of_file(file, rng)):
                    yield f"{file.name}: {text}", self._in_copy(source, file, make)
            return
        yield from self._of_file(source, rng)

    def _in_copy(self, source: Path, file: Path, make: Callable[[Path], Any]) -> Callable[[Path], Any]:
        def made(target: Path) -> None:
            from espnet2.fileio.checksum import sha256

            target.mkdir()
            for other in source.iterdir():
                if other != file and not other.is_dir():
                    shutil.copy(other, target)
            make(target / file.name)
            debug = source.with_name(source.name + ".debug")
            if debug.is_dir() and not target.with_name(target.name + ".debug").exists():
                target.with_name(target.name + ".debug").symlink_to(debug)
            if (
                not (source / "bundle.yaml").exists()
                or file.name == "bundle.yaml"
                or not (target / file.name).is_file()
                or (target / file.name).is_symlink()
            ):
                return
            data = yaml.safe_load((source / "bundle.yaml").read_text())
            entries = [*data["components"].values(), *data["files"].values()]
            for entry in [entry for entry in entries if entry["file"] == file.name]:
                entry["sha256"] = sha256(target / file.name)
            (target / "bundle.yaml").unlink()
            (target / "bundle.yaml").write_text(yaml.dump(data, sort_keys=False))

        return made

    def _of_file(self, source: Path, rng: random.Random) -> Iterator[tuple[str, Callable[[Path], Any]]]:
        content = source.read_bytes()
        if source.suffix in (".yaml", ".yml"):
            yield from ((text, _bytes(lambda d=damage: d(content, rng))) for text, damage in DOCUMENTS.items())
            yield from (("a value", _changed(content, rng)) for _ in range(40))
        if source.suffix == ".onnx":
            damages = {**GRAPHS, **INTERFACES}
            yield from ((text, _bytes(lambda d=damage: d(content, rng))) for text, damage in damages.items())
            yield "3 GB", lambda path: (path.write_bytes(content), os.truncate(path, 3 << 30))
        tables = {"model.pth": TENSORS, "checkpoint.pth": CHECKPOINTS, "stats.npz": STATISTICS}
        yield from (
            (text, _bytes(lambda d=damage: d(content, rng))) for text, damage in tables.get(source.name, {}).items()
        )
        if source.suffix == ".zip":
            files = packed(self.work)
            yield from ((text, _bytes(lambda m=make: m(files))) for text, make in ARCHIVES.items())
        if source.suffix == "":
            yield from (("lines", _lines(self.work, rng)) for _ in range(40))
        for number in range(20):
            yield f"bytes {number}", _bytes(lambda: flipped(content, rng))
        yield "cut", _bytes(lambda: cut(content, rng))


def _name(word: str) -> str:
    """The part of a word where a name of `FILES` may be: NAME, NAME,speech,sound, NAME:encoder or key=NAME."""
    return word.rpartition("=")[2].replace(":", ",").split(",")[0]


def _bytes(make: Callable[[], bytes]) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(make())


def _changed(content: bytes, rng: random.Random) -> Callable[[Path], Any]:
    return lambda path: path.write_text(yaml.dump(changed(yaml.safe_load(content), rng)[0], sort_keys=False))


def _lines(work: Path, rng: random.Random) -> Callable[[Path], Any]:
    def make(path: Path) -> None:
        lines = [rng.choice(LINES).replace("WAV", str(work / "speech.wav")) for _ in range(3)]
        path.write_bytes("".join(lines).encode("utf-8", "surrogateescape"))

    return make


NET = """import torch


class Net(torch.nn.Module):
    def __init__(self, size=4):
        super().__init__()
        self.layer = torch.nn.Linear(size, 3)

    def forward(self, xs):
        return self.layer(xs)
"""


def write_files(work: Path) -> None:
    """Write the files of `FILES` that are no models, beside these."""
    import numpy as np
    import onnx
    import onnx_ir

    from espnet2.export.nodes import nodes_of, write_nodes

    (work / "asr/bundle.debug").mkdir(exist_ok=True)
    (work / "module.py").write_text(NET)
    (work / "wav.scp").write_text(f"a {work / 'speech.wav'}\nb {work / 'speech.wav'}\n")
    (work / "text").write_text("a a b c\nb c a b a\n")
    (work / "shapes").write_text("".join(f"train{number} {4000 + 800 * number}\n" for number in range(4)))
    np.savez(work / "stats.npz", count=50, sum=np.zeros(20), sum_square=np.full(20, 60.0))
    (work / "hotwords").write_text("abc 2\nca\n")
    (work / "options.yaml").write_text("nbest: 1\nctc_weight: 0.3\n")
    (work / "asr.zip").write_bytes(ARCHIVES["zip"](packed(work)))
    model = onnx.load(str(work / "asr/bundle/ctc.onnx"))
    model.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'layer', 'node']")
    model.graph.node[0].name = "log_softmax"
    onnx.save(model, str(work / "asr/ctc.onnx"))
    write_nodes(work / "asr/bundle.debug/ctc.json", nodes_of(onnx_ir.load(str(work / "asr/ctc.onnx"))))


def packed(work: Path) -> dict[str, bytes]:
    """The files of a packed model."""
    meta = b"files: {asr_model_file: model.pth}\nyaml_files: {asr_train_config: config.yaml}\n"
    return {"meta.yaml": meta, **{name: (work / "asr" / name).read_bytes() for name in ("config.yaml", "model.pth")}}
