"""Options of the commands that run trained models on PyTorch."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from espnet2.runtime.threads import require_threads
from espnet2.utils.model_options import RECOGNITION, add_model_options, model_options
from espnet2.utils.types import str_or_none
from espnet2.utils.upstream_options import DTYPES, LAYERS, PRECISION, TOKENIZER, add_layers, foreign, plain_value


def add_pytorch_options(parser: argparse.ArgumentParser, tasks: Iterable[str] = RECOGNITION) -> argparse._ArgumentGroup:
    """Add the files of a trained model of these tasks, device and threads; returns the group of the latter."""
    add_model_options(parser, tasks)
    group = parser.add_argument_group("model")
    _add_device(group)
    return group


def add_mapper_options(parser: argparse.ArgumentParser, files: Mapping[str, str]) -> None:
    """Add the options of a model that maps speech: its `files` with their help, number type, device and threads."""
    group = parser.add_argument_group("model")
    for name, text in files.items():
        group.add_argument(f"--{name}", type=str_or_none, help=text)
    group.add_argument("--dtype", default="float32", choices=DTYPES, help="of the computation (default: float32)")
    _add_device(group)
    for name, value in (("seed", 0), ("num_workers", 1)):
        group.add_argument(f"--{name}", type=int, default=value, help="without effect, as results are deterministic")


def _add_device(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    group.add_argument("--num_threads", type=int, help="threads of PyTorch (default: PyTorch's)")


def pytorch_options(args: argparse.Namespace, tasks: Iterable[str] = RECOGNITION) -> dict[str, Any]:
    """The options of `add_pytorch_options` as keywords of a class of `espnet2.inference`; sets PyTorch's threads."""
    set_threads(args.num_threads)
    return {**model_options(args, tasks), "device": "cuda" if args.ngpu > 0 else "cpu"}


def set_threads(num_threads: int | None) -> None:
    """Set the number of PyTorch's threads, where one is given; raises `OptionError` as `require_threads` does."""
    if num_threads is None:
        return
    require_threads(num_threads)
    import torch

    torch.set_num_threads(num_threads)


def add_recognizer_options(parser: argparse.ArgumentParser, tasks: Sequence[str] = RECOGNITION) -> None:
    """Add the options of a trained recogniser of these tasks, and how PyTorch runs it."""
    group = add_pytorch_options(parser, tasks)
    group.add_argument("--ngram_scorer", default="full", help="full or part (default: full)")
    for name, text in TOKENIZER.items():
        group.add_argument(f"--{name}", type=str_or_none, help=text)
    for name, value in _precision(tasks).items():
        text = "as upstream's option of this name"
        if name == LAYERS:
            add_layers(group, f"{text} (default: Linear)")
            continue
        group.add_argument(f"--{name}", type=plain_value, default=value, help=f"{text} (default: {value})")


def recognizer_options(args: argparse.Namespace, tasks: Sequence[str] = RECOGNITION) -> dict[str, Any]:
    """The options of `add_recognizer_options` as keywords of `Speech2Text`; sets PyTorch's threads."""
    own = {name: getattr(args, name) for name in ("ngram_scorer", *TOKENIZER, *_precision(tasks))}
    return {**pytorch_options(args, tasks), **own}


def _precision(tasks: Sequence[str]) -> dict[str, Any]:
    """Options of numbers, and of quantised layers, that models of these tasks have."""
    others = foreign(tasks)
    return {name: value for name, value in PRECISION.items() if name not in others}
