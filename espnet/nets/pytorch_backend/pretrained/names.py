"""Names of the same layers in checkpoints of different origin, as tables of dotted paths."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerNames:
    """Paths of the parts of a Transformer layer, from the layer on."""

    attention: str
    attention_norm: str
    feed_in: str
    feed_out: str
    feed_norm: str
    source: str = ""
    source_norm: str = ""


@dataclass(frozen=True)
class Names:
    """Paths of the parts of a network, from the network on; `conv` and the norms after it from one convolution on."""

    layer: LayerNames
    feature_norm: str
    feature_projection: str
    positions: str
    gain: str
    direction: str
    layers: str
    norm: str
    conv: str = ""
    group_norm: str = ""
    layer_norm: str = ""


FAIRSEQ = Names(
    layer=LayerNames("self_attn", "self_attn_layer_norm", "fc1", "fc2", "final_layer_norm"),
    feature_norm="layer_norm",
    feature_projection="post_extract_proj",
    positions="encoder.pos_conv.0",
    gain="weight_g",
    direction="weight_v",
    layers="encoder.layers",
    norm="encoder.layer_norm",
    conv="0",
    group_norm="2",
    layer_norm="2.1",
)
TORCHAUDIO = Names(
    layer=LayerNames(
        "attention",
        "layer_norm",
        "feed_forward.intermediate_dense",
        "feed_forward.output_dense",
        "final_layer_norm",
    ),
    feature_norm="encoder.feature_projection.layer_norm",
    feature_projection="encoder.feature_projection.projection",
    positions="encoder.transformer.pos_conv_embed.conv",
    gain="parametrizations.weight.original0",
    direction="parametrizations.weight.original1",
    layers="encoder.transformer.layers",
    norm="encoder.transformer.layer_norm",
    conv="conv",
    group_norm="layer_norm",
    layer_norm="layer_norm",
)
WHISPER = LayerNames("attn", "attn_ln", "mlp.0", "mlp.2", "mlp_ln", "cross_attn", "cross_attn_ln")
