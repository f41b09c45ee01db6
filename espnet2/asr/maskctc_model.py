"""Mask-CTC recogniser (Higuchi et al. 2020): a masked language model replaces tokens of low CTC probability."""

from __future__ import annotations

from typing import Any

import torch
from typeguard import typechecked

from espnet.nets.beam_search import Hypothesis
from espnet.nets.mask_ctc import MaskCTC
from espnet.nets.pytorch_backend.maskctc.add_mask_token import mask_uniform
from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.pytorch_backend.transformer.label_smoothing_loss import LabelSmoothingLoss
from espnet.nets.scorers.ctc import CTCGraph
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.mlm_decoder import MLMDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.training import Stats, accuracy
from espnet2.layers.abs_normalize import AbsNormalize


class MaskCTCModel(ESPnetASRModel):
    """Recogniser whose decoder is an `MLMDecoder`, trained to predict randomly masked tokens.

    The mask symbol follows the vocabulary: `sym_mask` is appended to `token_list`, with index `mask_token`. With
    `ctc_weight` 1 there is no decoder, only CTC.

    Raises:
        ValueError: as `ESPnetASRModel`, or `ctc_weight` is 0, since decoding begins with CTC.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        token_list: list[str] | tuple[str, ...],
        frontend: AbsFrontend | None,
        specaug: AbsSpecAug | None,
        normalize: AbsNormalize | None,
        preencoder: AbsPreEncoder | None,
        encoder: AbsEncoder,
        postencoder: AbsPostEncoder | None,
        decoder: MLMDecoder,
        ctc: CTC,
        joint_network: torch.nn.Module | None = None,
        ctc_weight: float = 0.5,
        interctc_weight: float = 0.0,
        ignore_id: int = -1,
        lsm_weight: float = 0.0,
        length_normalized_loss: bool = False,
        report_cer: bool = True,
        report_wer: bool = True,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        sym_mask: str = "<mask>",
        extract_feats_in_collect_stats: bool = True,
    ):
        if ctc_weight == 0.0:
            raise ValueError("ctc_weight: expected more than 0 in a Mask-CTC model, found 0")
        super().__init__(
            vocab_size,
            token_list,
            frontend,
            specaug,
            normalize,
            preencoder,
            encoder,
            postencoder,
            decoder,
            ctc,
            joint_network,
            ctc_weight=ctc_weight,
            interctc_weight=interctc_weight,
            ignore_id=ignore_id,
            lsm_weight=lsm_weight,
            length_normalized_loss=length_normalized_loss,
            report_cer=report_cer,
            report_wer=report_wer,
            sym_space=sym_space,
            sym_blank=sym_blank,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
        )
        if self.decoder is not None:
            self.token_list.append(sym_mask)
            self.mask_token = vocab_size

    def head_loss(
        self, output: torch.Tensor, lengths: torch.Tensor, text: torch.Tensor, text_lengths: torch.Tensor
    ) -> tuple[torch.Tensor, Stats]:
        """Cross-entropy of the masked tokens."""
        options = self.loss_options
        inputs, targets = mask_uniform(text, self.mask_token, self.eos, options.ignore_id)
        scores, _ = self.decoder(output, lengths, inputs, text_lengths)
        smoothed = options.lsm_weight, options.length_normalized_loss
        loss = LabelSmoothingLoss(self.vocab_size + 1, options.ignore_id, *smoothed)(scores, targets)
        return loss, {"loss_mlm": loss, "acc_mlm": accuracy(scores, targets, options.ignore_id)}


class MaskCTCInference(torch.nn.Module):
    """Mask-CTC decoding on PyTorch.

    Args:
        asr_model: the model, with a decoder.
        n_iterations: calls of the decoder; 0: one for every masked token.
        threshold_probability: CTC tokens of lower probability are masked.
    """

    @typechecked
    def __init__(self, asr_model: MaskCTCModel, n_iterations: int, threshold_probability: float):
        super().__init__()
        self.ctc: Any = asr_model.ctc
        self.mlm: Any = asr_model.decoder
        ctc, mlm = (TorchGraph(module, module.components()[0]) for module in (self.ctc, self.mlm))
        self.search = MaskCTC(
            CTCGraph(ctc), mlm, asr_model.mask_token, asr_model.blank_id, n_iterations, threshold_probability
        )

    @torch.inference_mode()
    def forward(self, enc_out: torch.Tensor) -> Hypothesis:
        """Decode the encoder output (T, D) of an utterance to one hypothesis."""
        (hypothesis,) = self.search(enc_out.numpy(force=True))
        return hypothesis
