"""Files that are no pretrained model are refused in a sentence, and nothing of them is run."""

import collections
import pickle

import pytest
import torch

from espnet.nets.pytorch_backend.pretrained import fairseq
from espnet.nets.pytorch_backend.pretrained.dimensions import whisper_model
from espnet2.asr.encoder.beats_encoder import BeatsEncoder

READERS = [
    lambda folder: fairseq.options_of("https://example.org/tiny.pt", str(folder), {}, None),
    lambda folder: whisper_model("tiny", str(folder)),
    lambda folder: BeatsEncoder(1, str(folder / "tiny.pt")),
]
SMALL = {
    "encoder_layers": 1,
    "encoder_embed_dim": 8,
    "encoder_ffn_embed_dim": 8,
    "encoder_attention_heads": 2,
    "embed_dim": 4,
    "conv_pos": 4,
    "conv_pos_groups": 2,
}


class Foreign:
    """A class that is not on any list."""


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("write", "found"),
    [
        (lambda path: torch.save({"cfg": Foreign()}, path), "one with .*Foreign, which is not run"),
        (lambda path: path.write_text("hello"), "truncated or damaged"),
        (lambda path: path.touch(), "truncated or damaged"),
        (lambda path: path.write_bytes(pickle.dumps(collections.Counter("a"))), "damaged|is not run|something else"),
        (lambda path: torch.save([1], path), "a list"),
        (lambda path: torch.save({"cfg": [1], "dims": [1], "model": {}, "model_state_dict": {}}, path), "something"),
    ],
)
def test_other_files_are_refused(read, write, found, tmp_path):
    write(tmp_path / "tiny.pt")
    with pytest.raises(ValueError, match=rf"tiny\.pt: expected a .*, found .*({found})") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_dims_of_another_model_are_refused(tmp_path):
    torch.save({"dims": {"n_mels": 80}, "model_state_dict": {}}, tmp_path / "tiny.pt")
    with pytest.raises(ValueError, match=r"expected dims n_mels, n_audio_ctx.*, found n_mels"):
        whisper_model("tiny", str(tmp_path))


def test_the_name_of_a_published_file_says_what_it_is(tmp_path):
    torch.save({"cfg": Foreign(), "model": {}}, tmp_path / "wav2vec_small.pt")
    found = fairseq.options_of("wav2vec_small.pt", str(tmp_path), fairseq.WAV2VEC2, None)
    assert found == fairseq.WAV2VEC2["wav2vec_small.pt"]


@pytest.mark.parametrize("text", ["[(1, 1, 1)]*100*100*100", "[(1,1,1)]*60 + [(1,1,1)]*60", "'a'*100", "[] + 'a'"])
def test_expansion_is_bounded(text):
    with pytest.raises(ValueError, match="conv_feature_layers"):
        fairseq.convolutions_of(text)


def _beats_file(path, change):
    weights = BeatsEncoder(1, beats_config=SMALL).state_dict()
    torch.save({"cfg": {**SMALL, "predictor_class": 3}, "model": change(weights)}, path)
    return weights


def test_weights_of_beats_are_loaded_without_a_classifier(tmp_path):
    weights = _beats_file(tmp_path / "b.pt", lambda weights: {**weights, "predictor.weight": torch.zeros(3, 8)})
    loaded = BeatsEncoder(1, str(tmp_path / "b.pt"), downsampling_rate=2).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in weights.items())


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: {**weights, "extra": torch.zeros(1)},
        lambda weights: {**weights, "layer_norm.bias": torch.zeros(9)},
        lambda weights: {**weights, "layer_norm.bias": 1},
        lambda weights: {key: value for key, value in weights.items() if key != "layer_norm.bias"},
    ],
)
def test_other_weights_of_beats_are_refused(change, tmp_path):
    _beats_file(tmp_path / "b.pt", change)
    with pytest.raises(ValueError, match=r"b\.pt: expected .* found 1 missing.*(extra|layer_norm\.bias) among"):
        BeatsEncoder(1, str(tmp_path / "b.pt"))
