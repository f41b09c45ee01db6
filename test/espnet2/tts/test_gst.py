"""Global style tokens beyond their numbers, which the zoo compares with upstream's."""

from pathlib import Path

import pytest
import torch
import zoo
import zoo_calls

TEXT = torch.tensor([3, 1, 4])


def test_graph_of_styles_reads_samples_and_declares_the_fewest(tmp_path):
    model = zoo_calls.module_for(zoo.ROWS["tts-model-gst"], tmp_path)
    _, component = model.parts()[0]
    assert [tensor.name for tensor in component.inputs] == ["speech", "speech_lengths"]
    n_fft = model.feats_extract.n_fft
    assert component.shortest() == {"samples": n_fft // 2 + 1}


@torch.no_grad()
def test_style_changes_what_is_spoken_and_is_needed():
    module = zoo_calls.module_for(zoo.ROWS["fastspeech2-gst"], Path())
    first, second = (module.inference(TEXT, feats=torch.full((20, 8), value))["pitch"] for value in (0.0, 1.0))
    assert not torch.allclose(first, second)
    with pytest.raises(ValueError, match=r"feats.*use_gst"):
        module.inference(TEXT)


def test_model_names_the_missing_reference(tmp_path):
    model = zoo_calls.module_for(zoo.ROWS["tts-model-gst"], tmp_path)
    with pytest.raises(ValueError, match="speech: expected samples, which use_gst needs"):
        model.inference(TEXT)
