"""Transformer TTS beyond its numbers, which the zoo compares with upstream's."""

from pathlib import Path

import pytest
import torch
import zoo
import zoo_calls
from zoo_tts_tacotron2_kinds import LIMITS, spoken

TEXT = torch.tensor([3, 1, 4, 1])


def _module(name: str) -> torch.nn.Module:
    return zoo_calls.module_for(zoo.ROWS[f"transformer_tts-{name}"], Path())


@torch.no_grad()
@pytest.mark.parametrize("name", ["default", "reduction"])
def test_inference_equals_the_graphs(name):
    module = _module(name)
    found = module.inference(TEXT, **LIMITS)
    (expected,) = spoken(module, {"text": TEXT[None]}, torch.tensor([4]), LIMITS)
    assert all(torch.allclose(found[key], expected[key], atol=1e-5) for key in ("feat_gen", "prob", "att_w"))


@torch.no_grad()
def test_speech_ends_at_whole_steps():
    module = _module("reduction")
    counts = [
        len(module.inference(TEXT, threshold=threshold, minlenratio=1.9, maxlenratio=2.9)["feat_gen"])
        for threshold in (0.0, 2.0)
    ]
    assert counts == [9, 12]  # of 5 tokens, steps of 3 frames


@torch.no_grad()
def test_prenet_drops_in_synthesis():
    module = _module("losses-default")
    torch.manual_seed(0)
    first, second = (module.inference(TEXT, **LIMITS)["feat_gen"] for _ in range(2))
    assert not torch.allclose(first, second)


def test_teacher_forcing_needs_features():
    with pytest.raises(ValueError, match=r"feats.*use_teacher_forcing"):
        _module("default").inference(TEXT, use_teacher_forcing=True)
