"""wav2vec 2.0 (Baevski et al. 2020) as fairseq builds it."""

from __future__ import annotations

from typeguard import typechecked

from espnet.nets.pytorch_backend.pretrained import fairseq
from espnet2.asr.encoder.waveform_encoder import Projected


class FairSeqWav2Vec2Encoder(Projected):
    """wav2vec 2.0 with fairseq's names, fine-tuned with a projection and a normalisation of its own.

    The sizes of the network come from `w2v_conf`, from the file in `w2v_dir_path` that `w2v_url` ends with, or from the
    table of published files. Weights come from the checkpoint.

    Args:
        input_size: not used; the input is samples.
        w2v_url: address of the pretrained file; its name is looked for in `w2v_dir_path`.
        w2v_dir_path: directory of that file.
        output_size: D.
        normalize_before: normalise the output.
        freeze_finetune_updates: of training.
        w2v_conf: options of fairseq's model, for networks whose file is missing and not a published one.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        w2v_url: str,
        w2v_dir_path: str = "./",
        output_size: int = 256,
        normalize_before: bool = False,
        freeze_finetune_updates: int = 0,
        w2v_conf: dict | None = None,
    ):
        options = fairseq.options_of(w2v_url, w2v_dir_path, fairseq.WAV2VEC2, w2v_conf)
        super().__init__(fairseq.wav2vec2(options), output_size, normalize_before)
