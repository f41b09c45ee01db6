"""Whisper's encoder (Radford et al. 2022) as a front end."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.pretrained import dimensions
from espnet.nets.pytorch_backend.pretrained.whisper import AudioEncoder, TextDecoder
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.layers.frequency import parse_frequency
from espnet2.layers.whisper_log_mel import SAMPLE_RATE, WhisperLogMel


class WhisperFrontend(AbsFrontend):
    """Hidden vectors of Whisper's encoder. Only the first 30 s are encoded.

    The decoder is kept unused, since checkpoints hold all of Whisper. If the model's file exists in `download_dir`, it
    gives the initial weights; nothing is downloaded.

    Args:
        whisper_model: name of a published model.
        fs: sampling rate in Hz, which must be 16000.
        freeze_weights: do not train the weights.
        download_dir: directory of its file; by default that of OpenAI's package.
    """

    @typechecked
    def __init__(
        self,
        whisper_model: str = "small",
        fs: int | str = 16000,
        freeze_weights: bool = True,
        download_dir: str | None = None,
    ):
        super().__init__()
        if parse_frequency(fs) != SAMPLE_RATE:
            raise ValueError(f"fs: expected {SAMPLE_RATE}, the rate that Whisper was trained on, found {fs}")
        sizes, weights = dimensions.whisper_model(whisper_model, download_dir)
        self.size = sizes.n_audio_state
        self.log_mel = WhisperLogMel(sizes.n_mels)
        self.whisper = nn.Module()
        self.whisper.encoder = AudioEncoder(sizes)
        self.whisper.decoder = TextDecoder(sizes, sizes.n_vocab)
        if weights is not None:
            self.whisper.load_state_dict(weights)
        self.whisper.requires_grad_(not freeze_weights)
        self.length = self.log_mel.length.then(AudioEncoder.length)
        self.longest = sizes.n_audio_ctx * self.length.stride

    def output_size(self) -> int:
        """D, size of a hidden vector."""
        return self.size

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N) and lengths (B,) to hidden vectors (B, T, D) and lengths (B,)."""
        return self.whisper.get_submodule("encoder")(*self.log_mel(input, input_lengths))
