"""A trained model as the exporter sees it: modules with their components, and what a bundle has to know beside them."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from espnet.nets.scorer_interface import ScorerInterface
from espnet2.export.torch_graph import TorchGraph
from espnet2.interface.errors import ConfigError, OptionError
from espnet2.interface.families import task_class
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.main_funcs.pretrained import find_model
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.bundle_parts import load_ngram
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import Results
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.detect import task_of
from espnet2.tasks.lm import LMTask
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.utils.yaml_file import read_mapping

Part = tuple[torch.nn.Module, Component]
CONFIG_OF = {"asr_train_config": "asr_model_file", "lm_train_config": "lm_file"}
# Of an encoder whose chunks are a choice, in its frames: a chunk, and what it hears before and behind it.
CHUNKS = {"chunk_size": 16, "left_context": 32, "right_context": 0}
DEFAULT_SAMPLE_RATE = 16000  # Hz, of models whose features are computed elsewhere

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A recogniser (and its language model), the recogniser's configuration, and the files that all came from.

    With `streams` its encoder is that of streams, `encoder_step`, which cuts them as `chunks` says where it has no way
    of its own.
    """

    model: Any
    parts: tuple[Part, ...]
    config: argparse.Namespace
    files: dict[str, Path]
    tokenizer: AbsTokenizer | None = None
    streams: bool = False
    chunks: Mapping[str, int] = field(default_factory=dict)

    @property
    def graphs(self) -> dict[str, TorchGraph]:
        """Each component, run by PyTorch."""
        return {component.name: TorchGraph(module, component) for module, component in self.parts}

    def as_streams(self, chunks: Mapping[str, int | None]) -> Trained:
        """The same model as a recogniser of streams, which an encoder of chunks cuts as `cut_streams` says.

        Raises `OptionError` where the model needs whole utterances, or the encoder takes no such chunks.
        """
        numbers = cut_streams(self.model.encoder, chunks)
        beside = self.parts[len(self.model.parts()) :]
        return dataclasses.replace(self, parts=(*self.model.streaming_parts(), *beside), streams=True, chunks=numbers)

    def recognizer(self, options: DecodeOptions, graphs: Mapping[str, Graph] | None = None) -> Recognizer:
        """A recogniser that PyTorch runs, or `graphs` in its place."""
        return Recognizer(graphs or self.graphs, *self._known, options, *self._more)

    def streaming_recognizer(
        self, options: DecodeOptions, graphs: Mapping[str, Graph] | None = None
    ) -> StreamingRecognizer:
        """A recogniser of streams that PyTorch runs, or `graphs` in its place."""
        return StreamingRecognizer(graphs or self.graphs, self.streaming, *self._known, options, *self._more)

    def hear(self, options: DecodeOptions, graphs: Mapping[str, Graph] | None = None) -> Callable[[Any], Results]:
        """What gives the results of a whole utterance, which may be a stream that comes as one piece."""
        if not self.streams:
            return self.recognizer(options, graphs)
        streaming = self.streaming_recognizer(options, graphs)
        return lambda speech: streaming.session()(speech)

    @property
    def _known(self) -> tuple[list[str], AbsTokenizer | None, dict[str, int]]:
        return self.token_list, self.tokenizer, self.special

    @property
    def _more(self) -> tuple[ScorerInterface | None, dict[str, Any], int]:
        return self.ngram, self.generation, self.sample_rate

    @functools.cached_property
    def ngram(self) -> ScorerInterface | None:
        """The scorer of the n-gram model, opened when it is first asked for."""
        return load_ngram(self.files.get("ngram_file"), self.token_list)

    @property
    def sample_rate(self) -> int:
        """Of the speech that the recogniser expects, in Hz."""
        rates = (getattr(part, "fs", None) for part in (self.model.frontend, self.model.preencoder))
        return next((rate for rate in rates if rate is not None), DEFAULT_SAMPLE_RATE)

    @property
    def streaming(self) -> dict[str, int]:
        """How `encoder_step` is fed; nothing where there is none."""
        return dict(self.model.streaming()) if self.streams else {}

    @property
    def token_list(self) -> list[str]:
        """The tokens that a hypothesis may have: the config's, and what the model adds to them."""
        own = None if self.tokenizer is None else self.tokenizer.token_list
        return list(self.model.token_list if own is None else own)

    @property
    def generation(self) -> dict[str, Any]:
        """What the model's own way of making text is, where it has one."""
        return dict(self.model.generation())

    @property
    def special(self) -> dict[str, int]:
        """Indices of the blank, the start and the end symbol, and of the mask where there is one."""
        named = {"blank": "blank_id", "sos": "sos", "eos": "eos", "mask": "mask_token"}
        return {name: int(getattr(self.model, key)) for name, key in named.items() if hasattr(self.model, key)}


