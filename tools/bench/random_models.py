"""Models with random weights for benchmarks, made by this project's classes and loaded by upstream, too.

`librispeech`: Conformer 12 x 512 (8 heads, 2048 units, kernel 31, conv2d), Transformer decoder 6 x 512 (2048 units),
CTC, 5000 tokens, 116 M parameters; `lm`: the same with a Transformer language model 16 x 512 (8 heads, 2048 units);
`rnn`: Conformer 12 x 256 (4 heads, 1024 units), CTC, an LSTM decoder 2 x 512 with location-aware attention;
`transducer`: that encoder, an LSTM of 512 units and a joint space of 512.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARY = 5000
RATE = 16000
SPECIALS = ("<blank>", "<unk>", "<sos/eos>")
COMMON: dict[str, Any] = {
    "token_type": "word",
    "bpemodel": None,
    "init": None,
    "input_size": None,
    "ctc_conf": {},
    "frontend": "default",
    "frontend_conf": {"n_fft": 512, "hop_length": 160, "win_length": 400},
    "specaug": None,
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "model": "espnet",
    "model_conf": {"ctc_weight": 0.3},
    "preencoder": None,
    "encoder": "conformer",
    "postencoder": None,
    "preprocessor": "default",
    "preprocessor_conf": {},
    "use_preprocessor": True,
    "version": "202511",
}
CONFORMER = {
    "num_blocks": 12,
    "input_layer": "conv2d",
    "macaron_style": True,
    "rel_pos_type": "latest",
    "pos_enc_layer_type": "rel_pos",
    "selfattention_layer_type": "rel_selfattn",
    "use_cnn_module": True,
    "cnn_module_kernel": 31,
}
LARGE = {**CONFORMER, "output_size": 512, "attention_heads": 8, "linear_units": 2048}
MODERATE = {**CONFORMER, "output_size": 256, "attention_heads": 4, "linear_units": 1024}
HYBRID = {
    **COMMON,
    "encoder_conf": LARGE,
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 8, "linear_units": 2048, "num_blocks": 6},
}
LANGUAGE_MODEL = {
    "token_type": "word",
    "bpemodel": None,
    "init": None,
    "lm": "transformer",
    "lm_conf": {"pos_enc": None, "embed_unit": 512, "att_unit": 512, "head": 8, "unit": 2048, "layer": 16},
    "model": "lm",
    "model_conf": {},
    "use_preprocessor": True,
    "version": "202511",
}
MODELS: dict[str, dict[str, Any]] = {
    "librispeech": HYBRID,
    "lm": HYBRID,
    "rnn": {
        **COMMON,
        "encoder_conf": MODERATE,
        "decoder": "rnn",
        "decoder_conf": {
            "num_layers": 2,
            "hidden_size": 512,
            "att_conf": {"atype": "location", "adim": 512, "aconv_chans": 10, "aconv_filts": 100},
        },
    },
    "transducer": {
        **COMMON,
        "encoder_conf": MODERATE,
        "decoder": "transducer",
        "decoder_conf": {"rnn_type": "lstm", "num_layers": 1, "hidden_size": 512},
        "joint_net_conf": {"joint_space_size": 512},
        "model_conf": {"ctc_weight": 0.0},
    },
}
# Random weights make all symbols about equally likely at all frames; trained transducers are sure, and of the blank at
# about four of five frames.
SURENESS, BLANK_BIAS, DECODER_PART = 16.0, 23.0, 10.0


def make(name: str, directory: Path, recording: Path) -> dict[str, str]:
    """Write the model `name` to a directory, unless it is there: the options of its files.

    The encoder output of a transducer varies over the recording (.npy).
    """
    files = {"asr_train_config": "config.yaml", "asr_model_file": "model.pth"}
    if name == "lm":
        files |= {"lm_train_config": "lm_config.yaml", "lm_file": "lm_model.pth"}
    if not all((directory / file).is_file() for file in files.values()):
        directory.mkdir(parents=True, exist_ok=True)
        _write(MODELS[name], "ASRTask", directory / "config.yaml", directory / "model.pth", recording)
        if name == "lm":
            _write(LANGUAGE_MODEL, "LMTask", directory / "lm_config.yaml", directory / "lm_model.pth", recording)
    return {option: str(directory / file) for option, file in files.items()}


def _write(config: dict[str, Any], task: str, config_file: Path, model_file: Path, recording: Path) -> None:
    import torch
    import yaml

    from espnet2.tasks.asr import ASRTask
    from espnet2.tasks.lm import LMTask

    blank, unknown, end = SPECIALS
    tokens = [blank, unknown, *(f"w{index}" for index in range(VOCABULARY - len(SPECIALS))), end]
    config_file.write_text(yaml.safe_dump({**config, "token_list": tokens}), encoding="utf-8")
    torch.manual_seed(0)
    model, _ = {"ASRTask": ASRTask, "LMTask": LMTask}[task].build_model_from_file(config_file)
    if config.get("decoder") != "transducer":
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.xavier_uniform_(parameter)
    else:
        _make_sure(model.eval(), torch.from_numpy(np.load(recording)))
    torch.save(model.state_dict(), model_file)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters", flush=True)


def _make_sure(model: Any, speech: Any) -> None:
    """Change a transducer so that its labels differ from frame to frame, and are as likely as trained ones'."""
    import torch

    with torch.no_grad():
        frames = model.encode(speech[None], torch.tensor([len(speech)]))[0][0]
        norm = model.encoder.after_norm
        norm.bias.copy_((norm.bias - frames.mean(0)) / frames.std(0))
        norm.weight /= frames.std(0)
        model.joint_network.lin_dec.weight *= DECODER_PART
        model.joint_network.lin_out.weight *= SURENESS
        model.joint_network.lin_out.bias[0] += BLANK_BIAS


def bundled(name: str, directory: Path, recording: Path, quantize: bool = False) -> Path:
    """Make the model `name` and its bundle in a directory, unless they are there: the bundle."""
    kept = directory / "bundle"
    has_int8 = any(kept.glob("*.int8.onnx"))
    if not (kept / "bundle.yaml").is_file() or (quantize and not has_int8):
        from espnet2.export.make_bundle import make_bundle

        make_bundle(kept, quantize="int8" if quantize else None, **make(name, directory, recording))
    return kept


def joined(recordings: list[str], file: Path) -> Path:
    """Write the samples of some recordings of 16 kHz, joined, to `file`, unless it is there and none are given."""
    import soundfile

    if recordings or not file.is_file():
        if not recordings:
            raise SystemExit(f"--recordings: expected recordings, since {file} is not there; found none")
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, np.concatenate([soundfile.read(path, dtype="float32")[0] for path in recordings]))
    return file


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of all benchmarks of these models."""
    parser.add_argument("--work_dir", type=Path, required=True, help="where models and bundles are made, and kept")
    parser.add_argument("--recordings", nargs="+", default=[], help="recordings of 16 kHz, joined to one; kept, too")
    parser.add_argument("--oracle", help="Python with upstream ESPnet; left out: only this project is measured")
    parser.add_argument("--repeat", type=int, default=5, help="runs of this project, the median counts (default: 5)")
    parser.add_argument("--upstream_repeat", type=int, default=1, help="runs of upstream (default: 1)")
