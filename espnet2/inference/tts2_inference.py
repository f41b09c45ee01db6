"""Speech synthesis of discrete units with PyTorch: `Text2Speech` with the arguments of upstream's class."""

from __future__ import annotations

from pathlib import Path

import torch

from espnet2.inference import tts_inference
from espnet2.runtime.synthesis_options import SynthesisOptions


class Text2Speech(tts_inference.Text2Speech):
    """Gives the discrete units of speech of texts, `feat_gen` (N,) int64, with a trained model, on PyTorch.

    Args:
        train_config, model_file, threshold, minlenratio, maxlenratio, use_teacher_forcing, use_att_constraint,
            backward_window, forward_window, speed_control_alpha, noise_scale, noise_scale_dur, dtype, device, seed,
            always_fix_seed: See `espnet2.inference.tts_inference.Text2Speech`.
        vocoder_config, vocoder_file: Vocoder of discrete units, which makes `wav` (N,) of them.

    Raises:
        OptionError: An option has a value that is not allowed.
    """

    def __init__(
        self,
        train_config: Path | str | None = None,
        model_file: Path | str | None = None,
        threshold: float = SynthesisOptions.threshold,
        minlenratio: float = SynthesisOptions.minlenratio,
        maxlenratio: float = SynthesisOptions.maxlenratio,
        use_teacher_forcing: bool = SynthesisOptions.use_teacher_forcing,
        use_att_constraint: bool = SynthesisOptions.use_att_constraint,
        backward_window: int = SynthesisOptions.backward_window,
        forward_window: int = SynthesisOptions.forward_window,
        speed_control_alpha: float = SynthesisOptions.speed_control_alpha,
        noise_scale: float = SynthesisOptions.noise_scale,
        noise_scale_dur: float = SynthesisOptions.noise_scale_dur,
        vocoder_config: Path | str | None = None,
        vocoder_file: Path | str | None = None,
        dtype: str = "float32",
        device: str | torch.device = "cpu",
        seed: int = SynthesisOptions.seed,
        always_fix_seed: bool = SynthesisOptions.always_fix_seed,
    ) -> None:
        super().__init__(
            train_config,
            model_file,
            threshold=threshold,
            minlenratio=minlenratio,
            maxlenratio=maxlenratio,
            use_teacher_forcing=use_teacher_forcing,
            use_att_constraint=use_att_constraint,
            backward_window=backward_window,
            forward_window=forward_window,
            speed_control_alpha=speed_control_alpha,
            noise_scale=noise_scale,
            noise_scale_dur=noise_scale_dur,
            vocoder_config=vocoder_config,
            vocoder_file=vocoder_file,
            dtype=dtype,
            device=device,
            seed=seed,
            always_fix_seed=always_fix_seed,
        )
