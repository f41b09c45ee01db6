"""Graphs of a synthesiser as functions of arrays, where a test needs no model."""

import numpy as np
from numpy_graphs import Graph

from espnet2.interface.spec import Component, Length, OutputLength, State, Tensor
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


def style_encoder() -> Graph:
    """Style encoder: the mean of a reference utterance of at least 8 samples."""
    component = Component(
        "style_encoder",
        "encode_style",
        (Tensor("speech", ("batch", "samples")), Tensor("speech_lengths", ("batch",), "int64", length_of="samples")),
        (Tensor("style", ("batch", 1)), Tensor("style_frames", ("batch", "frames", 1))),
        lengths=(OutputLength("frames", "samples", Length.conv(8, 4)),),
    )

    def run(speech, _):
        return speech.mean(1, keepdims=True), speech[:, : (speech.shape[1] - 4) // 4, None]

    return Graph(component, run)


def latent_encoder(*further: str) -> Graph:
    """Text encoder without an end symbol: each token lasts its id and noise, begun frames count."""
    tokens = ("batch", "tokens")
    known = {
        "style": Tensor("style", ("batch", 1)),
        "noise_durations": Tensor("noise_durations", ("batch", 1, "tokens"), noise=True),
    }
    component = Component(
        "text_encoder",
        "encode_text",
        (
            Tensor("text", tokens, "int64", below=len(TOKENS)),
            Tensor("text_lengths", ("batch",), "int64", length_of="tokens"),
            *(known[name] for name in further),
        ),
        (
            Tensor("means", (*tokens, 2)),
            Tensor("log_durations", tokens),
            Tensor("global_vector", ("batch", 1)),
            Tensor("hidden_lengths", ("batch",), "int64", length_of="tokens"),
        ),
        attributes={"durations": "ceil", "alignment": True},
    )

    def run(text, lengths, *given):
        values = dict(zip(further, given, strict=True))
        noise = values.get("noise_durations", np.zeros((1, 1, 1), np.float32))[:, 0]
        style = values.get("style", np.zeros((len(text), 1), np.float32))
        means = np.repeat(text[..., None], 2, 2).astype(np.float32)
        return means, np.log(np.maximum(text, 1) - 0.5).astype(np.float32) + noise * 0.1, style, lengths

    return Graph(component, run)


def latent_decoder() -> Graph:
    """Decoder of a latent representation: the mean of each frame's token and noise."""
    component = Component(
        "feature_decoder",
        "decode_frames",
        (
            Tensor("means", ("batch", "tokens", 2)),
            Tensor("frame_tokens", ("batch", "frames"), "int64", below="tokens"),
            Tensor("frame_lengths", ("batch",), "int64", length_of="frames"),
            Tensor("noise", ("batch", 2, "frames"), noise=True),
        ),
        (Tensor("latent", ("batch", "frames", 2)),),
    )

    def run(means, places, _, noise):
        return (np.take_along_axis(means, places[..., None], 1) + noise.transpose(0, 2, 1),)

    return Graph(component, run)


def latent_vocoder() -> Graph:
    """Vocoder of a latent representation and a global vector, four samples each frame, that reads a frame around."""
    component = Component(
        "vocoder",
        "generate",
        (
            Tensor("feats", ("batch", "frames", 2)),
            Tensor("global_vector", ("batch", 1)),
            Tensor("noise", ("batch", "frames", 4), noise=True),
        ),
        (Tensor("wav", ("batch", "samples")),),
        lengths=(OutputLength("samples", "frames", Length.multiplied(4)),),
        attributes={"receptive_field": 1},
    )

    def run(feats, vector, noise):
        padded = np.pad(feats, ((0, 0), (1, 1), (0, 0))).sum(-1)
        frames = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
        return ((frames[..., None] + noise + vector[..., None]).reshape(len(feats), -1).astype(np.float32),)

    return Graph(component, run)


def decoder_step() -> Graph:
    """Step of a decoder that counts frames, two a step, and stops behind the last of its tokens."""
    count = Tensor("count", ("batch", 1)), Tensor("next_count", ("batch", 1))
    component = Component(
        "decoder_step",
        "step",
        (
            Tensor("hidden", ("batch", "tokens", 1)),
            Tensor("hidden_lengths", ("batch",), "int64", length_of="tokens"),
            Tensor("noise_dropout", ("batch", 1), noise=True, below=1.0),
        ),
        (Tensor("frames", ("batch", 2, F)), Tensor("stop", ("batch", 2)), Tensor("att_w", ("batch", "tokens"))),
        states=(State(*count),),
    )

    def run(hidden, lengths, noise, count):
        frames = (count[:, :, None] + np.arange(2)[None, :, None] + np.zeros((1, 2, F))).astype(np.float32)
        places = count[:, 0].astype(np.int64) // 2
        attention = np.eye(hidden.shape[1], dtype=np.float32)[np.minimum(places, lengths - 1)]
        stop = np.repeat((places + 1 >= lengths)[:, None], 2, 1).astype(np.float32)
        assert ((noise >= 0) & (noise < 1)).all()
        return frames, stop, attention, count + 2

    return Graph(component, run)


def postnet() -> Graph:
    """Postnet that adds one."""
    feats = ("batch", "frames", F)
    component = Component(
        "postnet",
        "refine",
        (Tensor("feats", feats), Tensor("feats_lengths", ("batch",), "int64", length_of="frames")),
        (Tensor("feat_gen", feats), Tensor("feat_gen_denorm", feats)),
    )
    return Graph(component, lambda feats, _: (feats + 1, feats + 101))


def model(*conditions: str, denormalised: bool = True, with_vocoder: bool = False) -> SynthesisModel:
    """A model of these graphs."""
    return of_graphs(encoder(*conditions), decoder(denormalised), *([vocoder()] if with_vocoder else []))


def latent_model(*further: str) -> SynthesisModel:
    """A model that goes from text to samples, with noise; of the `style` of a reference utterance where it is asked."""
    style = [style_encoder()] if "style" in further else []
    return of_graphs(*style, latent_encoder(*further), latent_decoder(), latent_vocoder())


def stepwise_model() -> SynthesisModel:
    """A model that speaks step by step."""
    return of_graphs(encoder(), decoder_step(), postnet(), vocoder())


def of_graphs(*graphs: Graph) -> SynthesisModel:
    """The model of these graphs."""
    return SynthesisModel({graph.component.name: graph for graph in graphs}, SECTION)
