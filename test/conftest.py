"""Fixtures of all tests: models, recordings, and one bundle of the demo model for a whole run."""

import functools
import gc
import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from espnet2.utils.lock import try_lock

ROOT = Path(__file__).resolve().parents[1]
HAS_TORCH = importlib.util.find_spec("torch") is not None

# How long an example takes says nothing on a machine that others use, too.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# What is on PyTorch's side of the fence; everything else has to pass without it.
NEED_TORCH = [
    "espnet/nets/pytorch_backend",
    "espnet2/asr",
    "espnet2/asr_transducer",
    "espnet2/asvspoof",
    "espnet2/bin/test_*_train.py",
    "espnet2/bin/test_lm_inference.py",
    "espnet2/bin/test_mt_inference.py",
    "espnet2/bin/test_s2t_inference.py",
    "espnet2/bin/test_slu_inference.py",
    "espnet2/bin/test_st_inference.py",
    "espnet2/export",
    "espnet2/gan_tts",
    "espnet2/inference",
    "espnet2/iterators",
    "espnet2/layers",
    "espnet2/lm",
    "espnet2/main_funcs",
    "espnet2/s2t",
    "espnet2/schedulers",
    "espnet2/spk",
    "espnet2/tasks",
    "espnet2/torch_utils",
    "espnet2/train",
    "espnet2/tts",
    "espnet2/tts2",
    "test_documentation.py",
    "test_families_complete.py",
    "test_other_releases.py",
    "test_references.py",
    "test_training_*.py",
    "test_web.py",
    "test_zoo*.py",
]
collect_ignore_glob = [] if HAS_TORCH else NEED_TORCH

SECONDS, MEMORY = 5, 1 << 30  # of a CPU, and bytes, that the answer to a hostile input takes at most

if HAS_TORCH:
    import torch

    torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    """Spare modules and tests, which stay, the search for garbage."""
    gc.freeze()


@pytest.fixture(scope="session")
def need_torch() -> list[str]:
    """Patterns of the tests that a run without PyTorch leaves out."""
    return NEED_TORCH


@pytest.fixture(scope="session", autouse=True)
def checksum_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave the user's cache directory alone."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("espnet2.fileio.checksum.cache_directory", lambda: cache)
        yield


@pytest.fixture(scope="session", autouse=HAS_TORCH)
def translations_read_once() -> Iterator[None]:
    """Let PyTorch's exporter read the sources of its translations once in a process, not for every graph.

    That takes half a second, which is most of the time of a small graph. Commands that tests start in processes of
    their own export without this.
    """
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(functools.cache(ONNXRegistry.from_torchlib)))
        yield


@pytest.fixture
def within_bounds() -> Iterator[None]:
    """Fail where a test and the processes that it starts take more of a CPU, or of memory, than an answer may."""
    resource = pytest.importorskip("resource")
    peak = Path("/proc/self/clear_refs")
    if peak.exists():
        peak.write_text("5")  # from here on
    before = [_usage(resource, who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    held = _peak()
    yield
    after = [_usage(resource, who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    assert sum(seconds for seconds, _ in after) - sum(seconds for seconds, _ in before) < SECONDS
    assert _peak() - held < MEMORY
    assert after[1][1] < max(MEMORY, before[1][1] + 1)  # of the largest process that was ever started


def _usage(resource: Any, who: int) -> tuple[float, int]:
    """Seconds of a CPU, and most bytes of memory."""
    found = resource.getrusage(who)
    return found.ru_utime + found.ru_stime, found.ru_maxrss * 1024


def _peak() -> int:
    """Most bytes of memory of this process since the peak was cleared; 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


@pytest.fixture(scope="session")
def repo_dir() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    """Models, recordings and outputs of upstream ESPnet that lie beside the repository, where they are present."""
    path = ROOT.parent / "shared" / "fixtures"
    if not path.is_dir():
        pytest.skip("needs ../shared/fixtures: models and recordings that are not part of the repository")
    return path


@pytest.fixture(scope="session")
def demo_dir() -> Path:
    """The demo model with its recordings and upstream's output for them."""
    return ROOT / "egs2" / "digits" / "asr1" / "demo"


@pytest.fixture(scope="session")
def demo_bundle(demo_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model with its language model as a bundle: the one that `DEMO_BUNDLE` names, or one exported now."""
    ready = os.environ.get("DEMO_BUNDLE")
    if ready:
        return Path(ready).resolve()
    if not HAS_TORCH:
        pytest.skip("needs a bundle: set DEMO_BUNDLE, or install torch to export one")
    work = tmp_path_factory.mktemp("demo")
    command = ["bash", str(demo_dir / "run.sh"), "--python", sys.executable, "--work", str(work), "--stop_stage", "1"]
    subprocess.run(command, check=True)
    return work / "bundle"


def _made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> Path:
    """A directory that the first process of a run that needs it makes; the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made, directory = tmp_path_factory.mktemp(name), shared / name
    with (shared / f"{name}.lock").open("w") as file:
        while not try_lock(file.fileno()):
            time.sleep(0.2)
        if not directory.exists():
            make(made)
            made.rename(directory)
    return directory


@pytest.fixture(scope="session")
def one_graph(demo_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the demo model as one graph: the one that `DEMO_ONE_GRAPH` names, or one exported now."""
    ready = os.environ.get("DEMO_ONE_GRAPH")
    if ready:
        return Path(ready).resolve()
    from espnet2.export.whole import Whole
    from espnet2.inference.trained import load_trained

    asr, lm = demo_dir / "exp" / "asr" / "valid.acc.ave.pth", demo_dir / "exp" / "lm" / "valid.loss.ave.pth"
    return _made_once(
        tmp_path_factory, "one_graph", lambda path: Whole(load_trained(asr_model_file=asr, lm_file=lm)).write(path, {})
    )


@pytest.fixture
def limit_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let no more than so many threads be started beside those that run, as a system may."""

    def limit(most: int) -> None:
        before, start = threading.active_count(), threading.Thread.start

        def limited(thread: threading.Thread) -> None:
            if threading.active_count() - before >= most:
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)

    return limit


STREAM_CONFIG = """
token_list: [<blank>, <unk>, <space>, a, e, i, o, n, s, t, <sos/eos>]
token_type: char
frontend: default
frontend_conf: {fs: 16k, n_fft: 512, hop_length: 160}
normalize: null
encoder: contextual_block_conformer
encoder_conf:
  {output_size: 32, attention_heads: 2, linear_units: 32, num_blocks: 1, block_size: 20, hop_size: 8, look_ahead: 8}
decoder: transformer
decoder_conf: {attention_heads: 2, linear_units: 32, num_blocks: 1}
model_conf: {ctc_weight: 0.3}
"""


@pytest.fixture(scope="session")
def stream_exp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model for streams with random weights: config.yaml and valid.acc.ave.pth."""
    torch = pytest.importorskip("torch")
    from espnet2.tasks.asr import ASRTask

    directory = tmp_path_factory.mktemp("stream")
    (directory / "config.yaml").write_text(STREAM_CONFIG)
    torch.manual_seed(0)
    model, _ = ASRTask.build_model_from_file(directory / "config.yaml")
    torch.save(model.state_dict(), directory / "valid.acc.ave.pth")
    return directory


@pytest.fixture(scope="session")
def stream_bundle(stream_exp: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of streams as a bundle."""
    from espnet2.export.make_bundle import make_bundle

    files = {"asr_model_file": stream_exp / "valid.acc.ave.pth"}
    made = _made_once(
        tmp_path_factory, "stream_bundle", lambda path: make_bundle(path / "bundle", streaming=True, **files)
    )
    return made / "bundle"
