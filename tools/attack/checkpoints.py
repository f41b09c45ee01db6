"""Hostile weights, checkpoints of trainings, and statistics: from the bytes of a good file, those of another one."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from files import Damage
from inputs import changed

State = dict[str, Any]


def _saved(make: Callable[[State, random.Random], Any]) -> Damage:
    """A damage that saves the value of `make` for the content of a file of `torch.save`."""

    def damage(content: bytes, rng: random.Random) -> bytes:
        file = io.BytesIO()
        torch.save(make(torch.load(io.BytesIO(content), weights_only=True), rng), file)
        return file.getvalue()

    return damage


def _one(change: Callable[[torch.Tensor], Any]) -> Damage:
    """One tensor changed."""

    def make(state: State, rng: random.Random) -> State:
        name = rng.choice([name for name, value in state.items() if torch.is_tensor(value)] or [None])
        return state if name is None else {**state, name: change(state[name])}

    return _saved(make)


def _all(change: Callable[[torch.Tensor], Any]) -> Damage:
    return _saved(lambda state, rng: {k: change(v) if torch.is_tensor(v) else v for k, v in state.items()})


def _quantized(tensor: torch.Tensor) -> torch.Tensor:
    return torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8)


def _renamed(name: Any) -> Damage:
    return _saved(lambda state, rng: {name if n == 0 else key: value for n, (key, value) in enumerate(state.items())})


TENSORS: Mapping[str, Damage] = {
    **{f"all {dtype}": _all(lambda t, d=dtype: t.to(d)) for dtype in (torch.float64, torch.float16, torch.bfloat16)},
    **{f"one {dtype}": _one(lambda t, d=dtype: t.to(d)) for dtype in (torch.int64, torch.bool, torch.complex64)},
    "float8": _one(lambda t: t.float().to(torch.float8_e4m3fn)),
    "a scalar": _one(lambda t: t.flatten()[0]),
    "no elements": _one(lambda t: t.flatten()[:0]),
    "one less": _one(lambda t: t[:-1] if t.dim() else t),
    "one more axis": _one(lambda t: t[None]),
    "flat": _all(lambda t: t.flatten()),
    "transposed": _all(lambda t: t.t() if t.dim() == 2 else t),
    "expanded": _one(lambda t: torch.zeros(1).expand(10**6, 10**6)),
    "a long axis of none": _one(lambda t: torch.zeros(10**12, 0)),
    "NaN": _one(lambda t: torch.full_like(t.float(), float("nan"))),
    "huge": _all(lambda t: t.float() * 1e38),
    "tiny": _all(lambda t: t.float() * 1e-45),
    "negative": _all(lambda t: -t.float().abs() - 1),
    "the largest integers": _one(lambda t: torch.full_like(t, 2**62, dtype=torch.int64)),
    "zeros": _all(torch.zeros_like),
    "sparse": _one(lambda t: t.float().to_sparse()),
    "quantised": _one(_quantized),
    "a parameter": _all(lambda t: torch.nn.Parameter(t.float())),
    "a list": _one(lambda t: t.flatten().tolist()[:9]),
    "an array": _one(lambda t: t.float().numpy()),
    "null": _one(lambda t: None),
    "a text": _one(lambda t: "x" * 60_000),
    "one storage": _saved(lambda state, rng: dict.fromkeys(state, next(iter(state.values())))),
    "a key of controls": _renamed("\x1b[2J\n" * 100),
    "a long key": _renamed("k" * 60_000),
    "an empty key": _renamed(""),
    "a key of a number": _renamed(7),
    "a key of null": _renamed(None),
    "a key of dots": _renamed("." * 5000),
    "many keys": _saved(lambda state, rng: {**state, **{f"k{n}": torch.zeros(()) for n in range(20_000)}}),
    "a list of tensors": _saved(lambda state, rng: list(state.values())),
    "nothing": _saved(lambda state, rng: {}),
    "one tensor": _saved(lambda state, rng: torch.zeros(3)),
    "in a model": _saved(lambda state, rng: {"model": state}),
    "in itself": _saved(lambda state, rng: {"model": {"model": {"model": state}}}),
    "of an attribute": _saved(lambda state, rng: {"state_dict": {f"model.{k}": v for k, v in state.items()}}),
    "several parts": _saved(lambda state, rng: {"model": None, "state_dict": 3, "module": [state]}),
}
# Of checkpoints of trainings, which are trees of mappings and lists.
TREES: Mapping[str, Damage] = {f"a value {n}": _saved(lambda tree, rng: changed(tree, rng)[0]) for n in range(60)}
WEIGHTS_IN_TREES: Mapping[str, Damage] = {
    "history of huge epochs": _saved(lambda tree, rng: {**tree, "reporter": {"stats": {10**12: {}}}}),
    "history of texts": _saved(lambda tree, rng: {**tree, "reporter": {"stats": {1: {"train": {"loss": "x"}}}}}),
    "history of NaN": _saved(lambda tree, rng: {**tree, "reporter": {"stats": {1: {"valid": {"loss": float("nan")}}}}}),
    "epoch of a text": _saved(lambda tree, rng: {**tree, "epoch": "x"}),
    "epoch far away": _saved(lambda tree, rng: {**tree, "epoch": 10**15, "global_step": 10**15}),
    "epoch below": _saved(lambda tree, rng: {**tree, "epoch": -5, "global_step": -5}),
    "no loops": _saved(lambda tree, rng: {**tree, "loops": {}}),
    "another version": _saved(lambda tree, rng: {**tree, "pytorch-lightning_version": "\x1b[2J" * 100}),
    "a later version": _saved(lambda tree, rng: {**tree, "pytorch-lightning_version": "99.0.0"}),
    "an older version": _saved(lambda tree, rng: {**tree, "pytorch-lightning_version": "0.0.1"}),
    "no optimisers": _saved(lambda tree, rng: {**tree, "optimizer_states": []}),
    "another optimiser": _saved(lambda tree, rng: {**tree, "optimizer_states": [{"state": {}, "param_groups": []}]}),
    "schedulers of texts": _saved(lambda tree, rng: {**tree, "lr_schedulers": ["x"]}),
    "callbacks": _saved(lambda tree, rng: {**tree, "callbacks": {"experiment": "x", "y": {"z": 1}}}),
    "weights alone": _saved(lambda tree, rng: tree["state_dict"]),
}
CHECKPOINTS: Mapping[str, Damage] = {**TREES, **WEIGHTS_IN_TREES}


def _stats(**change: Any) -> Damage:
    """Statistics with other arrays; None leaves one out."""

    def damage(content: bytes, rng: random.Random) -> bytes:
        with np.load(io.BytesIO(content)) as found:
            arrays = {name: found[name] for name in found}
        made = {name: value(arrays) if callable(value) else value for name, value in change.items()}
        file = io.BytesIO()
        np.savez(file, **{name: value for name, value in {**arrays, **made}.items() if value is not None})
        return file.getvalue()

    return damage


def _array(array: Any) -> Damage:
    """An array of numpy's format alone."""

    def damage(content: bytes, rng: random.Random) -> bytes:
        file = io.BytesIO()
        np.save(file, np.asarray(array))
        return file.getvalue()

    return damage


