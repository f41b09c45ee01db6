"""Synthesisers from text to samples on PyTorch: results of upstream's names, batches, streams, given speech."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
import zoo_tts_vits

from espnet2.bin.tts_inference import Text2Speech
from espnet2.interface.errors import DataError
from espnet2.tasks.gan_tts import GANTTSTask

KEYS = {"wav", "att_w", "duration", "focus_rate"}
VOICE = {"sids": np.array([1]), "lids": np.array([3]), "spembs": np.linspace(-1, 1, 5, dtype=np.float32)}
TEXTS = ["abc", "c", "abcabcabb"]
HOP = 8


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny VITS of drawn weights, with speakers, languages and speaker embeddings."""
    directory = tmp_path_factory.mktemp("vits")
    parts = {**zoo_tts_vits.GENERATOR, **zoo_tts_vits.EVERYTHING, "aux_channels": 9}
    conf = {name: value for name, value in zoo_tts_vits.VITS.items() if name not in ("idim", "odim")}
    keys = {
        "token_list": ["<blank>", "<unk>", "a", "b", "c", "<space>", "<sos/eos>"],
        "token_type": "char",
        "feats_extract": "linear_spectrogram",
        "feats_extract_conf": {"n_fft": 16, "hop_length": HOP},
        "generator_first": False,
        "normalize": None,
        "tts": "vits",
        "tts_conf": {**conf, "generator_params": parts},
    }
    (directory / "config.yaml").write_text(yaml.safe_dump(keys))
    torch.manual_seed(0)
    model, _ = GANTTSTask.build_model_from_file(directory / "config.yaml")
    torch.save(model.state_dict(), directory / "model.pth")
    return {"train_config": directory / "config.yaml", "model_file": directory / "model.pth"}


def test_results_have_upstreams_names(files):
    found = Text2Speech(**files)("abc", **VOICE)
    assert set(found) == KEYS
    assert found["att_w"].shape == (int(found["duration"].sum()), 3)
    assert len(found["wav"]) == HOP * len(found["att_w"])


def test_batches_and_streams_speak_as_single_texts_do(files):
    expected = [Text2Speech(**files, always_fix_seed=True)(text, **VOICE) for text in TEXTS]
    given = {"sids": [1] * 3, "lids": [3] * 3, "spembs": np.stack([VOICE["spembs"]] * 3)}
    text2speech = Text2Speech(**files, always_fix_seed=True)
    found = text2speech.batch_call(TEXTS, **given)
    for index, one in enumerate(expected):
        assert torch.allclose(found["wav"][index], one["wav"], atol=1e-5)
        assert torch.equal(found["duration"][index, : len(one["duration"])], one["duration"])
        streamed = torch.cat(list(text2speech.stream(TEXTS[index], **VOICE)))
        assert torch.allclose(streamed, one["wav"], atol=1e-5)
    together = text2speech.batch(TEXTS, [VOICE] * 3)
    assert all(torch.equal(one["wav"], other["wav"]) for one, other in zip(expected, together, strict=True))


def test_streams_of_long_speech_come_in_pieces(files):
    text2speech, slow = Text2Speech(**files, always_fix_seed=True), {"alpha": 20.0}
    whole = text2speech("abcabcabb", **VOICE, decode_conf=slow)["wav"]
    pieces = list(text2speech.stream("abcabcabb", **VOICE, decode_conf=slow))
    assert len(pieces) > 1 and len(pieces[0]) < len(whole) / 5
    assert torch.allclose(torch.cat(pieces), whole, atol=1e-5 * float(whole.abs().max()))


def test_speech_is_reconstructed_with_teacher_forcing(files):
    text2speech = Text2Speech(**files, use_teacher_forcing=True)
    assert text2speech.use_speech
    speech = torch.sin(torch.arange(20 * HOP) / 3.0)
    found = text2speech("abc", speech, **VOICE)
    assert set(found) == KEYS
    assert found["att_w"].shape == (21, 3) and int(found["duration"].sum()) == 21
    assert len(found["wav"]) == 21 * HOP
    with pytest.raises(DataError, match="speech: expected samples, which use_teacher_forcing needs, found none"):
        text2speech("abc", **VOICE)
