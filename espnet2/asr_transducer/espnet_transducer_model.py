"""Stand-alone transducer (Graves 2012): samples in, scores of labels out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from typeguard import typechecked

from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.speech_model import SpeechModel
from espnet2.asr_transducer.decoder.abs_decoder import AbsDecoder
from espnet2.asr_transducer.encoder.encoder import Encoder
from espnet2.asr_transducer.joint_network import JointNetwork
from espnet2.asr_transducer.training import TrainableTransducer, TransducerLossOptions
from espnet2.layers.abs_normalize import AbsNormalize

# Defaults of upstream's search of this task that differ from those of `espnet2.asr`.
SEARCH = {"max_sym_exp": 3, "nstep": 2, "score_norm": False, "standalone": True}


class ESPnetASRTransducerModel(TrainableTransducer, SpeechModel):
    """Front end, normalisation, encoder, decoder and joint network.

    The blank is token 0, whatever its symbol; the last token is start and end symbol of a language model. Only the
    training loss reads `loss_options`; checkpoints hold its layers:

    - `ctc_lin`, of the encoder's output, with `auxiliary_ctc_weight`;
    - `lm_lin`, of the decoder's, with `auxiliary_lm_loss_weight`;
    - `am_proj` and `lm_proj`, of both, with `use_k2_pruned_loss`.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        token_list: list[str] | tuple[str, ...],
        frontend: AbsFrontend | None,
        specaug: AbsSpecAug | None,
        normalize: AbsNormalize | None,
        encoder: Encoder,
        decoder: AbsDecoder,
        joint_network: JointNetwork,
        transducer_weight: float = 1.0,
        use_k2_pruned_loss: bool = False,
        k2_pruned_loss_args: dict = {},  # noqa: B006 - never changed; the default is part of the schema
        warmup_steps: int = 25000,
        validation_nstep: int = 2,
        fastemit_lambda: float = 0.0,
        auxiliary_ctc_weight: float = 0.0,
        auxiliary_ctc_dropout_rate: float = 0.0,
        auxiliary_lm_loss_weight: float = 0.0,
        auxiliary_lm_loss_smoothing: float = 0.05,
        ignore_id: int = -1,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        report_cer: bool = False,
        report_wer: bool = False,
        extract_feats_in_collect_stats: bool = True,
    ):
        super().__init__()
        self.vocab_size = vocab_size
        self.token_list = list(token_list)
        self.blank_id, self.ignore_id = 0, ignore_id
        self.sos = self.eos = vocab_size - 1
        self.frontend = frontend
        self.specaug = specaug
        self.normalize = normalize
        self.preencoder = self.postencoder = self.ctc = None
        self.encoder = encoder
        self.decoder = decoder
        self.joint_network = joint_network
        encoded, predicted = encoder.output_size, decoder.output_size
        if auxiliary_ctc_weight > 0:
            self.ctc_lin = torch.nn.Linear(encoded, vocab_size)
        if auxiliary_lm_loss_weight > 0:
            self.lm_lin = torch.nn.Linear(predicted, vocab_size)
        if use_k2_pruned_loss:
            self.am_proj = torch.nn.Linear(encoded, vocab_size)
            self.lm_proj = torch.nn.Linear(predicted, vocab_size)
        self.loss_options = TransducerLossOptions(
            ignore_id=ignore_id,
            report_cer=report_cer,
            report_wer=report_wer,
            sym_space=sym_space,
            sym_blank=sym_blank,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
            transducer_weight=transducer_weight,
            fastemit_lambda=fastemit_lambda,
            auxiliary_ctc_weight=auxiliary_ctc_weight,
            auxiliary_ctc_dropout_rate=auxiliary_ctc_dropout_rate,
            auxiliary_lm_loss_weight=auxiliary_lm_loss_weight,
            auxiliary_lm_loss_smoothing=auxiliary_lm_loss_smoothing,
            validation_nstep=validation_nstep,
            use_k2_pruned_loss=use_k2_pruned_loss,
        )

    def encode(self, speech: torch.Tensor, speech_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the base class; there are no intermediate outputs."""
        return self.encoder.encode(*self.extract_feats(speech, speech_lengths))

    def frame_samples(self) -> int:
        """Samples (features without a front end) per frame after the input block."""
        hop = 1 if self.frontend is None else self.frontend.framing.hop
        return hop * self.encoder.embed.length.stride

    def generation(self) -> Mapping[str, Any]:
        """Default options of the search (`TransducerOptions`)."""
        return SEARCH
