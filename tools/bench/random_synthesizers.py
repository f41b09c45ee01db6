"""Synthesisers with random weights, at the sizes of the published LJSpeech recipes, made by upstream's classes.

    ORACLE/bin/python tools/bench/random_synthesizers.py NAME DIRECTORY

writes config.yaml and model.pth, and `vocoder/` with a HiFi-GAN (v1) where the model gives features. A token lasts 6
frames of 256 samples at 22.05 kHz, so that 72 tokens are a sentence of 5 seconds.
"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

RATE, HOP, TOKENS = 22050, 256, 78  # Hz, samples of a frame, size of the vocabulary
FRAMES = 6  # of a token
MELS = {"fs": RATE, "fmin": 80, "fmax": 7600, "n_mels": 80, "n_fft": 1024, "hop_length": HOP, "win_length": None}
VARIANCES: dict[str, Any] = {
    "duration_predictor_layers": 2,
    "duration_predictor_chans": 256,
    "duration_predictor_kernel_size": 3,
    "pitch_predictor_layers": 5,
    "pitch_predictor_chans": 256,
    "pitch_predictor_kernel_size": 5,
    "pitch_embed_kernel_size": 1,
    "energy_predictor_layers": 2,
    "energy_predictor_chans": 256,
    "energy_predictor_kernel_size": 3,
    "energy_embed_kernel_size": 1,
    "positionwise_conv_kernel_size": 3,
}
FASTSPEECH2 = {
    **{"adim": 384, "aheads": 2, "elayers": 4, "eunits": 1536, "dlayers": 4, "dunits": 1536},
    **{"postnet_layers": 5, "postnet_filts": 5, "postnet_chans": 256},
    **VARIANCES,
}
# The text encoder of the recipe has plain blocks; all else is the default of the class.
VITS = {
    "text_encoder_positionwise_conv_kernel_size": 3,
    "text_encoder_conformer_kernel_size": -1,
    "use_macaron_style_in_text_encoder": False,
    "use_conformer_conv_in_text_encoder": False,
}
OF_SAMPLES = {"fs": RATE, "n_fft": 1024, "hop_length": HOP, "reduction_factor": 1}
PITCH_AND_ENERGY: dict[str, Any] = {
    "pitch_extract": "dio",
    "pitch_extract_conf": {**OF_SAMPLES, "f0max": 400, "f0min": 80},
    "energy_extract": "energy",
    "energy_extract_conf": {**OF_SAMPLES, "win_length": None},
}
MODELS: dict[str, dict[str, Any]] = {
    "fastspeech2": {"tts": "fastspeech2", "tts_conf": FASTSPEECH2, **PITCH_AND_ENERGY},
    "tacotron2": {"tts": "tacotron2", "tts_conf": {}},
    "vits": {
        "tts": "vits",
        "tts_conf": {"generator_params": VITS, "sampling_rate": RATE},
        "feats_extract": "linear_spectrogram",
        "feats_extract_conf": {"n_fft": 1024, "hop_length": HOP, "win_length": None},
    },
    "jets": {
        "tts": "jets",
        "tts_conf": {"generator_params": VARIANCES, "sampling_rate": RATE},
        **PITCH_AND_ENERGY,
    },
}
ADVERSARIAL = ("vits", "jets")
WITH_VOCODER = ("fastspeech2", "tacotron2")
NEVER = -10.0  # the bias of Tacotron 2's stop: sentences end by `maxlenratio`
SPREAD = math.e**3  # VITS' durations of noise of 1 differ by a twentieth


def config_of(name: str) -> dict[str, Any]:
    """The content of the model's config.yaml."""
    beside: dict[str, Any] = {
        "use_preprocessor": False,
        "odim": None,
        "model_conf": {},
        "normalize": None,
        "normalize_conf": {},
    }
    for part in ("pitch", "energy"):
        beside |= {f"{part}_extract": None, f"{part}_extract_conf": {}}
        beside |= {f"{part}_normalize": None, f"{part}_normalize_conf": {}}
    of_two = {"optim2": "adam", "generator_first": True} if name in ADVERSARIAL else {}
    return {
        "token_list": ["<blank>", "<unk>", *(f"p{index}" for index in range(TOKENS - 3)), "<sos/eos>"],
        "token_type": "phn",
        "feats_extract": "fbank",
        "feats_extract_conf": MELS,
        **beside,
        **of_two,
        **MODELS[name],
        "version": "202511",
    }


