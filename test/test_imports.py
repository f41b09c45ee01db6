"""Imports of the runtime: never torch, and at start no heavy package that recognition does not need."""

import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from espnet2.interface.families import FAMILIES

BLOCKED = ("torch", "torchaudio", "onnx", "onnxscript", "typeguard", "librosa", "scipy", "matplotlib", "pandas")
PROGRAM = """
import importlib, json, sys
for name in {blocked!r}:
    sys.modules[name] = None
for name in {modules!r}:
    importlib.import_module(name)
print(json.dumps(sorted(name for name in sys.modules if sys.modules[name] is not None)))
"""


def imported(*modules: str, blocked: tuple[str, ...] = BLOCKED) -> set[str]:
    """Names of all modules that a fresh interpreter has loaded after importing `modules`."""
    program = PROGRAM.format(blocked=blocked, modules=modules)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout))


@pytest.mark.parametrize(
    "module",
    [
        "espnet2.runtime",
        "espnet2.runtime.asr",
        "espnet2.runtime.asr_streaming",
        "espnet2.runtime.bundle",
        "espnet2.runtime.session",
        "espnet.nets.batch_beam_search",
        "espnet.nets.scorers.ctc",
        "espnet.nets.scorers.length_bonus",
        "espnet.nets.scorers.ngram",
        "espnet2.text.build_tokenizer",
        "espnet2.fileio.sound_scp",
    ],
)
def test_imports_with_torch_blocked(module):
    assert module in imported(module)


def test_every_family_and_its_command_import_with_torch_blocked(repo_dir):
    families = {row.family.partition(":")[0] for row in FAMILIES.values() if row.family}
    commands = {f"espnet2.bin.{path.stem}" for path in (repo_dir / "espnet2/bin").glob("*_inference*_onnx.py")}
    assert families | commands <= imported(*sorted(families | commands))


def test_runtime_loads_nothing_heavy_even_where_it_is_installed():
    loaded = imported("espnet2.runtime", "espnet2.runtime.asr", blocked=())
    assert not {name for name in loaded if name.partition(".")[0] in BLOCKED}


def test_naming_the_runtime_package_loads_no_dependency():
    loaded = imported("espnet2.interface.errors", "espnet2.interface.spec", blocked=())
    assert not loaded & {"numpy", "onnxruntime", "sentencepiece", "soundfile", "soxr", "tqdm", "yaml"}


def test_runtime_offers_speech2text():
    from espnet2.runtime import Speech2Text
    from espnet2.runtime.asr import Speech2Text as Original

    assert Speech2Text is Original


def test_versions_agree():
    import espnet
    import espnet2

    assert espnet.__version__ == espnet2.__version__
    assert espnet.__version__.endswith("+onnx")


def test_distribution_is_espnet():
    try:
        version = importlib.metadata.version("espnet")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs an installation: pip install -e .")
    import espnet

    assert version == espnet.__version__


def test_import_directions(repo_dir):
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("needs import-linter")
    run = subprocess.run([command, "--no-cache"], cwd=repo_dir, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
