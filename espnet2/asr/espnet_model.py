"""Hybrid CTC/attention recogniser (Watanabe et al. 2017), CTC-only and attention-only models, and transducers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.state_names import State, rename, upgrade_on_load
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.speech_model import SpeechModel
from espnet2.asr.training import LossOptions, TrainableRecogniser
from espnet2.layers.abs_normalize import AbsNormalize


class ESPnetASRModel(TrainableRecogniser, SpeechModel):
    """Recogniser of front end, normalisation, encoder, decoder and CTC; only the training loss reads `loss_options`.

    With `frontend` None the input is features; with `encoder` None it is the encoder output (such a model is not
    exported). The decoder is dropped if `ctc_weight` is 1, and CTC if it is 0, as in checkpoints. A `sym_blank` that
    is not in `token_list` stands for its first token, a `sym_sos` or `sym_eos` for its last.

    With a joint network, the model is a transducer whose blank is token 0. A multi-blank transducer (H. Xu et al.,
    "Multi-blank transducers for speech recognition", 2022) has a token `<blankN>` for each blank that lasts N frames.

    Raises:
        ValueError: a submodule is missing that `ctc_weight` or the encoder needs.
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
        encoder: AbsEncoder | None,
        postencoder: AbsPostEncoder | None,
        decoder: AbsDecoder | None,
        ctc: CTC,
        joint_network: torch.nn.Module | None,
        aux_ctc: dict | None = None,
        ctc_weight: float = 0.5,
        interctc_weight: float = 0.0,
        ignore_id: int = -1,
        lsm_weight: float = 0.0,
        length_normalized_loss: bool = False,
        report_cer: bool = True,
        report_wer: bool = True,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        transducer_multi_blank_durations: list = [],  # noqa: B006 - never changed; the default is part of the schema
        transducer_multi_blank_sigma: float = 0.05,
        sym_sos: str = "<sos/eos>",
        sym_eos: str = "<sos/eos>",
        autocast_frontend: bool = False,
        extract_feats_in_collect_stats: bool = True,
        lang_token_id: int = -1,
    ):
        super().__init__()
        if not 0.0 <= ctc_weight <= 1.0:
            raise ValueError(f"ctc_weight: expected a number from 0 to 1, found {ctc_weight}")
        if decoder is None and ctc_weight < 1.0:
            raise ValueError(f"ctc_weight: expected 1 where there is no decoder, found {ctc_weight}")
        self.conditioned = getattr(encoder, "interctc_use_conditioning", False)
        if self.conditioned and ctc_weight == 0.0:
            raise ValueError("ctc_weight: expected more than 0, since the encoder is conditioned on CTC; found 0")
        self.vocab_size, self.ignore_id = vocab_size, ignore_id
        self.ctc_weight, self.interctc_weight = ctc_weight, interctc_weight
        self.token_list = list(token_list)
        self.blank_id = token_id(self.token_list, sym_blank, otherwise=0)
        self.blanks = _blanks(self.token_list, transducer_multi_blank_durations, self.blank_id)
        if len(self.blanks) > 1 and joint_network is None:
            raise ValueError(
                "transducer_multi_blank_durations: expected none where the decoder is not transducer, found "
                f"{transducer_multi_blank_durations}"
            )
        self.sos = token_id(self.token_list, sym_sos)
        self.eos = token_id(self.token_list, sym_eos)
        self.frontend = frontend
        self.specaug = specaug
        self.normalize = normalize
        self.preencoder = preencoder
        self.postencoder = postencoder
        self.encoder = encoder
        self.decoder = None if ctc_weight == 1.0 and joint_network is None else decoder
        self.drops_decoder = decoder is not None and self.decoder is None
        self.joint_network = joint_network
        self.ctc = None if ctc_weight == 0.0 else ctc
        self.loss_options = LossOptions(
            ctc_weight=ctc_weight,
            interctc_weight=interctc_weight,
            aux_ctc=aux_ctc,
            ignore_id=ignore_id,
            lsm_weight=lsm_weight,
            length_normalized_loss=length_normalized_loss,
            report_cer=report_cer,
            report_wer=report_wer,
            sym_space=sym_space,
            sym_blank=sym_blank,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
            lang_token_id=lang_token_id,
            transducer_multi_blank_sigma=transducer_multi_blank_sigma,
        )
        if self.conditioned:
            self.encoder.conditioning_layer = torch.nn.Linear(vocab_size, self.encoder.output_size())
        upgrade_on_load(self)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Drop the decoder of a model with `ctc_weight` 1, which releases up to 0.9.10 and 202301 kept."""
        if self.drops_decoder:
            rename(state, prefix, ((r"decoder\.", None),))

    def generation(self) -> Mapping[str, Any]:
        """See the base class. A multi-blank transducer is searched with its multi-blank search."""
        if len(self.blanks) == 1:
            return super().generation()
        indices, durations = zip(*self.blanks.items(), strict=True)
        return {
            "search_type": "mbg",
            "multi_blank_durations": list(durations),
            "multi_blank_indices": list(indices),
        }


def _blanks(token_list: Sequence[str], durations: Sequence[Any], blank: int) -> dict[int, int]:
    """Duration in frames of each blank, by its index; the standard blank is the last."""
    blanks = {}
    for duration in reversed(durations):
        if type(duration) is not int or duration < 2 or f"<blank{duration}>" not in token_list:
            raise ValueError(
                "transducer_multi_blank_durations: expected numbers of frames above 1 with a token <blankN> each, "
                f"found {duration!r}"
            )
        blanks[token_list.index(f"<blank{duration}>")] = duration
    return {**blanks, blank: 1}


def token_id(token_list: Sequence[str], symbol: str, otherwise: int = -1) -> int:
    """Index of `symbol`, or, if it is not in the list, of the token at position `otherwise`."""
    return token_list.index(symbol) if symbol in token_list else range(len(token_list))[otherwise]
