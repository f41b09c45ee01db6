"""Output layers of one language in a model that translates speech, and their losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from espnet.nets.pytorch_backend.transformer.add_sos_eos import add_sos_eos
from espnet2.asr.decoder.multi_source_decoder import TransformerMDDecoder
from espnet2.asr.training import LossOptions, Stats, TrainableRecogniser


class Head(TrainableRecogniser):
    """Output layers of one language, whose losses are those of a recogniser; no module, since it holds those of one.

    Args:
        training: the model's mode.
        token_list, ends: tokens, and the indices of start and end symbol.
        losses: options of the losses.
        decoder, ctc, joint_network: output layers, None for those that there are not.
    """

    def __init__(
        self,
        training: bool,
        token_list: list[str],
        ends: tuple[int, int],
        losses: LossOptions,
        decoder: Any = None,
        ctc: Any = None,
        joint_network: Any = None,
    ):
        self.training = training
        self.token_list, self.vocab_size = token_list, len(token_list)
        self.sos, self.eos = ends
        self.decoder, self.ctc, self.joint_network = decoder, ctc, joint_network
        self.blank_id, self.blanks = 0, {0: 1}
        self.loss_options = losses

    def of(self, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Stats]:
        """Loss and statistics of encoder outputs (B, T, D) and texts (B, U), padded by the options' `ignore_id`."""
        return self.losses(output, [], lengths, (text, text_lengths), {})


class TranslationHead(Head):
    """Output layers of translations, which are measured by BLEU."""

    def rates(self, best: Sequence[Sequence[int]], texts: Sequence[Sequence[int]]) -> Stats:
        """Compute BLEU of the decoder's best token at each position."""
        return {"bleu": self.error_calculator().bleu(best, texts)}

    def ctc_loss(self, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Any]:
        """Compute the CTC loss of one layer's output (B, T, D), and BLEU of the best tokens in evaluation."""
        loss = self.ctc(output, lengths, text, text_lengths).sum()
        if not self.reports():
            return loss, None
        best = [row[:length] for row, length in zip(self.ctc.argmax(output).tolist(), lengths.tolist(), strict=True)]
        return loss, self.error_calculator().bleu(best, text.tolist(), is_ctc=True)


class SpeechAttending:
    """A decoder that also reads the encoder output of speech, as one that reads a single source.

    Args:
        decoder: attends to both.
        speech, lengths: (B, S, D) encoder output, and its lengths (B,).
    """

    def __init__(self, decoder: TransformerMDDecoder, speech: Tensor, lengths: Tensor):
        self.decoder, self.speech = decoder, (speech, lengths)

    def __call__(self, memory: Tensor, memory_lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> Any:
        """Score known targets, see `TransformerMDDecoder.forward`."""
        return self.decoder(memory, memory_lengths, tokens, token_lengths, *self.speech)


def hidden_vectors(decoder: Any, memory: tuple[Tensor, Tensor], tokens: Tensor, lengths: Tensor) -> Tensor:
    """The vectors (B, U, D) before a decoder's output layer, of tokens (B, U) that begin with the start symbol."""
    scored, *_, last = decoder(*memory, tokens, lengths, return_hs=True)
    return scored[1] if isinstance(scored, tuple) else last


def started(text: Tensor, sos: int, eos: int, ignore_id: int) -> Tensor:
    """Texts (B, U), padded by `ignore_id`, behind the start symbol, padded by `eos`: (B, U + 1)."""
    return add_sos_eos(text, sos, eos, ignore_id)[0]
