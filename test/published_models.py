"""Configurations as published, with reduced widths: what they are built from, drawn alike for upstream and for us.

`test/published/*.yaml` hold facts of model cards and recipes: where a configuration was published (`source`), the style
and size of its vocabulary, its options of decoding with a smaller beam, and its keys, with widths and numbers of blocks
reduced. Tokens, statistics and weights are drawn from names.

Runs with upstream's packages and with ours, as `zoo_calls` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
import zoo_calls
import zoo_data

PUBLISHED = Path(__file__).parent / "published"
GOLDEN = Path(__file__).parent / "golden" / "published.json"
NBEST = 3
SECONDS = 1.5
TASKS = {"asr": "espnet2.tasks.asr:ASRTask", "asr_transducer": "espnet2.tasks.asr_transducer:ASRTransducerTask"}
LM_TASK = "espnet2.tasks.lm:LMTask"
# The matrix that gives scores of tokens is larger than drawn, so that an n-best list has no near ties.
SHARP = ("ctc.ctc_lo.weight", "decoder.output_layer.weight", "decoder.output.weight", "joint_network.lin_out.weight")
SHARPNESS = 3.0
TIED = "decoder.decoder.embed_tokens.weight"  # what the output layer of mBART shares its weights with
TRAINED_LENGTH = ".kernel.kernel.L"  # tokens of the longest text that an S4 layer was trained on; 0 in fresh ones


@dataclass(frozen=True)
class Published:
    """A published configuration: keys of its config.yaml and its language model's, and how it decodes.

    `pretrained` describes a model of transformers (`zoo_data.Pretrained`), whose directory `PRETRAINED` stands for.
    """

    source: str
    vocabulary: Mapping[str, Any]
    decode: Mapping[str, Any]
    config: Mapping[str, Any]
    lm_config: Mapping[str, Any] | None = None
    task: str = "asr"
    features: int = 80
    pretrained: Mapping[str, Any] | None = None


def names() -> list[str]:
    """Every published configuration."""
    return sorted(path.stem for path in PUBLISHED.glob("*.yaml"))


def read(name: str) -> Published:
    """The configuration of this name."""
    return Published(**yaml.safe_load((PUBLISHED / f"{name}.yaml").read_text(encoding="utf-8")))


def tokens(style: str, size: int) -> list[str]:
    """A vocabulary of `size` tokens as recipes write it: special symbols first and last, or where mBART has them;
    `style` is char, bpe or mbart."""
    if style == "mbart":
        return ["<s>", "<pad>", "</s>", "<unk>", *(f"\u2581{_letters(index)}" for index in range(size - 4))]
    middle = size - 3
    if style == "char":
        listed = [chr(0x4E00 + index) for index in range(middle)]
    else:
        listed = [("\u2581" if index % 2 else "") + _letters(index) for index in range(middle)]
    return ["<blank>", "<unk>", *listed, "<sos/eos>"]


def _letters(number: int) -> str:
    """Different letters for every number, four of them."""
    return "".join(chr(ord("A") + number // 26**place % 26) for place in range(4))


def write(name: str, directory: Path, build: Any) -> dict[str, str]:
    """Write configurations and drawn weights; `build(task, path)` makes a model of a config file.

    Returns the files by upstream's option names: `asr_train_config`, `asr_model_file`, `lm_train_config`, `lm_file`.
    """
    published = read(name)
    model = zoo_data.Pretrained(**published.pretrained) if published.pretrained else None
    place = zoo_calls.build(model, directory)
    np.savez(directory / "feats_stats.npz", **zoo_data.stats_arrays(zoo_data.Stats(published.features)))
    parts = {"asr_train_config": (published.config, TASKS[published.task], "asr_model_file")}
    if published.lm_config:
        parts["lm_train_config"] = (published.lm_config, LM_TASK, "lm_file")
    files = {}
    for option, (keys, task, weights) in parts.items():
        config = directory / f"{option}.yaml"
        listed = {"token_list": tokens(**published.vocabulary), **_placed(_with_stats(keys, directory), place)}
        config.write_text(yaml.safe_dump(listed, allow_unicode=True), encoding="utf-8")
        files[option] = str(config)
        files[weights] = str(_write_weights(build(task, config), directory / f"{weights}.pth"))
    return files


def _with_stats(keys: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """The keys, with statistics where they were written; upstream looks for them from where it runs."""
    if "stats_file" not in keys.get("normalize_conf", {}):
        return dict(keys)
    return {**keys, "normalize_conf": {"stats_file": str(directory / "feats_stats.npz")}}


def _placed(value: Any, place: str | None) -> Any:
    """`value` with a directory where `PRETRAINED` stands."""
    if isinstance(value, dict):
        return {key: _placed(item, place) for key, item in value.items()}
    return place if value == "PRETRAINED" else value


def _write_weights(model: Any, path: Path) -> Path:
    import torch

    state = {key: value.numpy() for key, value in model.state_dict().items()}
    tied = {key: TIED for key in state if key == "decoder.lm_head.weight"}
    drawn = zoo_data.drawn_weights(state, tied)
    for key in drawn:
        if key.endswith(SHARP):
            drawn[key] = drawn[key] * np.float32(SHARPNESS)
        elif key.endswith(TRAINED_LENGTH):
            drawn[key] = np.full_like(drawn[key], 16)
    torch.save({key: torch.from_numpy(np.array(value)) for key, value in drawn.items()}, path)
    return path


def speech(published: Published) -> np.ndarray:
    """Samples (T,) at 16 kHz of tones that change and noise, or features (T, D), for a model that reads those."""
    if published.config.get("input_size"):
        return zoo_data.drawn("features", (120, published.config["input_size"])).astype(np.float32)
    time = np.arange(int(SECONDS * 16000)) / 16000
    tones = sum(np.sin(2 * np.pi * pitch * time * (1 + time)) for pitch in (180.0, 610.0, 1550.0))
    return (0.05 * tones + 0.02 * zoo_data.drawn("noise", time.shape)).astype(np.float32)
