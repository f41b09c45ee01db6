"""A component run by onnxruntime."""

from __future__ import annotations

import functools
import platform
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from espnet2.fileio.checksum import state_of
from espnet2.interface.errors import BundleError, GraphError, OptionError, listed, reason_of, shortened
from espnet2.interface.foreign_file import require_file
from espnet2.interface.spec import ONNX_TYPES, Component, Tensor
from espnet2.runtime.options import PROVIDERS

# On CPUs the fused sum and normalisation takes 4 to 7 times as long as the two operators.
SLOWER_ON_CPU = ["SkipLayerNormFusion"]
# Its products end the process where a matrix has no rows, as caches have none at first, in onnxruntime before 1.32.
CRASHES_BEFORE_1_32 = ["MatmulTransposeFusion"]
EXPECTED = "a graph that onnxruntime can run"
EXTERNAL_DATA_SUFFIX = ".data"  # of a second file, which holds a graph's weights

LONGEST_NAME = 60  # characters of an input or output in a message
FATAL = 4  # onnxruntime's number of this level of its log

# Those that objects of this process run; calls of a session may come from several threads.
_SESSIONS: weakref.WeakValueDictionary[Any, onnxruntime.InferenceSession] = weakref.WeakValueDictionary()


class OnnxGraph:
    """`component` in the file `path`, called with feeds by name.

    Feeds are numpy arrays, which are not copied where they have the component's dtype and are contiguous, or values
    that a graph returned; results are `onnxruntime.OrtValue`s by name (`.numpy()` gives the array). Objects of one file
    share its weights.

    Args:
        path: The `.onnx` file.
        component: The interface that the graph must have.
        num_threads: Threads of one operator. A graph that takes small steps is fastest with one.
        providers: Execution providers of onnxruntime, most wanted first.
        mapped: Read weights from the file, which is mapped into memory, rather than from a copy that is arranged for
            the processor.

    Raises:
        BundleError: The file is not a graph that onnxruntime can run, or has another interface.
        OptionError: A provider is not in this build of onnxruntime.
    """

    def __init__(
        self,
        path: str | Path,
        component: Component,
        num_threads: int = 1,
        providers: Sequence[str] = PROVIDERS,
        mapped: bool = False,
    ) -> None:
        self.component = component
        self._session = _shared(path, num_threads, providers, mapped)
        require_same(path, "inputs", component.feeds, self._session.get_inputs())
        require_same(path, "outputs", component.results, self._session.get_outputs())
        self._feeds = [(tensor.name, np.dtype(tensor.dtype)) for tensor in component.feeds]
        self._results = [tensor.name for tensor in component.results]

    def __call__(self, feeds: Mapping[str, Any]) -> dict[str, onnxruntime.OrtValue]:
        # A binding costs 13 us a call; run_with_ort_values does the same in 55 us.
        binding = self._session.io_binding()
        values = [(name, _ort_value(feeds[name], dtype)) for name, dtype in self._feeds]
        for name, value in values:
            binding.bind_ortvalue_input(name, value)
        for name in self._results:
            binding.bind_output(name)
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # onnxruntime's errors have no common base but this
            reason = " ".join(str(error).split())
            raise GraphError(f"{self.component.name}: expected what the graph can compute, found: {reason}") from error
        results = binding.get_outputs_as_ortvaluevector()
        return {name: onnxruntime.OrtValue(results[index]) for index, name in enumerate(self._results)}


