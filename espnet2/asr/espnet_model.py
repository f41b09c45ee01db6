"""The hybrid CTC/attention recogniser (Watanabe et al. 2017): samples in, scores of tokens out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from typeguard import typechecked

from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder, last_output
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.speech_model import SpeechModel
from espnet2.layers.abs_normalize import AbsNormalize

Intermediate = list[tuple[int, torch.Tensor]]


class ESPnetASRModel(SpeechModel):
    """Front end, normalisation, encoder, decoder and CTC. Options that only the training loss reads are not kept.

    `frontend` None means that features come in. The decoder is dropped where `ctc_weight` is 1 and CTC where it is 0,
    as checkpoints have them. A `sym_sos` or `sym_eos` that is not in `token_list` stands for its last token.

    With a joint network, the model is a transducer, and its blank the token 0.

    Raises:
        ValueError: no `sym_blank` in `token_list`, or a part is missing that `ctc_weight` or the encoder needs.
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
        if transducer_multi_blank_durations:
            raise ValueError(
                f"transducer_multi_blank_durations: expected none in a model, found {transducer_multi_blank_durations}"
            )
        if sym_blank not in token_list:
            raise ValueError(f"sym_blank: expected a symbol of the token list, found {sym_blank!r}")
        if not 0.0 <= ctc_weight <= 1.0:
            raise ValueError(f"ctc_weight: expected a number from 0 to 1, found {ctc_weight}")
        if decoder is None and ctc_weight < 1.0:
            raise ValueError(f"ctc_weight: expected 1 where there is no decoder, found {ctc_weight}")
        self.conditioned = getattr(encoder, "interctc_use_conditioning", False)
        if self.conditioned and ctc_weight == 0.0:
            raise ValueError("ctc_weight: expected more than 0, since the encoder is conditioned on CTC; found 0")
        self.vocab_size = vocab_size
        self.token_list = list(token_list)
        self.blank_id = self.token_list.index(sym_blank)
        self.sos = token_id(self.token_list, sym_sos)
        self.eos = token_id(self.token_list, sym_eos)
        self.frontend = frontend
        self.specaug = specaug
        self.normalize = normalize
        self.preencoder = preencoder
        self.encoder = encoder
        self.postencoder = postencoder
        self.joint_network = joint_network
        self.decoder = None if ctc_weight == 1.0 and joint_network is None else decoder
        self.ctc = None if ctc_weight == 0.0 else ctc
        if self.conditioned:
            self.encoder.conditioning_layer = torch.nn.Linear(vocab_size, encoder.output_size())

    def encode(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[torch.Tensor | tuple[torch.Tensor, Intermediate], torch.Tensor]:
        """Encode samples (B, N), or features (B, T, C) where there is no front end, of lengths (B,).

        Returns:
            Encoder output (B, T', D) and its lengths (B,); (B, S, T', D) and (B, S) from an encoder that separates
            speakers. With intermediate CTC the first is a pair: the output, and (layer, its output) for each layer
            that CTC looks at.
        """
        feats, feats_lengths = self.extract_feats(speech, speech_lengths)
        if self.preencoder is not None:
            feats, feats_lengths = self.preencoder(feats, feats_lengths)
        options = {"ctc": self.ctc} if self.conditioned else {}
        encoder_out, encoder_out_lens, _ = self.encoder(feats, feats_lengths, **options)
        if self.postencoder is not None:
            encoder_out, encoder_out_lens = self.postencoder(last_output(encoder_out), encoder_out_lens)
        return encoder_out, encoder_out_lens


def token_id(token_list: Sequence[str], symbol: str) -> int:
    """Index of `symbol`, or of the last token where the list does not have it."""
    return token_list.index(symbol) if symbol in token_list else len(token_list) - 1
