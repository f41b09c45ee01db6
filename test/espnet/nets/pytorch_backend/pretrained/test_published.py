"""Published models have as many parameters as their papers say, and files tell what they hold."""

import argparse

import pytest
import torch

from espnet.nets.pytorch_backend.pretrained import fairseq
from espnet.nets.pytorch_backend.pretrained.dimensions import PUBLISHED, whisper_model
from espnet.nets.pytorch_backend.pretrained.whisper import AudioEncoder, TextDecoder
from espnet2.asr.encoder.beats_encoder import BeatsEncoder

# Millions, of Radford et al. 2022, Baevski et al. 2020, Hsu et al. 2021, Chen et al. 2022.
WHISPER = {"tiny": 39, "base": 74, "small": 244, "medium": 769, "large": 1550, "large-v3": 1550, "turbo": 809}
WAV2VEC2 = {"wav2vec_small.pt": 95, "libri960_big.pt": 317, "wav2vec_vox_new.pt": 317, "xlsr_53_56k.pt": 317}
HUBERT = {"hubert_base_ls960.pt": 95, "hubert_large_ll60k.pt": 317, "hubert_xtralarge_ll60k.pt": 964}


def _millions(*modules: torch.nn.Module) -> float:
    return sum(parameter.numel() for module in modules for parameter in module.parameters()) / 1e6


@pytest.mark.parametrize(("name", "millions"), WHISPER.items())
def test_whisper(name, millions):
    sizes = PUBLISHED[name]
    with torch.device("meta"):
        found = _millions(AudioEncoder(sizes), TextDecoder(sizes, sizes.n_vocab))
    assert found == pytest.approx(millions, rel=0.05)


@pytest.mark.parametrize(
    ("make", "options", "millions"),
    [
        *((fairseq.wav2vec2, fairseq.WAV2VEC2[name], millions) for name, millions in WAV2VEC2.items()),
        *((fairseq.hubert, fairseq.HUBERT[name], millions) for name, millions in HUBERT.items()),
    ],
)
def test_fairseq(make, options, millions):
    with torch.device("meta"):
        found = _millions(make(options))
    assert found == pytest.approx(millions, rel=0.01)


def test_beats():
    with torch.device("meta"):
        found = _millions(BeatsEncoder(1, beats_ckpt_path="BEATs_iter3.pt"))
    assert found == pytest.approx(90, rel=0.01)


@pytest.mark.parametrize(
    ("text", "convolutions"),
    [
        ("[(8, 10, 5)] + [(8, 3, 2)] * 2", ((8, 10, 5), (8, 3, 2), (8, 3, 2))),
        ([[8, 2, 2]], ((8, 2, 2),)),
    ],
)
def test_convolutions(text, convolutions):
    assert fairseq.convolutions_of(text) == convolutions


@pytest.mark.parametrize("text", ["[(8, 10, 5)] * 10**9", "[(8, 10)]", "__import__('os')", "[", "7"])
def test_other_convolutions_are_refused(text):
    with pytest.raises(ValueError, match="conv_feature_layers"):
        fairseq.convolutions_of(text)


@pytest.mark.parametrize(
    "content",
    [
        {"cfg": {"model": {"w2v_args": {"model": {"encoder_layers": 3}}}}},
        {"args": argparse.Namespace(w2v_args=argparse.Namespace(encoder_layers=3))},
    ],
)
def test_a_fine_tuned_file_says_what_it_started_from(content, tmp_path):
    torch.save({**content, "model": {}}, tmp_path / "m.pt")
    assert fairseq.options_of("https://example.org/m.pt", str(tmp_path), {}, None) == {
        "encoder_layers": 3,
        "finetuned": True,
    }


def test_a_fine_tuned_network_has_no_parts_of_pretraining():
    with torch.device("meta"):
        keys = fairseq.wav2vec2({"encoder_layers": 1, "finetuned": True}).state_dict().keys()
    assert "mask_emb" in keys
    assert not [key for key in keys if key.startswith(("final_proj", "project_q", "quantizer"))]


@pytest.mark.parametrize(
    "make", [lambda path: fairseq.options_of("tiny.pt", path, {}, None), lambda path: whisper_model("tiny", path)]
)
def test_another_file_is_refused(make, tmp_path):
    torch.save({"model": {}}, tmp_path / "tiny.pt")
    with pytest.raises(ValueError, match=r"tiny\.pt: expected a"):
        make(str(tmp_path))