def load_trained(
    asr_train_config: str | Path | None = None,
    asr_model_file: str | Path | None = None,
    lm_train_config: str | Path | None = None,
    lm_file: str | Path | None = None,
    ngram_file: str | Path | None = None,
    model_file: str | Path | None = None,
    model_tag: str | None = None,
    streaming: bool = False,
    chunks: Mapping[str, int | None] | None = None,
    untrained: bool = False,
) -> Trained:
    """Build and load a recogniser from its files, or from a packed model; files that are given win over packed ones.

    A config that is not named is `config.yaml` beside the weights. With `untrained`, a config whose weights are not
    named is a model of random weights. With `streaming` the recogniser is one of streams,
    which an encoder of chunks cuts as the numbers `chunks` say (see `CHUNKS`, which are those not given).

    Raises `OptionError` when no recogniser is named or it needs whole utterances, and what reading its files raises.
    """
    given = {
        "asr_train_config": asr_train_config,
        "asr_model_file": asr_model_file,
        "lm_train_config": lm_train_config,
        "lm_file": lm_file,
        "ngram_file": ngram_file,
    }
    packed = find_model(model_file=model_file, model_tag=model_tag) if model_file or model_tag else {}
    named = {name: value if value is not None else packed.get(name) for name, value in given.items()}
    files = {name: Path(value) for name, value in named.items() if value is not None}
    if "asr_model_file" not in files and not (untrained and "asr_train_config" in files):
        raise OptionError(
            "--asr_model_file: expected a file (or --model_file, --model_tag: a packed model), found none"
        )
    if "lm_train_config" in files and "lm_file" not in files and not untrained:
        raise OptionError("--lm_file: expected the weights of --lm_train_config, found none")
    for config, weights in CONFIG_OF.items():
        if weights in files:
            files.setdefault(config, files[weights].with_name("config.yaml"))
    if "ngram_file" in files and not files["ngram_file"].is_file():
        raise OptionError(f"--ngram_file: expected a KenLM file, found no such file: {files['ngram_file']}")
    trained = _load(files)
    return trained.as_streams(chunks or {}) if streaming else trained


def recognition_task(config: str | Path) -> type[AbsTask]:
    """Return the task of a recogniser's config.yaml; raises `ConfigError` for one of another task."""
    return task_class(task_of(read_mapping(config), ("asr", "asr_transducer"), str(config)))


def cut_streams(encoder: Any, chunks: Mapping[str, int | None]) -> dict[str, int]:
    """Tell an encoder of chunks how it cuts streams; returns the numbers, none for an encoder that has its own.

    Raises `OptionError` for a number that the encoder does not take.
    """
    given = {name: number for name, number in chunks.items() if number is not None}
    set_streaming = getattr(encoder, "set_streaming", None)
    if set_streaming is None:
        if given:
            name, number = next(iter(given.items()))
            raise OptionError(f"{name}: expected none, since {type(encoder).__name__} takes no other, found {number}")
        return {}
    numbers = {**CHUNKS, **given}
    try:
        set_streaming(**numbers)
    except ValueError as error:
        raise OptionError(str(error)) from error
    return numbers


def _report(name: str, files: Mapping[str, Path], weights: str, config: str) -> None:
    if weights in files:
        _log.info("loaded the %s %s", name, files[weights])
    else:
        _log.warning("%s: expected weights, %s, found none: those of the %s are random", files[config], weights, name)


def _load(files: dict[str, Path]) -> Trained:
    model: Any
    task = recognition_task(files["asr_train_config"])
    model, config = task.build_model_from_file(files["asr_train_config"], files.get("asr_model_file"))
    _report("recogniser", files, "asr_model_file", "asr_train_config")
    parts = list(model.parts())
    if "lm_train_config" in files:
        lm, lm_config = LMTask.build_model_from_file(files["lm_train_config"], files.get("lm_file"))
        if lm_config.token_list != config.token_list:
            raise ConfigError(
                f"{files['lm_train_config']}: expected the recogniser's token list of {len(config.token_list)} tokens, "
                f"found another one of {len(lm_config.token_list)}"
            )
        _report("language model", files, "lm_file", "lm_train_config")
        parts += lm.parts()
    tokenizer = tokenizer_of(model, config, source=files["asr_train_config"])
    return Trained(model, tuple(parts), config, files, tokenizer)


def tokenizer_of(
    model: Any,
    config: argparse.Namespace,
    token_type: str | None = None,
    bpemodel: str | Path | None = None,
    source: str | Path | None = None,
) -> AbsTokenizer | None:
    """The tokenizer of a model's configuration, or of the kind and file given instead; `source` is named in errors."""
    options = getattr(config, "preprocessor_conf", {})
    prompt = {name: options.get(f"whisper_{name}") for name in ("language", "task")}
    token_type, bpemodel = token_type or config.token_type, bpemodel or config.bpemodel
    return load_tokenizer(token_type, bpemodel, source, token_list=model.token_list, **prompt)