@functools.cache
def may_overflow(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU adds products of 8 bits in 16: x86 without VNNI, or where that is not known.

    With VNNI, the precise kernels that avoid it take twice as long.
    """
    known = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    return platform.machine() in ("x86_64", "AMD64") and "vnni" not in known


def _ort_value(value: Any, dtype: np.dtype) -> onnxruntime.OrtValue:
    if isinstance(value, onnxruntime.OrtValue):
        return value
    return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value, dtype))


def session_options(num_threads: int) -> onnxruntime.SessionOptions:
    """Options with which graphs run, of `num_threads` threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # What fails is raised; the log repeats it in colours, with names that a stranger has chosen.
    options.log_severity_level = FATAL
    # Threads of one graph must not busy-wait while the next graph runs.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if may_overflow():
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def disabled_optimizers(
    providers: Sequence[str] = ("CPUExecutionProvider",), version: str = onnxruntime.__version__
) -> list[str]:
    """Names of the optimizers without which onnxruntime of this version runs graphs."""
    release = tuple(int(number) for number in version.split(".")[:2])
    crashing = CRASHES_BEFORE_1_32 if release < (1, 32) else []
    return [*crashing, *(SLOWER_ON_CPU if tuple(providers) == ("CPUExecutionProvider",) else [])]


def _shared(path: str | Path, num_threads: int, providers: Sequence[str], mapped: bool) -> onnxruntime.InferenceSession:
    """The session of a graph; that which another object of this process runs, where its files have not changed."""
    key = _state(path), _state(f"{path}{EXTERNAL_DATA_SUFFIX}"), num_threads, tuple(providers), mapped
    session = _SESSIONS.get(key)
    if session is None:
        session = _SESSIONS[key] = open_session(path, num_threads, providers, mapped)
    return session


def _state(path: str | Path) -> tuple[int, ...]:
    """State of a file that changes with it; () where there is no file."""
    try:
        return tuple(state_of(Path(path)))
    except OSError:
        return ()


def new_session(
    graph: str | bytes, options: onnxruntime.SessionOptions, providers: Sequence[str] = PROVIDERS
) -> onnxruntime.InferenceSession:
    """A session of the graph in a file, or in bytes, without optimizers that crash or are slower; raises whatever
    onnxruntime does."""
    disabled = disabled_optimizers(providers)
    return onnxruntime.InferenceSession(graph, options, providers=list(providers), disabled_optimizers=disabled)


def open_session(
    path: str | Path,
    num_threads: int,
    providers: Sequence[str] = PROVIDERS,
    mapped: bool = False,
    profile: str | None = None,
) -> onnxruntime.InferenceSession:
    """A session of the graph in a file, which writes its profile to a file whose name begins with `profile`.

    Raises `BundleError` and `OptionError` as `OnnxGraph` does.
    """
    known = onnxruntime.get_available_providers()
    for provider in providers:
        if provider not in known:
            raise OptionError(f"providers: expected some of {', '.join(known)}, found {provider!r}")
    options = session_options(num_threads)
    if mapped:
        options.add_session_config_entry("session.disable_prepacking", "1")
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, profile
    require_file(path, EXPECTED, BundleError, "GRAPH_BYTES")
    try:
        return new_session(str(path), options, providers)
    except Exception as error:  # onnxruntime's errors have no common base but this
        raise BundleError(f"{path}: expected {EXPECTED}, found: {reason_of(error)}") from error


def require_same(path: str | Path, what: str, expected: Sequence[Tensor], found: Sequence[Any]) -> None:
    """Names and types as declared; where a declared axis has a size, that size."""
    wanted = {tensor.name: ONNX_TYPES[tensor.dtype] for tensor in expected}
    present = {value.name: value.type for value in found}
    if wanted != present:
        lacking, others = dict(wanted.items() - present.items()), dict(present.items() - wanted.items())
        found = _listed(others) if others else f"no {_listed(lacking)}"
        raise BundleError(f"{path}: expected {what} {_listed(lacking or wanted)}, found {found}")
    shapes = {value.name: value.shape for value in found}
    for tensor in expected:
        shape = shapes[tensor.name]
        if len(shape) != len(tensor.axes) or any(
            isinstance(axis, int) and isinstance(size, int) and axis != size
            for axis, size in zip(tensor.axes, shape, strict=True)
        ):
            raise BundleError(f"{path}: {tensor.name}: expected shape {list(tensor.axes)}, found {shape}")


def _listed(types: Mapping[str, str]) -> str:
    return listed(f"{shortened(name, LONGEST_NAME)} {kind}" for name, kind in sorted(types.items()))