def _header(text: str, data: bytes = b"") -> Damage:
    """A file of numpy's format with this header."""
    head = text.encode("latin-1") + b"\n"
    return lambda content, rng: b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data


STATISTICS: Mapping[str, Damage] = {
    "no frames": _stats(count=0),
    "fewer than none": _stats(count=-3),
    "infinitely many": _stats(count=np.inf),
    "NaN frames": _stats(count=np.nan),
    "a count of many": _stats(count=np.arange(5)),
    "a count of texts": _stats(count=np.array("x")),
    "a count of truth": _stats(count=True),
    "a complex count": _stats(count=1j),
    "a count of dates": _stats(count=np.datetime64("2020-01-01")),
    "no count": _stats(count=None),
    "no sums": _stats(sum=None),
    "no squares": _stats(sum_square=None),
    "one number": _stats(sum=np.zeros(()), sum_square=np.zeros(())),
    "two axes": _stats(sum=lambda a: a["sum"][None], sum_square=lambda a: a["sum_square"][None]),
    "one less": _stats(sum=lambda a: a["sum"][:-1], sum_square=lambda a: a["sum_square"][:-1]),
    "none": _stats(sum=np.zeros(0), sum_square=np.zeros(0)),
    "of other lengths": _stats(sum=lambda a: a["sum"][:-1]),
    "NaN": _stats(sum=lambda a: a["sum"] * np.nan),
    "infinity": _stats(sum_square=lambda a: a["sum_square"] + np.inf),
    "huge": _stats(sum=lambda a: a["sum"] * 0 + 1e300, sum_square=lambda a: a["sum"] * 0 + 1e308),
    "beyond float32": _stats(sum=lambda a: a["sum"] * 0 + 1e60, sum_square=lambda a: a["sum"] * 0 + 1e120),
    "negative squares": _stats(sum_square=lambda a: -np.abs(a["sum_square"])),
    "integers": _stats(sum=lambda a: a["sum"].astype(np.int64), sum_square=lambda a: a["sum"].astype(np.uint8)),
    "truth": _stats(sum=lambda a: a["sum"] > 0, sum_square=lambda a: a["sum"] > 0),
    "complex": _stats(sum=lambda a: a["sum"] * 1j),
    "texts": _stats(sum=np.array(["x"] * 20), sum_square=np.array(["x"] * 20)),
    "structures": _stats(sum=np.zeros(20, [("a", "f4"), ("b", "f4")])),
    "objects": _stats(sum=np.array([{}, None], dtype=object)),
    "half": _stats(sum=lambda a: a["sum"].astype(np.float16), sum_square=lambda a: a["sum"].astype(np.float16)),
    "names": _stats(**{"\x1b[2J": 1, "x" * 5000: 2}),
    "many": _stats(**{f"a{n}": 1 for n in range(3000)}),
    "Kaldi's, wrong": _array(np.zeros((1, 5))),
    "Kaldi's, of no frames": _array(np.zeros((2, 21))),
    "Kaldi's, NaN": _array(np.full((2, 21), np.nan)),
    "Kaldi's, of one column": _array(np.ones((2, 1))),
    "Kaldi's, another width": _array(np.ones((2, 9))),
    "a vector": _array(np.ones(4)),
    "a number": _array(3.0),
    "three axes": _array(np.ones((2, 3, 4))),
    "objects alone": _array(np.array([{}, 1], dtype=object)),
    "a header of a huge shape": _header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1000000000000)}"),
    "a header of no axes and none": _header("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 1000000000000)}"),
    "a negative shape": _header("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 21)}", bytes(400)),
    "a header of brackets": _header("{'descr': " + "[" * 20_000 + "]" * 20_000 + "}"),
    "a header of calls": _header("{'descr': __import__('os').system('touch /tmp/owned')}"),
    "a header of another type": _header("{'descr': '|O', 'fortran_order': False, 'shape': (2, 21)}", b"cos\nsystem\n"),
    "a header of a strange type": _header("{'descr': '<f99', 'fortran_order': False, 'shape': (2, 21)}"),
    "a header of nested types": _header(
        "{'descr': [('a', '<f8', (1000000, 1000000))], 'fortran_order': False, 'shape': (2,)}"
    ),
    "no header": _header(""),
}
