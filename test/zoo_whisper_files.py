"""A small random Whisper model in the format of OpenAI's package, for upstream's classes and for ours."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class WhisperFile:
    """A directory with the file of a model of some name, for the option `download_dir`."""

    name: str = "tiny"
    n_mels: int = 80
    n_audio_ctx: int = 1500
    n_audio_state: int = 16
    n_audio_head: int = 2
    n_audio_layer: int = 2
    n_vocab: int = 11
    n_text_ctx: int = 24
    n_text_state: int = 16
    n_text_head: int = 2
    n_text_layer: int = 2

    def write(self, directory: Path) -> Path:
        """Make the file, and let OpenAI's package, where upstream uses it, take this instead of a published one."""
        import torch

        dims = {key: value for key, value in asdict(self).items() if key != "name"}
        content = {"dims": dims, "model_state_dict": _state(dims)}
        torch.save(content, directory / f"{self.name}.pt")
        if importlib.util.find_spec("espnet2.runtime") is None:
            _prepare_upstream()
        return directory


def _state(dims: dict[str, int]) -> dict[str, Any]:
    import torch

    torch.manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {}
    for side, part in (("audio", "encoder"), ("text", "decoder")):
        size = dims[f"n_{side}_state"]
        shapes[f"{part}.positional_embedding"] = (dims[f"n_{side}_ctx"], size)
        for layer in range(dims[f"n_{side}_layer"]):
            shapes |= _layer(f"{part}.blocks.{layer}.", size, cross=side == "text")
    audio, text = dims["n_audio_state"], dims["n_text_state"]
    shapes |= {"encoder.conv1.weight": (audio, dims["n_mels"], 3), "encoder.conv1.bias": (audio,)}
    shapes |= {"encoder.conv2.weight": (audio, audio, 3), "encoder.conv2.bias": (audio,)}
    shapes |= {f"encoder.ln_post.{name}": (audio,) for name in ("weight", "bias")}
    shapes |= {f"decoder.ln.{name}": (text,) for name in ("weight", "bias")}
    shapes["decoder.token_embedding.weight"] = (dims["n_vocab"], text)
    return {key: torch.randn(shape) for key, shape in shapes.items()}


def _layer(prefix: str, size: int, cross: bool) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name in ("attn", "cross_attn")[: 1 + cross]:
        for projection in ("query", "key", "value", "out"):
            shapes[f"{name}.{projection}.weight"] = (size, size)
            shapes |= {} if projection == "key" else {f"{name}.{projection}.bias": (size,)}
        shapes |= {f"{name}_ln.{kind}": (size,) for kind in ("weight", "bias")}
    shapes |= {"mlp.0.weight": (4 * size, size), "mlp.0.bias": (4 * size,)}
    shapes |= {"mlp.2.weight": (size, 4 * size), "mlp.2.bias": (size,)}
    shapes |= {f"mlp_ln.{kind}": (size,) for kind in ("weight", "bias")}
    return {prefix + key: shape for key, shape in shapes.items()}


def _prepare_upstream() -> None:
    """Read the file without asking for the published one's checksum; name what newer releases no longer name."""
    import torch
    import whisper
    import whisper.audio

    def load_model(name: str, download_root: str | None = None, **_: object) -> Any:
        content = torch.load(Path(str(download_root)) / f"{name}.pt")
        model = whisper.Whisper(whisper.ModelDimensions(**content["dims"]))
        model.load_state_dict(content["model_state_dict"])
        return model

    whisper.load_model = load_model
    whisper.audio.N_MELS = 80
