"""VITS beyond its numbers, which the zoo compares with upstream's."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
import zoo
import zoo_calls
import zoo_data

from espnet2.bin.tts_inference import Text2Speech
from espnet2.gan_tts.espnet_model import ESPnetGANTTSModel
from espnet2.gan_tts.vits.flow import ConvFlow, ElementwiseAffineFlow, FlipFlow, LogFlow
from espnet2.gan_tts.vits.loss import KLDivergenceLoss, KLDivergenceLossWithoutFlow
from espnet2.gan_tts.vits.monotonic_align import maximum_path
from espnet2.gan_tts.vits.residual_coupling import ResidualAffineCouplingBlock
from espnet2.gan_tts.vits.transform import piecewise_rational_quadratic_transform
from espnet2.tasks.gan_tts import GANTTSTask

CONFIG = zoo.ROWS["vits-config"].make.keys
GIVEN = {"sids": np.array([2]), "lids": np.array([1]), "spembs": np.linspace(-1, 1, 5, dtype=np.float32)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny model of drawn weights with all conditions."""
    directory = tmp_path_factory.mktemp("vits")
    torch.save(zoo_calls.module_for(zoo.ROWS["vits-config"], directory).state_dict(), directory / "model.pth")
    of_training = {"generator_first": False, "optim": "adamw", "optim2": "adamw", "skip_discriminator_prob": 0.0}
    (directory / "config.yaml").write_text(yaml.safe_dump({**CONFIG, **of_training}))
    return {"train_config": directory / "config.yaml", "model_file": directory / "model.pth"}


def test_results_are_those_of_upstream(files):
    """Its names and shapes, by graphs that PyTorch runs; `test_families_complete.py` compares them with a bundle's."""
    speak = Text2Speech(**files, always_fix_seed=True)
    results = speak("a bc", **GIVEN, decode_conf={"alpha": 1.7})
    assert list(results) == ["att_w", "duration", "focus_rate", "wav"]
    frames = int(results["duration"].sum())
    assert results["att_w"].shape == (frames, 4)
    assert torch.equal(results["att_w"].sum(dim=0), results["duration"].float())
    assert results["wav"].shape == (frames * 8,)
    assert torch.equal(results["wav"], speak("a bc", **GIVEN, decode_conf={"alpha": 1.7})["wav"])
    louder = speak("a bc", **GIVEN, decode_conf={"alpha": 1.7, "noise_scale": 2.0})["wav"]
    assert not torch.allclose(results["wav"], louder)
    assert not any(key.endswith("weight_g") for key in speak.tts.generator.state_dict())


def test_a_model_for_training_has_the_weights_of_one_for_inference(files):
    trained, _ = GANTTSTask.build_model_from_file(files["train_config"], files["model_file"])
    inferring = Text2Speech(**files).model
    assert isinstance(trained, ESPnetGANTTSModel)
    trained.parts()  # folds weights, as inference does
    theirs, ours = trained.state_dict(), inferring.state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[key], ours[key]) for key in theirs)


@torch.no_grad()
def test_the_whole_graph_equals_inference_without_noise():
    model = zoo_calls.module_for(zoo.ROWS["vits-default"], Path())
    text = torch.tensor([3, 4, 5, 6])
    expected = model.inference(text, noise_scale=0.0, noise_scale_dur=0.0)
    model.parts()  # folds weights
    mean, scale, logarithms, _ = model.encode_text(text[None], torch.tensor([4]), torch.zeros(1, 4, 2))
    frames = torch.ceil(logarithms.exp()).long()[0]
    assert frames.tolist() == expected["duration"].tolist()
    tokens = torch.arange(4).repeat_interleave(frames)[None]
    latent = model.decode_frames(
        mean, scale, tokens, torch.tensor([tokens.shape[1]]), torch.zeros(1, tokens.shape[1], 8)
    )
    assert torch.allclose(model.generate(latent)[0], expected["wav"], atol=1e-5)


@pytest.mark.parametrize(
    "flow",
    [FlipFlow(), LogFlow(), ElementwiseAffineFlow(4), ConvFlow(4, 6, 3, 2), ResidualAffineCouplingBlock(4, 6, 2)],
    ids=lambda flow: type(flow).__name__,
)
@torch.no_grad()
def test_flows_are_inverted(flow):
    for key, value in flow.state_dict().items():
        value.copy_(torch.from_numpy(zoo_data.drawn_weights({key: value.numpy()})[key]))
    x, mask = 1 + torch.rand(2, 4, 5), torch.ones(2, 1, 5)
    mapped = flow(x, mask)
    mapped = mapped[0] if isinstance(mapped, tuple) else mapped
    assert torch.allclose(flow(mapped, mask, inverse=True), x, atol=1e-4)


