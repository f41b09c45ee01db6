"""The hybrid recogniser of several speakers at once, trained with every order of them (Chang et al. 2020)."""

from __future__ import annotations

import torch
from typeguard import typechecked

from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.espnet_model import ESPnetASRModel as SingleESPnetASRModel
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.layers.abs_normalize import AbsNormalize


class PITLossWrapper(torch.nn.Module):
    """Where checkpoints have the CTC layer a second time, as what training permutes; it is the same layer."""

    def __init__(self, criterion_fn: CTC):
        super().__init__()
        self.criterion_fn = criterion_fn


class ESPnetASRModel(SingleESPnetASRModel):
    """The parts of a single speaker's recogniser; the encoder says how many speakers it separates.

    `encode` gives (B, S, T', D) and lengths (B, S). Options that only the training loss reads are not kept.

    Raises:
        ValueError: no CTC, intermediate CTC, a post-encoder behind several speakers, or other numbers of speakers in
            training's input and output.
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
            sym_space=sym_space,
            sym_blank=sym_blank,
            sym_sos=sym_sos,
            sym_eos=sym_eos,
        )
        self.num_inf = num_inf
        self.num_ref = num_ref
        self.pit_ctc = PITLossWrapper(ctc)
