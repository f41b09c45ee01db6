"""Graphs of a synthesiser as functions of arrays, where a test needs no model."""

import numpy as np
from numpy_graphs import Graph

from espnet2.interface.spec import Component, Length, OutputLength, Tensor
from espnet2.runtime.synthesis_model import SynthesisModel, SynthesisSection

TOKENS = ["<blank>", "<unk>", "a", "b", "<space>", "<sos/eos>"]
F = 9  # features
GRIFFIN_LIM = {"n_fft": 16, "n_shift": 8}
TEXT = {"token_type": "char", "cleaner": [], "g2p": None, "non_linguistic_symbols": []}
SECTION = SynthesisSection(8000, TOKENS, TEXT, GRIFFIN_LIM)
CONDITIONS = {
    "sids": Tensor("sids", ("batch", 1), "int64", below=3),
    "lids": Tensor("lids", ("batch", 1), "int64", below=2),
    "spembs": Tensor("spembs", ("batch", 4)),
}


def encoder(*conditions: str) -> Graph:
    """Text encoder whose tokens last as many frames as their id says; hidden vectors are the ids."""
    tokens, said = ("batch", "tokens"), ("batch", "out_tokens")
    component = Component(
        "text_encoder",
        "encode_text",
        (
            Tensor("text", tokens, "int64", below=len(TOKENS)),
            Tensor("text_lengths", ("batch",), "int64", length_of="tokens"),
            *(CONDITIONS[name] for name in conditions),
        ),
        (
            Tensor("hidden", (*said, 1)),
            Tensor("log_durations", said),
            Tensor("pitch", (*said, 1)),
            Tensor("energy", (*said, 1)),
            Tensor("hidden_lengths", ("batch",), "int64", length_of="out_tokens"),
        ),
        lengths=(OutputLength("out_tokens", "tokens", Length(((0, 1, 1),))),),
        attributes={"attention_heads": 1},
    )

    def run(text, lengths, *_):
        ids = np.pad(text, ((0, 0), (0, 1))).astype(np.float32)
        return ids[..., None], np.log(ids + 1), ids[..., None] + 10, ids[..., None] + 20, lengths + 1

    return Graph(component, run)


def decoder(denormalised: bool = True) -> Graph:
    """Feature decoder: each frame is its token's hidden value plus pitch."""
    tokens, batch = ("batch", "tokens"), ("batch",)
    feats = ("batch", "frames", F)
    outputs = [Tensor("feat_gen", feats), Tensor("feat_gen_denorm", feats)][: 2 if denormalised else 1]
    component = Component(
        "feature_decoder",
        "decode_frames",
        (
            Tensor("hidden", (*tokens, 1)),
            Tensor("text_lengths", batch, "int64", length_of="tokens"),
            Tensor("pitch", (*tokens, 1)),
            Tensor("energy", (*tokens, 1)),
            Tensor("frame_tokens", ("batch", "frames"), "int64", below="tokens"),
            Tensor("frame_lengths", batch, "int64", length_of="frames"),
        ),
        (*outputs, Tensor("feat_gen_lengths", batch, "int64", length_of="frames")),
        attributes={"attention_heads": 1},
    )

    def run(hidden, _, pitch, energy, places, lengths):
        values = np.take_along_axis((hidden + pitch)[..., 0], places, 1)
        frames = np.repeat(values[..., None], F, 2).astype(np.float32)
        return (*[frames, frames + 100][: len(outputs)], lengths)

    return Graph(component, run)


def vocoder(size: int = F) -> Graph:
    """Vocoder that repeats the first feature of each frame twice."""
    component = Component(
        "vocoder",
        "generate",
        (Tensor("feats", ("batch", "frames", size)),),
        (Tensor("wav", ("batch", "samples")),),
        lengths=(OutputLength("samples", "frames", Length.multiplied(2)),),
    )
    return Graph(component, lambda feats: (np.repeat(feats[..., 0], 2, 1),))


def model(*conditions: str, denormalised: bool = True, with_vocoder: bool = False) -> SynthesisModel:
    """A model of these graphs."""
    graphs = {"text_encoder": encoder(*conditions), "feature_decoder": decoder(denormalised)}
    return SynthesisModel({**graphs, **({"vocoder": vocoder()} if with_vocoder else {})}, SECTION)
