"""Spoken language understanding: a recogniser of meanings, which may read a transcript, too.

S. Arora et al., "Two-pass low latency end-to-end spoken language understanding", 2022: a text model reads the
transcript of a first pass; its vectors follow those of the speech, and a deliberation encoder attends to both.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.encoder.abs_encoder import AbsEncoder, last_output
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.interface.errors import TrainingError
from espnet2.interface.spec import Component, Length, OutputLength
from espnet2.interface.spec import Tensor as TensorSpec
from espnet2.layers.abs_normalize import AbsNormalize
from espnet2.slu.postdecoder.abs_postdecoder import AbsPostDecoder


class ESPnetSLUModel(ESPnetASRModel):
    """Recogniser whose texts are meanings (an intent, entities, a summary), and which may read a transcript.

    Only a model with a post-decoder reads transcripts, and only such a one uses its deliberation encoder, as upstream.

    Args:
        postdecoder: Encoder of transcripts, or None.
        deliberationencoder: Encoder of the encoder output with the vectors of the transcript behind it, or None.
        transcript_token_list: Words of transcripts, in the order of their indices.
        two_pass, pre_postencoder_norm: Without effect, as in upstream.
        num_class, ssl_input_size, superb_setup, use_only_last_correct: Defaults only: upstream's classifier of chunks
            of a stream, another model, is not built.
        others: Those of `ESPnetASRModel`.

    Raises:
        ValueError: A submodule is missing that `ctc_weight` or the encoder needs, or an option is not supported.
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
        joint_network: nn.Module | None,
        postdecoder: AbsPostDecoder | None = None,
        deliberationencoder: AbsPostEncoder | None = None,
        transcript_token_list: list[str] | tuple[str, ...] | None = None,
        ctc_weight: float = 0.5,
        interctc_weight: float = 0.0,
        ignore_id: int = -1,
        lsm_weight: float = 0.0,
        length_normalized_loss: bool = False,
        report_cer: bool = True,
        report_wer: bool = True,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        extract_feats_in_collect_stats: bool = True,
        two_pass: bool = False,
        pre_postencoder_norm: bool = False,
        num_class: int = 0,
        ssl_input_size: int = 0,
        superb_setup: bool = False,
        use_only_last_correct: bool = False,
    ):
        if superb_setup:
            raise ValueError(
                "superb_setup: expected false, since a classifier of chunks of a stream is not built here, found true"
            )
        super().__init__(
            vocab_size=vocab_size,
            token_list=token_list,
            frontend=frontend,
            specaug=specaug,
            normalize=normalize,
            preencoder=preencoder,
            encoder=encoder,
            postencoder=postencoder,
            decoder=decoder,
            ctc=ctc,
            joint_network=joint_network,
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
        self.postdecoder = postdecoder
        self.deliberationencoder = deliberationencoder
        self.transcript_token_list = None if transcript_token_list is None else list(transcript_token_list)
        # As upstream registers them: states of optimisers have the order of parameters.
        for name in ("postencoder", "postdecoder", "encoder", "deliberationencoder", "decoder", "joint_network", "ctc"):
            if name in self._modules:
                self._modules[name] = self._modules.pop(name)
        if postdecoder is not None:
            self._require_transcripts(postdecoder)

    def _require_transcripts(self, postdecoder: AbsPostDecoder) -> None:
        """Raise `ValueError` unless speech and transcripts go together."""
        last = self.encoder if self.postencoder is None else self.postencoder
        if postdecoder.output_size() != last.output_size():
            raise ValueError(
                f"postdecoder_conf.output_size: expected {last.output_size()}, the size of the encoder output, found "
                f"{postdecoder.output_size()}"
            )
        if not self.transcript_token_list:
            raise ValueError("transcript_token_list: expected words of transcripts, which the model reads, found none")
        if self.interctc_weight:
            raise ValueError(
                "interctc_weight: expected 0 in a model that reads transcripts, which layers of the encoder do not; "
                f"found {self.interctc_weight}"
            )
        if self.deliberationencoder is not None and self.deliberationencoder.length.stride > 1:
            raise ValueError(
                "deliberationencoder_conf.length_adaptor_n_layers: expected 0, since transcripts are not shortened"
            )

    def unfit_for_streams(self) -> str | None:
        """See the base class; a transcript is that of a whole utterance."""
        return super().unfit_for_streams() if self.postdecoder is None else "a postdecoder, which reads transcripts"

    def encode(
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        transcript_pad: Tensor | None = None,
        transcript_pad_lens: Tensor | None = None,
    ) -> tuple[Any, Tensor]:
        """Encode samples (B, N), or features (B, T, C) where there is no front end, of lengths (B,).

        Args:
            speech, speech_lengths: the recordings.
            transcript_pad: (B, U) int64, their transcripts, padded by -1; only models with a post-decoder need them.
            transcript_pad_lens: not used.

        Returns:
            As `ESPnetASRModel.encode`; the vectors of a transcript follow those of the speech.

        Raises:
            TrainingError: The model needs transcripts, and there are none.
        """
        encoded, lengths = super().encode(speech, speech_lengths)
        if self.postdecoder is None:
            return encoded, lengths
        if transcript_pad is None:
            raise TrainingError("transcript: expected one for each recording, which the model reads, found none")
        rows = [self.postdecoder.tokenizer.indices(text) for text in self._texts(transcript_pad)]
        counts = torch.tensor([len(row) for row in rows], device=lengths.device)
        tokens = nn.utils.rnn.pad_sequence([counts.new_tensor(row) for row in rows], batch_first=True)
        output, lengths = self.deliberate(last_output(encoded), lengths, tokens, counts)
        return (output if isinstance(encoded, Tensor) else (output, encoded[1])), lengths

    def _texts(self, transcripts: Tensor) -> list[str]:
        """Words of transcripts (B, U), with spaces between them."""
        words = self.transcript_token_list or []
        return [" ".join(words[token] for token in row if token != -1) for row in transcripts.tolist()]

    def deliberate(
        self, output: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Encode speech and transcript together.

        Args:
            output, lengths: (B, T, D) encoder output, and its lengths (B,).
            tokens, token_lengths: (B, U) int64, tokens of the post-decoder's tokenizer, and their numbers (B,).

        Returns:
            (B, T + U, D'), and lengths (B,).
        """
        assert self.postdecoder is not None
        joined, lengths = concatenated(output, lengths, self.postdecoder.encode(tokens, token_lengths), token_lengths)
        return (joined, lengths) if self.deliberationencoder is None else self.deliberationencoder(joined, lengths)

    def encode_speech(
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        transcript: Tensor | None = None,
        transcript_lengths: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`encode` as a graph: (B, T', D) and lengths (B,).

        A transcript (B, U) int64, of a model that reads one, has the tokens of the post-decoder's tokenizer.
        """
        encoded, lengths = super().encode(speech, speech_lengths)
        if transcript is None or transcript_lengths is None:
            return last_output(encoded), lengths
        return self.deliberate(last_output(encoded), lengths, transcript, transcript_lengths)

    def _encoder_component(self) -> Component:
        """Component of the encoder, which reads a transcript, too, where the model does."""
        plain = super()._encoder_component()
        if self.postdecoder is None:
            return plain
        hidden, valid = plain.outputs
        *others, frames, size = hidden.axes
        added = Length()
        if self.deliberationencoder is not None:
            size, added = self.deliberationencoder.output_size(), self.deliberationencoder.length
        rules = plain.lengths
        if isinstance(frames, int):  # of every recording
            added, rules = added.then(Length(((0, 1, frames),))), ()
        transcript = (
            TensorSpec("transcript", ("batch", "tokens"), "int64", below=self.postdecoder.vocab_size),
            TensorSpec("transcript_lengths", ("batch",), "int64", length_of="tokens"),
        )
        return dataclasses.replace(
            plain,
            inputs=(*plain.inputs, *transcript),
            outputs=(
                dataclasses.replace(hidden, axes=(*others, "out_frames", size)),
                dataclasses.replace(valid, length_of="out_frames"),
            ),
            lengths=(*rules, OutputLength("out_frames", "tokens", added)),
        )

    def forward(
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        text: Tensor,
        text_lengths: Tensor,
        transcript: Tensor | None = None,
        transcript_lengths: Tensor | None = None,
        **kwargs: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of a batch.

        Args:
            speech: (B, N) samples, or (B, T, C) features without a front end.
            speech_lengths: (B,) int64.
            text: (B, U) int64, padded by -1.
            text_lengths: (B,) int64.
            transcript: (B, W) int64 indices of words, padded by -1, of models that read transcripts.
            transcript_lengths: (B,) int64.
            kwargs: not read.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances, by which to average both.

        Raises:
            TrainingError: The model needs transcripts, and there are none.
        """
        encoded, lengths = self.encode(speech, speech_lengths, transcript, transcript_lengths)
        return self.outcome(encoded, lengths, text, text_lengths, kwargs)


def concatenated(x: Tensor, x_lengths: Tensor, y: Tensor, y_lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Put the valid vectors of y (B, U, D) behind those of x (B, T, D): (B, T + U, D), and lengths (B,)."""
    both = torch.cat([x, y], dim=1)
    places = torch.arange(both.shape[1], device=x.device)
    behind = places + (x.shape[1] - x_lengths).unsqueeze(1)
    index = torch.where(places < x_lengths.unsqueeze(1), places, behind).clamp(max=both.shape[1] - 1)
    return both.gather(1, index.unsqueeze(-1).expand(-1, -1, both.shape[2])), x_lengths + y_lengths