def make(name: str, directory: Path, oracle: str) -> dict[str, str]:
    """Let upstream's Python write the model to a directory, unless it is there: the options of its files."""
    files = {"tts_train_config": "config.yaml", "tts_model_file": "model.pth"}
    if name in WITH_VOCODER:
        files |= {"vocoder_config": "vocoder/config.yml", "vocoder_file": "vocoder/checkpoint-1steps.pkl"}
    if not all((directory / file).is_file() for file in files.values()):
        subprocess.run([oracle, str(Path(__file__).resolve()), name, str(directory.resolve())], check=True, cwd="/")
    return {option: str(directory / file) for option, file in files.items()}


def write(name: str, directory: Path) -> None:
    """Write the model, and its vocoder, with upstream's classes."""
    import torch
    import yaml

    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.yaml").write_text(yaml.safe_dump(config_of(name)), encoding="utf-8")
    torch.manual_seed(0)
    if name in ADVERSARIAL:
        from espnet2.tasks.gan_tts import GANTTSTask as Task
    else:
        from espnet2.tasks.tts import TTSTask as Task
    model, _ = Task.build_model_from_file(str(directory / "config.yaml"), None, "cpu")
    state = model.state_dict()
    for key, value in _durations(state).items():
        state[key].copy_(value)
    _make_loud(state)
    torch.save(state, directory / "model.pth")
    print(f"{name}: {sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters", flush=True)
    if name in WITH_VOCODER:
        _write_vocoder(directory / "vocoder")


def _durations(state: dict[str, Any]) -> dict[str, Any]:
    """Weights that make every token last `FRAMES`, and Tacotron 2 never stop."""
    import torch

    logarithm = math.log(FRAMES + 1)  # regulated models predict the logarithm of 1 + duration
    found: dict[str, Any] = {}
    for key, value in state.items():
        if key.endswith("duration_predictor.linear.weight"):
            found[key] = torch.zeros_like(value)
        if key.endswith("duration_predictor.linear.bias"):
            found[key] = torch.full_like(value, logarithm)
        if key.endswith("prob_out.bias"):
            found[key] = torch.full_like(value, NEVER)
        if key.endswith("duration_predictor.flows.0.m"):  # VITS rounds durations up
            found[key] = torch.full_like(value, -math.log(FRAMES - 0.5) * SPREAD)
        if key.endswith("duration_predictor.flows.0.logs"):
            found[key] = torch.full_like(value, math.log(SPREAD))
    return found


def _make_loud(state: dict[str, Any]) -> None:
    """Give filters with weight norm the norm 1: with the initial ones signals would vanish to denormal numbers."""
    for key, value in state.items():
        if key.endswith("weight_g"):
            value.fill_(1.0)


def _write_vocoder(directory: Path) -> None:
    """A HiFi-GAN (v1), as the package parallel_wavegan saves it."""
    import torch
    import yaml

    from espnet2.gan_tts.hifigan import HiFiGANGenerator

    directory.mkdir(exist_ok=True)
    config = {
        **{"sampling_rate": RATE, "hop_size": HOP, "fft_size": 1024, "num_mels": 80, "fmin": 80, "fmax": 7600},
        **{"generator_type": "HiFiGANGenerator", "generator_params": {}},
    }
    (directory / "config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    state = HiFiGANGenerator().state_dict()
    _make_loud(state)
    torch.save({"model": {"generator": state}}, directory / "checkpoint-1steps.pkl")


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
