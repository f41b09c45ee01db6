"""Rows of the recurrent decoder: each attention, and the decoder's own options."""

from __future__ import annotations

from typing import Any

from zoo_data import Row
from zoo_rows import MEMORY, MODEL, TEXT, VOCABULARY, family

_SIZES = {"aheads": 2, "adim": 6, "awin": 3, "aconv_chans": 3, "aconv_filts": 4}


def _attention(atype: str, **options: Any) -> dict[str, Any]:
    return {"att_conf": {"atype": atype, **_SIZES, **options}}


DECODERS: dict[str, dict[str, Any]] = {
    "location": {},
    **{
        name: _attention(name)
        for name in (
            "noatt",
            "dot",
            "add",
            "location2d",
            "location_recurrent",
            "coverage",
            "coverage_location",
            "multi_head_dot",
            "multi_head_add",
            "multi_head_loc",
            "multi_head_multi_res_loc",
        )
    },
    "no-att_conf": {"att_conf": {}},
    "gru": {"rnn_type": "gru"},
    "two-layers": {"num_layers": 2},
    "gru-three-layers": {"rnn_type": "gru", "num_layers": 3, **_attention("multi_head_loc", aheads=1)},
    "context_residual": {"context_residual": True, "num_layers": 2},
    "one-head": _attention("multi_head_dot", aheads=1),
    "one-row": _attention("location2d", awin=1),
    "one-frame": _attention("coverage_location", aconv_filts=0),
    "three-resolutions": _attention("multi_head_multi_res_loc", aheads=3, aconv_filts=2),
    "two-speakers": _attention("add", num_att=2),
    "han_mode": _attention("location", han_mode=True, han_type="add", han_heads=2, han_dim=4, han_conv_chans=2),
    "replace_sos": {"replace_sos": True},
    "dropout": {"dropout": 0.1},
}
ROWS: list[Row] = family(
    "rnn_decoder",
    "decoder",
    "espnet2.asr.decoder.rnn_decoder:RNNDecoder",
    (MEMORY, *TEXT),
    DECODERS,
    {"vocab_size": VOCABULARY, "encoder_output_size": MODEL, "hidden_size": 10, **_attention("location")},
)
SAME_GRAPH = {
    f"rnn_decoder-{name}"
    for name in (
        "no-att_conf",
        "gru",
        "two-layers",
        "context_residual",
        "one-head",
        "one-row",
        "one-frame",
        "three-resolutions",
        "two-speakers",
        "han_mode",
        "replace_sos",
        "dropout",
    )
}
LONG = {"rnn_decoder-location_recurrent"}
REFUSED = [
    ("rnn_decoder-location", {"rnn_type": "blstm"}, "rnn_type.*blstm.*gru"),
    ("rnn_decoder-location", {"num_layers": 0}, "num_layers.*positive.*0"),
    ("rnn_decoder-location", {"num_encs": 2}, "num_encs.*1.*2"),
    ("rnn_decoder-location", {"dropout": 1.5}, "dropout.*1.5"),
    ("rnn_decoder-location", _attention("forward"), "atype.*forward.*location2d"),
    ("rnn_decoder-location", _attention("location", num_encs=2), "num_encs.*1.*2"),
    ("rnn_decoder-location", _attention("location", num_att=0), "num_att.*positive.*0"),
    ("rnn_decoder-location", _attention("multi_head_dot", aheads=0), "aheads.*positive.*0"),
    ("rnn_decoder-location", _attention("location2d", awin=0), "awin.*positive.*0"),
    ("rnn_decoder-location", _attention("location", aconv_chans=0), "aconv_chans.*positive.*0"),
    ("rnn_decoder-location", _attention("location", aconv_filts=-1), "aconv_filts.*0.*-1"),
    ("rnn_decoder-location", _attention("location", heads=4), "heads"),
]
