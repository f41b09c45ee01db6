"""Models of many tasks at the sizes of OWSM, with random weights, which upstream loads, too.

    python tools/bench/random_prompted.py {base,small,medium,ctc} DIRECTORY      writes config.yaml and model.pth

E-Branchformer and Transformer decoder of OWSM v3.1: `base` 6 x 384 and 6 heads (102 M parameters), `small` 9 x 768 and
12 heads (370 M), `medium` 18 x 1024 and 16 heads (1.0 B); `ctc`: OWSM-CTC v3.1, 27 x 1024 with self-conditioned CTC
behind four layers (1.0 B). 50,002 tokens, among them languages, tasks, and times up to 30 s.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

VOCABULARY = 50_002
RATE = 16000
TIMES = [f"<{place / 50:.2f}>" for place in range(1501)]  # up to 30 s
SYMBOLS = [
    "<blank>",
    "<unk>",
    "<na>",
    "<nospeech>",
    "<nolang>",
    "<abk>",
    "<deu>",
    "<eng>",
    "<zul>",
    "<asr>",
    "<st_deu>",
]
SYMBOLS += ["<notimestamps>", *TIMES]
ENDS = ["<sos>", "<eos>", "<sop>"]
COMMON: dict[str, Any] = {
    "token_type": "word",
    "frontend": "default",
    "frontend_conf": {"fs": RATE, "n_fft": 512, "win_length": 400, "hop_length": 160},
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "preprocessor_conf": {
        "fs": RATE,
        "speech_length": 30,
        "speech_resolution": 0.02,
        "speech_init_silence": 1.0,
        "na_symbol": "<na>",
        "notime_symbol": "<notimestamps>",
        "first_time_symbol": TIMES[0],
        "last_time_symbol": TIMES[-1],
    },
}


def encoder(layers: int, size: int, heads: int, **others: Any) -> dict[str, Any]:
    """Options of an E-Branchformer of OWSM v3.1."""
    return {
        "output_size": size,
        "attention_heads": heads,
        "attention_layer_type": "selfattn",
        "pos_enc_layer_type": "abs_pos",
        "cgmlp_linear_units": 4 * size,
        "cgmlp_conv_kernel": 31,
        "num_blocks": layers,
        "linear_units": 4 * size,
        "use_ffn": True,
        "macaron_ffn": True,
        "merge_conv_kernel": 31,
        "input_layer": "conv2d",
        **others,
    }


def prompted(layers: int, size: int, heads: int) -> dict[str, Any]:
    """Configuration of a model with a decoder of as many layers as the encoder."""
    decoder = {"attention_heads": heads, "linear_units": 4 * size, "num_blocks": layers}
    return {
        **COMMON,
        "encoder": "e_branchformer",
        "encoder_conf": encoder(layers, size, heads),
        "decoder": "transformer",
        "decoder_conf": decoder,
        "model_conf": {"ctc_weight": 0.3},
    }


CONDITIONED = {
    "input_layer": "conv2d8",
    "interctc_layer_idx": [6, 12, 15, 21],
    "interctc_use_conditioning": True,
    "use_cross_attention": [layer % 3 == 2 for layer in range(27)],
}
MODELS: dict[str, dict[str, Any]] = {
    "base": prompted(6, 384, 6),
    "small": prompted(9, 768, 12),
    "medium": prompted(18, 1024, 16),
    "ctc": {
        **COMMON,
        "encoder": "e_branchformer_ctc",
        "encoder_conf": encoder(27, 1024, 16, **CONDITIONED),
        "promptencoder": "transformer",
        "promptencoder_conf": {"output_size": 512, "attention_heads": 8, "linear_units": 2048, "num_blocks": 4},
        "model": "espnet_ctc",
        "model_conf": {"interctc_weight": 0.5, "ctc_asr_only": [True, True, True, False, False]},
    },
}
SHARPNESS = 20  # so that one token of a frame is far more probable than the next, as in trained models
FILES = {"s2t_train_config": "config.yaml", "s2t_model_file": "model.pth"}


def write(name: str, directory: Path) -> None:
    """Write configuration and weights of a model."""
    import json

    import torch

    from espnet2.tasks import s2t, s2t_ctc

    task: Any = s2t_ctc.S2TTask if name == "ctc" else s2t.S2TTask
    words = [f"w{number}" for number in range(VOCABULARY - len(SYMBOLS) - len(ENDS))]
    config = {**task.get_default_config(), **MODELS[name], "token_list": [*SYMBOLS, *words, *ENDS]}
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / FILES["s2t_train_config"]
    file.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    torch.manual_seed(0)
    model, _ = task.build_model_from_file(file)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.xavier_uniform_(parameter)
    if name == "ctc":
        model.ctc.ctc_lo.weight.data *= SHARPNESS
    torch.save(model.state_dict(), directory / FILES["s2t_model_file"])
    print(f"{name}: {sum(parameter.numel() for parameter in model.parameters()) / 1e6:.0f} M parameters", flush=True)


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
