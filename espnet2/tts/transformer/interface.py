"""Interface of the graphs of Transformer TTS."""

from __future__ import annotations

from espnet.nets.pytorch_backend.transformer.cache import MANY_TOKENS
from espnet2.interface import spec
from espnet2.tts.transformer.layers import FrameDecoder


def memory_of(decoder: FrameDecoder, axis: str) -> tuple[spec.Tensor, ...]:
    """Outputs of the text encoder that steps read, for the tokens of an axis."""
    attention = decoder.attentions("src_attn")[0]
    return (
        *(
            spec.Tensor(f"memory_{kind}_{layer}", ("batch", attention.h, axis, attention.d_k))
            for kind in ("key", "value")
            for layer in range(len(decoder.layers))
        ),
        spec.Tensor("hidden_lengths", ("batch",), "int64", length_of=axis),
    )


def step_component(decoder: FrameDecoder, odim: int, reduction_factor: int) -> spec.Component:
    """The graph "decoder_step"."""
    attention, layers = decoder.attentions("self_attn")[0], len(decoder.layers)
    noise = (
        spec.Tensor("noise_dropout", ("batch", len(prenet.prenet), prenet.n_units), below=1.0, noise=True)
        for prenet in decoder.dropping
    )
    frame, rows = ("batch", odim), ("batch", attention.h, attention.d_k)
    caches = (
        spec.State(
            spec.Tensor(f"cache_{kind}_{layer}", ("past", *rows)),
            spec.Tensor(f"next_cache_{kind}_{layer}", (1, *rows)),
            appended="past",
        )
        for kind in ("key", "value")
        for layer in range(layers)
    )
    return spec.Component(
        name="decoder_step",
        method="step",
        inputs=(
            *memory_of(decoder, "tokens"),
            spec.Tensor("positions", ("batch",), "int64", below=MANY_TOKENS),
            *noise,
        ),
        outputs=(
            spec.Tensor("frames", ("batch", reduction_factor, odim)),
            spec.Tensor("stop", ("batch", reduction_factor)),
            spec.Tensor("att_w", ("batch", layers, attention.h, "tokens")),
        ),
        states=(spec.State(spec.Tensor("frame", frame), spec.Tensor("next_frame", frame)), *caches),
        initial={"past": 0},
        attributes={"limits_in_steps": True},
    )
