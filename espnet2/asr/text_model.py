"""Base of models that read tokens: translators of texts, and recognisers of discrete units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet2.asr.speech_model import SpeechModel
from espnet2.asr.training import LossOptions, TrainableRecogniser
from espnet2.interface import spec

TOKENS, LENGTHS = "src_text", "src_text_lengths"


class StartOfText(nn.Module):
    """Source texts behind a start symbol, and in whole patches; it has no weights.

    Args:
        index: of the symbol.
        patch: tokens of a patch, to whose multiple a text is filled up by the symbol, in front.
    """

    longest = 0
    sees_all_frames = False

    def __init__(self, index: int, patch: int = 1):
        super().__init__()
        require_positive(patch_size=patch)
        self.index, self.patch = index, patch
        self.length = spec.Length(((0, 1, 1), *(((patch - 1, patch, 0, patch),) if patch > 1 else ())))

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Put start symbols before texts, one, or as many as fill the first patch.

        Args:
            tokens: (B, U) int64, whatever lies behind the lengths.
            lengths: (B,) int64.

        Returns:
            (B, U') int64, padded by the symbol, and lengths (B,).
        """
        size, after = tokens.shape[1], self.length(lengths)
        place = torch.arange(self.length(size), device=tokens.device) - (after - lengths).unsqueeze(1)
        inside = (place >= 0) & (place < lengths.unsqueeze(1))
        return tokens.gather(1, place.clamp(0, size - 1)).where(inside, self.index), after


class TextModel(TrainableRecogniser, SpeechModel):
    """Model whose encoder reads token ids behind a start symbol, the last of the source tokens.

    Args:
        token_list: tokens of what the model writes; the last one starts and ends texts, the first one is the blank.
        src_token_list, src_vocab_size: tokens of what it reads, and their number.
        parts: submodules by name, None for those that it does not have.
        losses: options of the training loss.
        patch_size: tokens of which the front end makes one frame.
    """

    blank_id = 0

    def __init__(
        self,
        vocab_size: int,
        token_list: Sequence[str],
        src_vocab_size: int,
        src_token_list: Sequence[str],
        parts: Mapping[str, nn.Module | None],
        losses: LossOptions,
        patch_size: int = 1,
    ):
        super().__init__()
        self.vocab_size, self.token_list = vocab_size, list(token_list)
        self.src_vocab_size, self.src_token_list = src_vocab_size, list(src_token_list)
        self.sos = self.eos = vocab_size - 1
        self.src_sos = self.src_eos = src_vocab_size - 1
        self.ignore_id = losses.ignore_id
        self.loss_options = losses
        for name in ("specaug", "normalize", "ctc", "joint_network"):
            setattr(self, name, None)
        for name, part in parts.items():
            setattr(self, name, part)
        self.start_of_text = StartOfText(self.src_sos, patch_size)

    def extract_feats(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Embed source tokens (B, U) behind their start symbol: (B, T, C), and lengths (B,)."""
        return super().extract_feats(*self.start_of_text(speech, speech_lengths))

    def forward(  # type: ignore[override]
        self, text: Tensor, text_lengths: Tensor, src_text: Tensor, src_text_lengths: Tensor, **kwargs: Tensor
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of a batch.

        Args:
            text: (B, U) int64, padded by -1: translations.
            text_lengths: (B,) int64.
            src_text: (B, S) int64, padded by -1: source texts.
            src_text_lengths: (B,) int64.
            kwargs: not read.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of texts, by which to average both.
        """
        source = src_text[:, : int(src_text_lengths.max())]
        return super().forward(source, src_text_lengths, text, text_lengths, **kwargs)

    def collect_feats(  # type: ignore[override]
        self, text: Tensor, text_lengths: Tensor, src_text: Tensor, src_text_lengths: Tensor, **kwargs: Tensor
    ) -> dict[str, Tensor]:
        """Compute the embeddings of source texts, and their lengths, for statistics of the training data."""
        feats, lengths = self.extract_feats(src_text, src_text_lengths)
        return {"feats": feats, "feats_lengths": lengths}

    def _chain(self) -> list[Any]:
        """Start symbol, and the parts behind it."""
        return [self.start_of_text, *super()._chain()]

    def _reads(self, encoder: spec.Component) -> tuple[spec.Tensor, spec.Tensor]:
        """Inputs: token ids and their lengths."""
        tokens = spec.Tensor(TOKENS, ("batch", "tokens"), "int64", below=self.src_vocab_size)
        return tokens, spec.Tensor(LENGTHS, ("batch",), "int64", length_of="tokens")


def share_embeddings(model: Any, decoder_output: bool, encoder_decoder: bool) -> None:
    """Let embeddings and output layer of a model have the same weights.

    Raises:
        ValueError: weights of different shape, or parts without such weights.
    """
    try:
        if decoder_output:
            _share("share_decoder_input_output_embed", model.decoder.output_layer, model.decoder.embed[0])
        if encoder_decoder:
            _share("share_encoder_decoder_input_embed", model.decoder.embed[0], model.frontend.embed[0])
    except (AttributeError, TypeError, IndexError) as error:
        raise ValueError("share_..._embed: expected embeddings in front end and decoder, found none") from error


def _share(option: str, taker: Any, giver: Any) -> None:
    if taker.weight.shape != giver.weight.shape:
        shapes = f"{tuple(giver.weight.shape)} and {tuple(taker.weight.shape)}"
        raise ValueError(f"{option}: expected weights of one shape, found {shapes}")
    taker.weight = giver.weight
