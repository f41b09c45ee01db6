"""Whisper's encoder (Radford et al. 2022)."""

from __future__ import annotations

from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_rates
from espnet.nets.pytorch_backend.pretrained import dimensions
from espnet.nets.pytorch_backend.pretrained.whisper import AudioEncoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.specaug.specaug import SpecAug
from espnet2.interface.spec import Axis
from espnet2.layers.whisper_log_mel import WhisperLogMel


class OpenAIWhisperEncoder(AbsEncoder):
    """Log-mel features and Whisper's encoder. Only the first 30 s are encoded.

    If the file `whisper_model`.pt exists in `download_dir`, it gives sizes and initial weights, which training or a
    checkpoint replaces. Nothing is downloaded.

    Args:
        input_size: not used; the input is samples at 16 kHz.
        dropout_rate: dropout of the input of the layers.
        whisper_model: name of a published model.
        download_dir: directory of its file; by default that of OpenAI's package.
        use_specaug: mask features in training.
        specaug_conf: options of `SpecAug`.
        do_pad_trim: pad or cut every utterance to 30 s, all of which is output for the decoder.
    """

    @typechecked
    def __init__(
        self,
        input_size: int = 1,
        dropout_rate: float = 0.0,
        whisper_model: str = "small",
        download_dir: str | None = None,
        use_specaug: bool = False,
        specaug_conf: dict | None = None,
        do_pad_trim: bool = False,
    ):
        super().__init__()
        require_rates(dropout_rate=dropout_rate)
        sizes, weights = dimensions.whisper_model(whisper_model, download_dir)
        self.input_size = 1
        self._output_size = sizes.n_audio_state
        self.log_mel = WhisperLogMel(sizes.n_mels, do_pad_trim)
        self.encoders = AudioEncoder(sizes, dropout_rate)
        if weights is not None:
            self.encoders.load_state_dict(dimensions.weights_of(weights, "encoder."))
        self.specaug = SpecAug(**(specaug_conf or {})) if use_specaug else None
        self.length = self.log_mel.length.then(self.encoders.length)
        self.longest = sizes.n_audio_ctx * self.length.stride
        if self.log_mel.samples is not None:
            self.output_frames = self.length(min(self.log_mel.samples, self.longest))

    @property
    def reads(self) -> tuple[Axis, ...]:
        """Samples."""
        return ("samples",)

    def forward(
        self, xs_pad: Tensor, ilens: Tensor, prev_states: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Samples xs_pad (B, N) of lengths ilens (B,) → (B, T, D), lengths (B,), None."""
        features, lengths = self.log_mel(xs_pad, ilens)
        if self.specaug is not None and self.training:
            features, _ = self.specaug(features, lengths)
        x, lengths = self.encoders(features, lengths)
        return x, lengths, None
