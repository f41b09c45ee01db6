"""Rows of Tacotron 2."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, New, Row

V, F = 11, 8  # tokens, features
LENGTHS = (9, 5, 2)  # tokens of the three texts
TACOTRON2 = "espnet2.tts.tacotron2.tacotron2:Tacotron2"
TEXT = Array("text", ("n",), below=V)
FEATS = Array("feats", (23, F))
SPEAKER, LANGUAGE = Array("sids", (1,), below=3), Array("lids", (1,), below=4)
VOICE = Array("spembs", (5,))
SMALL: dict[str, Any] = {
    "idim": V,
    "odim": F,
    "embed_dim": 6,
    "eunits": 8,
    "econv_layers": 2,
    "econv_chans": 8,
    "adim": 8,
    "aconv_chans": 3,
    "aconv_filts": 5,
    "dunits": 10,
    "prenet_units": 7,
    "postnet_layers": 2,
    "postnet_chans": 8,
}
SURE = {"dropout_rate": 0.0}  # the prenet drops nothing
STYLE = {
    "use_gst": True,
    "gst_conv_layers": 2,
    "gst_conv_chans_list": (3, 4),
    "gst_gru_units": 6,
    "gst_tokens": 4,
    "gst_heads": 2,
}
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "forward": ({"atype": "forward"}, ()),
    "forward_ta": ({"atype": "forward_ta", "dlayers": 1}, ()),
    "last-weights": ({"cumulate_att_w": False, "use_concate": False}, ()),
    "residual": ({"use_residual": True, "embed_dim": 8, "use_batch_norm": False}, ()),
    "reduction": ({"reduction_factor": 3, "zoneout_rate": 0.0}, ()),
    "no-prenet": ({"prenet_layers": 0, "econv_layers": 0}, ()),
    "no-postnet": ({"postnet_layers": 0, "output_activation": "tanh"}, ()),
    "deep": ({"dlayers": 3, "elayers": 2, "prenet_layers": 3, "output_activation": "sigmoid"}, ()),
    "speakers": ({"spks": 3, "langs": 4}, (SPEAKER, LANGUAGE)),
    "voice-add": ({"spk_embed_dim": 5, "spk_embed_integration_type": "add"}, (VOICE,)),
    "everything": (
        {**STYLE, "spks": 3, "langs": 4, "spk_embed_dim": 5, "atype": "forward_ta", "reduction_factor": 2},
        (SPEAKER, LANGUAGE, VOICE, FEATS),
    ),
}
# With dropout, by the seed of PyTorch's generator.
SEEDED: dict[str, dict[str, Any]] = {
    "default": {},
    "forward": {"atype": "forward", "reduction_factor": 2},
    "forward_ta": {"atype": "forward_ta"},
}
# Two batches, each of three texts of different lengths.
BATCH = (
    *(Array(name, (3, 9, 4)) for name in ("after_outs", "before_outs", "ys")),
    *(Array(name, (3, 9)) for name in ("logits", "labels")),
)
_LOSSES = "espnet.nets.pytorch_backend.e2e_tts_tacotron2:"
_CELL = "espnet.nets.pytorch_backend.tacotron2.decoder:ZoneOutCell"
PARTS: dict[str, tuple[str, New, tuple[Array, ...]]] = {
    "loss-masked": ("loss", New(_LOSSES + "Tacotron2Loss"), BATCH),
    "loss-whole": ("loss", New(_LOSSES + "Tacotron2Loss", {"use_masking": False, "bce_pos_weight": 3.0}), BATCH),
    "loss-weighted": (
        "loss",
        New(_LOSSES + "Tacotron2Loss", {"use_masking": False, "use_weighted_masking": True}),
        BATCH,
    ),
    "guided": ("guided", New(_LOSSES + "GuidedAttentionLoss", {"sigma": 0.3, "alpha": 2.0}), (Array("a", (3, 9, 5)),)),
    "zoneout": (
        "zoneout",
        New(_CELL, {"cell": New("torch.nn:LSTMCell", {"input_size": 3, "hidden_size": 4}), "zoneout_rate": 0.3}),
        (Array("x", (2, 3)), Array("hidden", (2, 4)), Array("cell", (2, 4))),
    ),
}
LOSSES: dict[str, dict[str, Any]] = {
    "default": {},
    "forward_ta": {"atype": "forward_ta", "bce_pos_weight": 2.0, "guided_attn_loss_sigma": 0.2},
    "l1": {"loss_type": "L1", "use_masking": False, "use_weighted_masking": True, "guided_attn_loss_lambda": 3.0},
    "l2": {"loss_type": "L2", "use_masking": False, "use_guided_attn_loss": False},
    "reduction": {**STYLE, "reduction_factor": 3, "zoneout_rate": 0.0},
}


def _rows() -> list[Row]:
    rows = []
    for name, (options, further) in OPTIONS.items():
        make = New(TACOTRON2, {**SMALL, **SURE, **options})
        rows.append(Row(f"tacotron2-{name}", "tacotron2", make, (TEXT, *further), LENGTHS, 2e-5))
    for kind, table in (("seeded", SEEDED), ("losses", LOSSES)):
        for name, options in table.items():
            make = New(TACOTRON2, {**SMALL, **options})
            rows.append(Row(f"tacotron2-{kind}-{name}", f"tacotron2_{kind}", make, (TEXT, FEATS), LENGTHS, 5e-5))
    for name, (kind, make, arrays) in PARTS.items():
        rows.append(Row(f"tacotron2-{name}", f"tacotron2_{kind}", make, arrays, (1, 2)))
    return rows


ROWS = _rows()
SAME_GRAPH = {f"tacotron2-{name}" for name in OPTIONS if name != "default"}
REFUSED = [
    ("tacotron2-default", {"atype": "dot"}, "atype.*dot.*location, forward, forward_ta"),
    ("tacotron2-default", {"loss_type": "L3"}, "loss_type.*L3.*L1, L2"),
    ("tacotron2-default", {"output_activation": "eval"}, "output_activation.*eval.*relu"),
    ("tacotron2-default", {"use_masking": True, "use_weighted_masking": True}, "use_masking.*use_weighted_masking"),
    ("tacotron2-default", {"econv_filts": 4}, "odd kernel size.*4"),
    ("tacotron2-default", {"use_residual": True}, "use_residual.*econv_chans.*8, 6"),
    ("tacotron2-default", {"reduction_factor": 0}, "reduction_factor.*0"),
    ("tacotron2-default", {"zoneout_rate": 1.5}, "zoneout_rate.*1.5"),
    ("tacotron2-default", {"dlayers": 0}, "dlayers.*0"),
    ("tacotron2-default", {"spk_embed_integration_type": "cat"}, "spk_embed_integration_type.*cat.*add, concat"),
]
