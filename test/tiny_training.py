"""A tiny corpus, and options with which a tiny recogniser is trained on it in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import yaml

TOKENS = ["<blank>", "<unk>", "a", "b", "c", "<sos/eos>"]
CONFIG = {
    "token_type": "char",
    "encoder": "transformer",
    "encoder_conf": {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "model_conf": {"ctc_weight": 0.3},
    "frontend_conf": {"fs": "16k", "hop_length": 160},
    "optim": "adam",
    "optim_conf": {"lr": 0.002},
    "scheduler": "warmuplr",
    "scheduler_conf": {"warmup_steps": 4},
    "batch_type": "unsorted",
    "batch_size": 2,
    "num_workers": 0,
    "num_att_plot": 0,
    "use_matplotlib": False,
    "use_tensorboard": False,
    "max_epoch": 3,
    "keep_nbest_models": [2],
    "best_model_criterion": [["valid", "acc", "max"], ["valid", "loss", "min"]],
}


def make_corpus(directory: Path) -> list[str]:
    """Write `{train,valid}/{wav.scp,text}` and `config.yaml`; returns options of a training on them."""
    random = np.random.default_rng(0)
    options = ["--config", str(directory / "config.yaml")]
    for phase, count in (("train", 6), ("valid", 2)):
        (directory / phase).mkdir()
        wavs, texts = [], []
        for index in range(count):
            uid, path = f"{phase}{index}", directory / phase / f"{index}.wav"
            soundfile.write(path, random.normal(0, 0.1, 5000 + 400 * index), 16000)
            wavs.append(f"{uid} {path}\n")
            texts.append(f"{uid} {''.join(random.choice(list('abc'), 2 + index % 2))}\n")
        (directory / phase / "wav.scp").write_text("".join(wavs))
        (directory / phase / "text").write_text("".join(texts))
        for name, kind in (("wav.scp,speech", "sound"), ("text,text", "text")):
            options += [f"--{phase}_data_path_and_name_and_type", f"{directory / phase}/{name},{kind}"]
        options += [f"--{phase}_shape_file", str(directory / phase / "text")]
    (directory / "tokens.txt").write_text("".join(f"{token}\n" for token in TOKENS))
    config = {**CONFIG, "token_list": str(directory / "tokens.txt")}
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    return options