@pytest.mark.parametrize("tails", ["linear", None])
def test_logarithms_of_splines_are_those_of_derivatives(tails):
    torch.manual_seed(0)
    x = (torch.rand(50, dtype=torch.float64) * (8 if tails else 1) - (4 if tails else 0)).requires_grad_()
    shapes = [torch.randn(50, 6 + more, dtype=torch.float64) for more in (0, 0, -1 if tails else 1)]
    y, logarithms = piecewise_rational_quadratic_transform(x, *shapes, tails=tails, tail_bound=3.0)
    (slopes,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(slopes.log(), logarithms)
    back, inverted = piecewise_rational_quadratic_transform(y, *shapes, inverse=True, tails=tails, tail_bound=3.0)
    assert torch.allclose(back, x)
    assert torch.allclose(inverted, -logarithms)
    if tails:
        assert torch.equal(y[x.abs() > 3], x[x.abs() > 3])


def _best(scores: np.ndarray) -> float:
    """The largest sum over monotonic paths, by trying all."""
    frames, tokens = scores.shape

    def following(frame: int, token: int) -> float:
        if frame == frames - 1:
            return scores[frame, token] if token == tokens - 1 else -np.inf
        return scores[frame, token] + max(following(frame + 1, t) for t in (token, token + 1) if t < tokens)

    return following(0, 0)


def test_alignment_is_the_best_monotonic_path():
    scores, mask = torch.randn(2, 9, 4), torch.ones(2, 9, 4)
    mask[1, 6:], mask[1, :, 3:] = 0, 0
    paths = maximum_path(scores, mask)
    for path, score, (frames, tokens) in zip(paths, scores, ((9, 4), (6, 3)), strict=True):
        assert path.sum() == frames
        found = path[:frames, :tokens]
        assert (found.sum(dim=1) == 1).all()
        steps = found.argmax(dim=1).diff()
        assert ((steps == 0) | (steps == 1)).all()
        assert float((found * score[:frames, :tokens]).sum()) == pytest.approx(_best(score[:frames, :tokens].numpy()))


def test_divergences_of_equal_distributions():
    mean, scale = torch.randn(1, 3, 4000), torch.randn(1, 3, 1).expand(-1, -1, 4000)
    sample = mean + torch.randn_like(mean) * scale.exp()
    assert float(KLDivergenceLossWithoutFlow()(mean, scale, mean, scale)) == 0
    assert abs(float(KLDivergenceLoss()(sample, scale, mean, scale, torch.ones(1, 1, 4000)))) < 0.1


def test_the_generator_runs_once_for_both_steps():
    model = zoo_calls.module_for(zoo.ROWS["vits-default"], Path()).train()
    calls = []
    model.generator.register_forward_hook(lambda *_: calls.append(1))
    batch = {
        "text": torch.tensor([[1, 2, 3], [4, 5, 0]]),
        "text_lengths": torch.tensor([3, 2]),
        "feats": torch.randn(2, 12, 9),
        "feats_lengths": torch.tensor([12, 9]),
        "speech": torch.randn(2, 96),
        "speech_lengths": torch.tensor([96, 72]),
    }
    results = [model(**batch, forward_generator=generator) for generator in (True, False)]
    assert [result["optim_idx"] for result in results] == [0, 1]
    assert len(calls) == 1
    model(**batch)
    assert len(calls) == 2
    # Where the discriminator's turn is skipped, its samples are not those of the next batch.
    other = {name: value[:1] for name, value in batch.items()}
    model(**other, forward_generator=False)
    assert len(calls) == 3
    model(**other)["loss"].backward()
    assert len(calls) == 3


def test_missing_values_are_named():
    model = zoo_calls.module_for(zoo.ROWS["vits-speakers"], Path())
    text = torch.tensor([1, 2])
    with pytest.raises(ValueError, match="sids"):
        model.inference(text)
    with pytest.raises(ValueError, match=r"feats.*use_teacher_forcing"):
        model.inference(text, sids=torch.tensor([1]), use_teacher_forcing=True)
    with pytest.raises(ValueError, match=r"durations.*at least one frame"):
        model.inference(text, sids=torch.tensor([1]), durations=torch.tensor([0, 0]))


@torch.no_grad()
def test_generator_reads_arrays_in_upstreams_order(tmp_path):
    """Features (B, F, T), durations (B, 1, U), and in inference one voice (E,)."""
    model = zoo_calls.module_for(zoo.ROWS["vits-everything-given"], tmp_path)
    text, feats = torch.tensor([3, 1, 4, 1]), torch.linspace(-1, 1, 14 * 9).view(14, 9)
    durations = torch.tensor([2, 1, 0, 3])
    given = {name: torch.as_tensor(value) for name, value in GIVEN.items()}
    batch = {"text": text[None], "text_lengths": torch.tensor([4]), **given}
    of_feats = {"feats": feats.T[None], "feats_lengths": torch.tensor([14]), "use_teacher_forcing": True}
    for mine, whole in (
        (of_feats, {"feats": feats, "use_teacher_forcing": True}),
        ({"dur": durations[None, None]}, {"durations": durations}),
    ):
        torch.manual_seed(0)
        wav, _, frames = model.generator.inference(**batch, **mine)
        torch.manual_seed(0)
        expected = model.inference(text, **given, **whole)
        assert torch.equal(wav[0], expected["wav"])
        assert torch.equal(frames[0], expected["duration"])
    batch["spembs"] = batch["spembs"][None]
    assert model.generator(**batch, feats=feats.T[None], feats_lengths=torch.tensor([14]))[2].shape == (1, 1, 14, 4)
