"""ProDiff and FastSpeech beyond their numbers, which the zoo compares with upstream's."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
import zoo
import zoo_calls

from espnet.nets.tensors import as_array
from espnet2.export.examples import draw
from espnet2.export.trace import export_component
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.session import OnnxGraph
from espnet2.tts.prodiff.denoiser import SpectogramDenoiser, noise_scheduler
from espnet2.tts.prodiff.loss import SSimLoss
from espnet2.tts.prodiff.prodiff import ProDiff

TEXT = torch.tensor([3, 1, 4, 1])
DURATIONS = torch.tensor([2, 3, 1, 2, 1])


@torch.no_grad()
def test_last_step_gives_the_clean_features():
    denoiser = SpectogramDenoiser(5, adim=6, layers=2, channels=8, timesteps=1).eval()
    condition, noise = torch.randn(2, 7, 6), torch.randn(2, 2, 5, 7)
    clean = denoiser.forward_denoise(noise[:, :1], torch.zeros(2, dtype=torch.long), condition)
    assert torch.allclose(denoiser.generate(condition, noise), clean.transpose(1, 2), atol=1e-6)


@torch.no_grad()
def test_padding_does_not_change_generated_features():
    denoiser = SpectogramDenoiser(5, adim=6, layers=3, channels=8, cycle_length=2, timesteps=3).eval()
    condition, noise = torch.randn(1, 9, 6), torch.randn(1, 4, 5, 9)
    padding = (torch.arange(9) >= 6)[None, None]
    together = denoiser.generate(condition, noise, padding)[:, :6]
    assert torch.allclose(together, denoiser.generate(condition[:, :6], noise[..., :6]), atol=1e-5)


@torch.no_grad()
def test_a_graph_is_as_large_for_any_number_of_steps(tmp_path):
    """Those of the class's default, for which there is one loop."""
    steps = inspect.signature(ProDiff).parameters["diffusion_steps"].default
    denoiser = SpectogramDenoiser(5, adim=6, layers=1, channels=8, timesteps=steps).eval()
    component = Component(
        "denoiser",
        "generate",
        (
            Tensor("condition", ("batch", "frames", 6)),
            Tensor("noise", ("batch", steps + 1, 5, "frames"), noise=True),
        ),
        (Tensor("feats", ("batch", "frames", 5)),),
    )
    graph = OnnxGraph(export_component(denoiser, component, tmp_path / "denoiser.onnx"), component)
    assert steps == 1000 and (tmp_path / "denoiser.onnx").stat().st_size < 300_000
    feeds = draw(component, {"batch": 2, "frames": 7})
    expected = denoiser.generate(*(torch.from_numpy(feeds[name]) for name in ("condition", "noise")))
    assert np.abs(as_array(graph(feeds)["feats"]) - expected.numpy()).max() <= 1e-4


@pytest.mark.parametrize("name", ["linear", "cosine", "vpsde"])
def test_schedules_add_more_and_more_noise(name):
    betas = noise_scheduler(name, 20, 0.1, 40.0)
    assert betas.shape == (20,)
    assert bool((betas.diff() >= 0).all())
    assert 0 < float(betas[0]) < float(betas[-1]) <= 1


def test_unknown_schedules_have_upstreams_error():
    with pytest.raises(NotImplementedError, match="diffusion_scheduler 'sigmoid'"):
        noise_scheduler("sigmoid", 4)


def test_structure_of_equal_features_has_no_loss():
    feats = torch.randn(2, 13, 8)
    assert float(SSimLoss()(feats, feats)) == pytest.approx(0.0, abs=1e-5)
    assert float(SSimLoss()(-feats, feats)) > 0.1


@torch.no_grad()
@pytest.mark.parametrize("name", ["prodiff-default", "fastspeech-default"])
def test_teacher_forcing_speaks_given_durations(name):
    module = zoo_calls.module_for(zoo.ROWS[name], Path())
    values = {variance: torch.zeros(5, 1) for variance in module.variances}
    found = module.inference(TEXT, durations=DURATIONS, **values, use_teacher_forcing=True)
    assert len(found["feat_gen"]) == int(DURATIONS.sum())
    assert found["duration"].is_floating_point()
    with pytest.raises(ValueError, match="use_teacher_forcing: expected durations"):
        module.inference(TEXT, use_teacher_forcing=True)
