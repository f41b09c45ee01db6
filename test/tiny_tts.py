"""A tiny corpus of tones with durations, and options with which a tiny synthesiser is trained on it in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

TOKENS = ["<blank>", "<unk>", "a", "b", "c", "<sos/eos>"]
RATE, HOP = 8000, 64
STFT = {"n_fft": 256, "hop_length": HOP}
PITCHES = {"a": 150.0, "b": 220.0, "c": 300.0}  # Hz
LENGTHS = {"a": 9, "b": 12, "c": 15}  # frames
LOOP: dict[str, Any] = {
    **{"token_type": "char", "batch_type": "unsorted", "batch_size": 2, "num_workers": 0, "num_att_plot": 0},
    **{"use_matplotlib": False, "use_tensorboard": False, "max_epoch": 2, "keep_nbest_models": [1]},
    **{"optim": "adam", "optim_conf": {"lr": 0.002}},
}
FASTSPEECH2: dict[str, Any] = {
    **LOOP,
    "best_model_criterion": [["valid", "loss", "min"]],
    "feats_extract_conf": {"fs": RATE, **STFT, "n_mels": 10, "fmin": 40, "fmax": 4000},
    "pitch_extract": "dio",
    "pitch_extract_conf": {"fs": RATE, **STFT, "f0min": 80, "reduction_factor": 1},
    "pitch_normalize": "global_mvn",
    "energy_extract": "energy",
    "energy_extract_conf": {"fs": RATE, **STFT, "reduction_factor": 1},
    "energy_normalize": "global_mvn",
    "tts": "fastspeech2",
    "tts_conf": {
        **{"adim": 8, "aheads": 2, "elayers": 1, "eunits": 8, "dlayers": 1, "dunits": 8, "postnet_layers": 0},
        **{"duration_predictor_chans": 8, "pitch_predictor_chans": 8, "energy_predictor_chans": 8},
        **{"pitch_embed_kernel_size": 1, "energy_embed_kernel_size": 1, "use_masking": True},
    },
}


def make_corpus(directory: Path, durations: bool = True) -> dict[str, Any]:
    """Write `{train,valid}/{wav.scp,text,durations}` and `tokens.txt`; returns options of a training on them.

    A letter is a tone; the end is silent.
    """
    random, options = np.random.default_rng(0), {}
    for phase, count in (("train", 4), ("valid", 2)):
        place = directory / phase
        place.mkdir()
        lists: dict[str, list[str]] = {"wav.scp": [], "text": [], "durations": []}
        for index in range(count):
            text = "".join(random.permutation(list(PITCHES))[: 2 + index % 2])
            frames = [LENGTHS[letter] for letter in text]
            tones = [_tone(PITCHES[letter], count * HOP) for letter, count in zip(text, frames, strict=True)]
            path = place / f"{index}.wav"
            soundfile.write(path, np.concatenate([*tones, np.zeros(3 * HOP)]), RATE)
            lists["wav.scp"].append(f"{phase}{index} {path}\n")
            lists["text"].append(f"{phase}{index} {text}\n")
            lists["durations"].append(f"{phase}{index} {' '.join(map(str, [*frames, 4]))}\n")
        for name, lines in lists.items():
            (place / name).write_text("".join(lines))
        fields = [[f"{place}/wav.scp", "speech", "sound"], [f"{place}/text", "text", "text"]]
        fields += [[f"{place}/durations", "durations", "text_int"]] if durations else []
        options |= {f"{phase}_data_path_and_name_and_type": fields, f"{phase}_shape_file": [f"{place}/text"]}
    (directory / "tokens.txt").write_text("".join(f"{token}\n" for token in TOKENS))
    return {**options, "token_list": str(directory / "tokens.txt")}


def _tone(hertz: float, samples: int) -> np.ndarray:
    """A tone with overtones, which begins and ends softly."""
    phases = 2 * np.pi * hertz * np.arange(samples) / RATE
    return 0.1 * np.sin(np.pi * np.arange(samples) / samples) * sum(np.sin(n * phases) / n for n in (1, 2, 3))


JETS: dict[str, Any] = {
    **LOOP,
    **{"optim2": "adam", "optim2_conf": {"lr": 0.002}, "generator_first": True},
    "best_model_criterion": [["train", "total_count", "max"]],
    "feats_extract": "fbank",
    "feats_extract_conf": FASTSPEECH2["feats_extract_conf"],
    "pitch_extract": "dio",
    "pitch_extract_conf": {"fs": RATE, **STFT, "f0min": 80, "reduction_factor": 1, "use_token_averaged_f0": False},
    "energy_extract": "energy",
    "energy_extract_conf": {"fs": RATE, **STFT, "reduction_factor": 1, "use_token_averaged_energy": False},
    "tts": "jets",
    "tts_conf": {
        "sampling_rate": RATE,
        "generator_params": {
            **{"adim": 8, "aheads": 2, "elayers": 1, "eunits": 8, "dlayers": 1, "dunits": 8},
            **{"duration_predictor_chans": 8, "pitch_predictor_chans": 8, "energy_predictor_chans": 8},
            **{"pitch_embed_kernel_size": 1, "energy_embed_kernel_size": 1, "segment_size": 8},
            **{"generator_channels": 8, "generator_upsample_scales": [8, 8]},
            **{"generator_upsample_kernel_sizes": [16, 16], "generator_resblock_kernel_sizes": [3]},
            "generator_resblock_dilations": [[1]],
        },
        "discriminator_params": {
            **{"scales": 1, "follow_official_norm": False, "periods": [2]},
            "scale_discriminator_params": {"channels": 4, "max_downsample_channels": 8, "max_groups": 2},
            "period_discriminator_params": {"channels": 2, "max_downsample_channels": 4},
        },
        "mel_loss_params": {"fs": RATE, **STFT, "n_mels": 10, "fmin": 0, "fmax": None, "log_base": None},
    },
}
VITS: dict[str, Any] = {
    **{name: JETS[name] for name in (*LOOP, "optim2", "optim2_conf", "best_model_criterion")},
    "feats_extract": "linear_spectrogram",
    "feats_extract_conf": STFT,
    "tts": "vits",
    "tts_conf": {
        "sampling_rate": RATE,
        "generator_params": {
            **{"hidden_channels": 8, "segment_size": 8, "text_encoder_blocks": 1, "text_encoder_ffn_expand": 2},
            **{"decoder_channels": 8, "decoder_upsample_scales": [8, 8], "decoder_upsample_kernel_sizes": [16, 16]},
            **{"decoder_resblock_kernel_sizes": [3], "decoder_resblock_dilations": [[1]]},
            **{"posterior_encoder_layers": 2, "flow_flows": 1, "flow_layers": 1},
            "stochastic_duration_predictor_flows": 1,
        },
        **{name: JETS["tts_conf"][name] for name in ("discriminator_params", "mel_loss_params")},
    },
}
