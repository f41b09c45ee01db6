"""Hybrid recogniser of several speakers with permutation invariant training (Chang et al. 2020)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from typeguard import typechecked

from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.espnet_model import ESPnetASRModel as SingleESPnetASRModel
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.training import Stats
from espnet2.interface.errors import TrainingError
from espnet2.layers.abs_normalize import AbsNormalize


class PITLossWrapper(torch.nn.Module):
    """Holder of the CTC layer under its second name in checkpoints."""

    def __init__(self, criterion_fn: CTC):
        super().__init__()
        self.criterion_fn = criterion_fn


class ESPnetASRModel(SingleESPnetASRModel):
    """Recogniser whose encoder separates several speakers; its other submodules are those of a single speaker's model.

    `encode` returns (B, S, T', D) and lengths (B, S). A batch has the text of the first speaker as `text` and those of
    the others as `text_spk2` and so on; the CTC loss decides which output each text belongs to.

    Raises:
        ValueError: no CTC, intermediate CTC, a post-encoder with several speakers, or different numbers of speakers in
            the texts and in the encoder.
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
        decoder: AbsDecoder | None,
        ctc: CTC,
        joint_network: torch.nn.Module | None,
        ctc_weight: float = 0.5,
        interctc_weight: float = 0.0,
        ignore_id: int = -1,
        lsm_weight: float = 0.0,
        length_normalized_loss: bool = False,
        report_cer: bool = True,
        report_wer: bool = True,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        sym_sos: str = "<sos/eos>",
        sym_eos: str = "<sos/eos>",
        extract_feats_in_collect_stats: bool = True,
        lang_token_id: int = -1,
        num_inf: int = 1,
        num_ref: int = 1,
    ):
        if not 0.0 < ctc_weight <= 1.0:
            raise ValueError(f"ctc_weight: expected a number above 0 and up to 1, found {ctc_weight}")
        if interctc_weight:
            raise ValueError(f"interctc_weight: expected 0 in a model of several speakers, found {interctc_weight}")
        if num_inf != num_ref:
            raise ValueError(f"num_inf: expected num_ref, which is {num_ref}, found {num_inf}")
        if encoder.speakers and postencoder is not None:
            raise ValueError(f"postencoder: expected none behind several speakers, found {type(postencoder).__name__}")
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
            ignore_id=ignore_id,
            lsm_weight=lsm_weight,
            length_normalized_loss=length_normalized_loss,
            report_cer=report_cer,
            report_wer=report_wer,
            sym_space=sym_space,
            sym_blank=sym_blank,
            sym_sos=sym_sos,
            sym_eos=sym_eos,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
            lang_token_id=lang_token_id,
        )
        self.num_inf = num_inf
        self.num_ref = num_ref
        self.pit_ctc = PITLossWrapper(ctc)

    def losses(
        self,
        output: Tensor,
        between: Sequence[tuple[int, Tensor]],
        lengths: Tensor,
        text: tuple[Tensor, Tensor],
        fields: Mapping[str, Tensor],
    ) -> tuple[Tensor, Stats]:
        """See the base class; outputs are (B, S, T, D) with lengths (B, S)."""
        if output.dim() == 3:
            return super().losses(output, between, lengths, text, fields)
        if output.shape[1] != self.num_ref:
            raise TrainingError(f"num_ref: expected the encoder's num_inf, {output.shape[1]}, found {self.num_ref}")
        texts, text_lengths = self.references(text, fields)
        order = self.best_order(output, lengths, texts, text_lengths)
        texts = texts.gather(1, order.unsqueeze(-1).expand_as(texts)).flatten(0, 1)
        targets = texts, text_lengths.gather(1, order).flatten()
        return super().losses(output.flatten(0, 1), between, lengths.flatten(), targets, fields)

    def references(self, text: tuple[Tensor, Tensor], fields: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The texts of all speakers (B, S, U), and their lengths (B, S)."""
        names = [f"text_spk{number}" for number in range(2, self.num_ref + 1)]
        missing = [name for name in names if name not in fields]
        if missing:
            raise TrainingError(
                f"num_ref: expected {missing[0]} in the data, found {', '.join(fields) or 'text alone'}"
            )
        pairs = [text, *((fields[name], fields[f"{name}_lengths"]) for name in names)]
        longest = max(each.shape[1] for each, _ in pairs)
        ignored = self.loss_options.ignore_id
        padded = [torch.nn.functional.pad(each, (0, longest - each.shape[1]), value=ignored) for each, _ in pairs]
        lengths = torch.stack([length for _, length in pairs], dim=1)
        return self.texts(torch.stack(padded, dim=1).flatten(0, 1), lengths.flatten()).unflatten(
            0, lengths.shape
        ), lengths

    @torch.no_grad()
    def best_order(self, output: Tensor, lengths: Tensor, texts: Tensor, text_lengths: Tensor) -> Tensor:
        """Best permutation by CTC loss: the speaker (B, S) whose text belongs to each of the outputs (B, S, T, D)."""
        speakers = output.shape[1]
        log_probs = self.ctc.log_softmax(output).float().repeat_interleave(speakers, dim=1).flatten(0, 1)
        losses = torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1),
            texts.clamp(min=0).repeat(1, speakers, 1).flatten(0, 1),
            lengths.repeat_interleave(speakers, dim=1).flatten(),
            text_lengths.repeat(1, speakers).flatten(),
            reduction="none",
            zero_infinity=True,
        ).view(-1, speakers, speakers)
        orders = torch.tensor(list(itertools.permutations(range(speakers))), device=output.device)
        return orders[losses[:, torch.arange(speakers, device=output.device), orders].sum(dim=-1).argmin(dim=1)]
