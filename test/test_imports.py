"""Imports of the runtime: never torch, and at start no heavy package that recognition does not need."""

import importlib.metadata
import json
import shutil
import subprocess
import sys
from fnmatch import fnmatch
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
        "espnet2.bin.cli",
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


@pytest.fixture(scope="module")
def contracts(repo_dir) -> dict[str, dict]:
    """The import contracts by name."""
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    declared = tomllib.loads((repo_dir / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["name"]: contract for contract in declared["tool"]["importlinter"]["contracts"]}


@pytest.fixture(scope="module")
def torch_side(contracts) -> list[set[str]]:
    """Packages of espnet2 on PyTorch's side, from the top layer down."""
    layers = [
        set(layer.split(" | ")) for layer in contracts["Packages of espnet2 import only those below them"]["layers"]
    ]
    above = layers[: next(index for index, layer in enumerate(layers) if "runtime" in layer)]
    return [layer - {"bin", "recipe", "serving"} for layer in above]


def test_the_runtime_is_fenced_off_every_package_on_the_side_of_pytorch(contracts, torch_side):
    fence = contracts["Search and runtime know no PyTorch and no models"]
    assert {f"espnet2.{name}" for name in set().union(*torch_side)} <= set(fence["forbidden_modules"])


def test_every_command_that_needs_the_runtime_alone_is_fenced(contracts, repo_dir):
    fence = contracts["Search and runtime know no PyTorch and no models"]
    commands = (repo_dir / "espnet2/bin").glob("*_onnx.py")
    alone = {f"espnet2.bin.{path.stem}" for path in commands if "espnet2.export" not in path.read_text("utf-8")}
    assert len(alone) > 3
    assert alone == {name for name in fence["source_modules"] if name.startswith("espnet2.bin.")}


def test_every_package_of_models_is_fenced_off_the_runtime(contracts, torch_side):
    (last,) = (index for index, layer in enumerate(torch_side) if "train" in layer)
    (first,) = (index for index, layer in enumerate(torch_side) if "main_funcs" in layer)
    models = {f"espnet2.{name}" for name in set().union({"layers"}, *torch_side[first + 1 : last])}
    fence = contracts["Models know no runtime and no exporter"]["source_modules"]
    assert models == {name for name in fence if name.startswith("espnet2.")}


def test_a_run_without_pytorch_leaves_out_tests_of_every_package_on_its_side(repo_dir, torch_side, need_torch):
    folders = {name for name in set().union(*torch_side) if (repo_dir / "test/espnet2" / name).is_dir()}
    assert {f"espnet2/{name}" for name in folders} <= set(need_torch)
    absent = [pattern for pattern in need_torch if not any((repo_dir / "test").glob(pattern))]
    assert not absent
    trained = [f"espnet2/bin/{path.name}" for path in (repo_dir / "test/espnet2/bin").glob("test_*_train.py")]
    assert all(any(fnmatch(path, pattern) for pattern in need_torch) for path in trained)
