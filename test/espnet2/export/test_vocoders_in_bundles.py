"""A synthesiser with each vocoder of the package parallel_wavegan, from the command to samples, against upstream with
that package."""

import shutil

import numpy as np
import pytest
import torch
import vocoder_files
from zoo_kind import attribute

from espnet2.bin import export_onnx
from espnet2.export import make_bundle
from espnet2.runtime import Text2Speech, synthesis_flow
from espnet2.tts.utils.parallel_wavegan_pretrained_vocoder import GENERATORS, RENAMED, UNUSED

KINDS = ("melgan", "multi-band", "parallel_wavegan", "style_melgan")
NOISE_STEP = 6  # frames for one step of StyleMelGAN's noise


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("synthesiser")


@pytest.fixture(scope="module")
def files(directory):
    return vocoder_files.write_synthesiser(directory, vocoder_files.TTS)


@pytest.fixture
def shared_graphs(directory, monkeypatch):
    """Have the graphs of the synthesiser exported once, for all vocoders."""
    export = make_bundle.export_component

    def export_once(module, component, path, *further):
        kept = directory / path.name
        if component.name == "vocoder" or not kept.exists():
            export(module, component, path, *further)
            shutil.copy(path, kept)
        else:
            shutil.copy(kept, path)
        return path

    monkeypatch.setattr(make_bundle, "export_component", export_once)


def _noise(component, tensor, shape, seed, options) -> np.ndarray:
    """Noise as the package draws it, in the order in which our graph reads it."""
    torch.manual_seed(0)
    frames, size = shape
    if tensor.name == "noise_samples":
        return torch.randn(1, 1, frames * size).reshape(shape).numpy()
    noise = np.zeros(shape, np.float32)
    noise[::NOISE_STEP] = torch.randn(1, size, -(-frames // NOISE_STEP))[0].T
    return noise


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("shared_graphs")
def test_bundle_speaks_as_upstream_with_the_package(kind, files, tmp_path, monkeypatch, repo_dir):
    generator_type, params, _ = vocoder_files.KINDS[kind]
    own = {RENAMED.get(name, name): value for name, value in params.items() if name not in UNUSED}
    checkpoint = vocoder_files.write(tmp_path, attribute(GENERATORS[generator_type])(**own), True, kind)
    options = {f"--tts_{name}": path for name, path in files.items()}
    options |= {"--vocoder_file": checkpoint, "--output_dir": tmp_path / "bundle"}
    assert export_onnx.main([str(word) for pair in options.items() for word in pair]) == 0
    monkeypatch.setattr(synthesis_flow, "noise_of", _noise)
    found = Text2Speech(tmp_path / "bundle", num_threads=1)(vocoder_files.TEXT)["wav"]
    expected = np.load(repo_dir / "test" / "golden" / "vocoder" / f"{kind}.npz")["spoken"]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
