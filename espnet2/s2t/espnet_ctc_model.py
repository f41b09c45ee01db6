"""Speech to text of many tasks with CTC alone (OWSM-CTC; Peng et al. 2024)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding
from espnet.nets.pytorch_backend.transformer.subsampling import Conv2dSubsampling
from espnet2.asr.ctc import CTC
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.encoder.e_branchformer_ctc_encoder import EBranchformerCTCEncoder
from espnet2.asr.espnet_model import token_id
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.speech_model import SpeechModel
from espnet2.asr.training import LossOptions, Stats, TrainableRecogniser, statistics
from espnet2.interface.errors import ConfigError
from espnet2.interface.spec import Component, Length, OutputLength
from espnet2.interface.spec import Tensor as TensorSpec
from espnet2.layers.abs_normalize import AbsNormalize
from espnet2.s2t.intermediate import flat, with_layers

PROMPT_FRAMES = 2  # of language and task, before the frames of speech


class ESPnetS2TCTCModel(TrainableRecogniser, SpeechModel):
    """Encoder with CTC whose input begins with a language and a task, and whose layers attend to a previous text.

    Args:
        vocab_size: V.
        token_list: the tokens in the order of their indices.
        frontend, specaug, normalize: from samples to features; None for parts that the model lacks.
        encoder: encoder with a prompt; its input layer is a convolution.
        prompt_encoder: encoder of the previous text's embeddings (B, U, P), of which it gives as many.
        ctc: output layer, which the encoder's intermediate layers share.
        interctc_weight: share of intermediate CTC in the loss.
        ignore_id: padding of texts.
        report_cer, report_wer: error rates, in evaluation mode.
        sym_space, sym_blank, sym_sos, sym_eos, sym_sop, sym_na: names of special tokens.
        extract_feats_in_collect_stats: collect statistics of features rather than of samples.
        ctc_asr_only: for each intermediate CTC and the last one, whether its target is the transcript in the language
            that is spoken (`text_ctc`) rather than the text of the task.

    Raises:
        ConfigError: an encoder that takes no prompt, or `ctc_asr_only` of another length.
    """

    preencoder = postencoder = decoder = joint_network = None

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        token_list: list[str] | tuple[str, ...],
        frontend: AbsFrontend | None,
        specaug: AbsSpecAug | None,
        normalize: AbsNormalize | None,
        encoder: AbsEncoder,
        prompt_encoder: AbsEncoder,
        ctc: CTC,
        interctc_weight: float = 0.0,
        ignore_id: int = -1,
        report_cer: bool = True,
        report_wer: bool = True,
        sym_space: str = "<space>",
        sym_blank: str = "<blank>",
        sym_sos: str = "<sos>",
        sym_eos: str = "<eos>",
        sym_sop: str = "<sop>",
        sym_na: str = "<na>",
        extract_feats_in_collect_stats: bool = True,
        ctc_asr_only: list[bool] = [False],  # noqa: B006 - never changed; the default is part of the schema
    ):
        super().__init__()
        if not isinstance(encoder, EBranchformerCTCEncoder) or not isinstance(encoder.embed, Conv2dSubsampling):
            raise ConfigError(
                "encoder: expected e_branchformer_ctc with a convolution as input_layer, found another one"
            )
        outputs = len(encoder.interctc_layer_idx) + 1
        if len(ctc_asr_only) != outputs and (interctc_weight or len(ctc_asr_only) > 1):
            raise ConfigError(
                f"model_conf.ctc_asr_only: expected {outputs} values, for each intermediate CTC and the last one, "
                f"found {len(ctc_asr_only)}"
            )
        self.vocab_size, self.ignore_id, self.interctc_weight = vocab_size, ignore_id, interctc_weight
        self.token_list = list(token_list)
        self.blank_id = 0
        self.sos, self.eos = token_id(self.token_list, sym_sos), token_id(self.token_list, sym_eos)
        known = {symbol: index for index, symbol in enumerate(self.token_list)}
        self.sop, self.na = known.get(sym_sop), known.get(sym_na)
        self.frontend, self.specaug, self.normalize = frontend, specaug, normalize
        self.encoder, self.prompt_encoder, self.ctc = encoder, prompt_encoder, ctc
        size, prompt_size = encoder.output_size(), prompt_encoder.output_size()
        self.embed = torch.nn.Embedding(vocab_size, prompt_size)
        self.pos_enc = PositionalEncoding(prompt_size, 0.0)
        same = size == prompt_size
        self.embed_proj = torch.nn.Identity() if same else torch.nn.Linear(prompt_size, size)
        self.prompt_proj = torch.nn.Identity() if same else torch.nn.Linear(prompt_size, size)
        self.conditioned = encoder.interctc_use_conditioning
        if self.conditioned:
            encoder.conditioning_layer = torch.nn.Linear(vocab_size, size)
        self.ctc_asr_only = list(ctc_asr_only)
        self.loss_options = LossOptions(
            ctc_weight=1.0,
            interctc_weight=interctc_weight,
            ignore_id=ignore_id,
            report_cer=report_cer,
            report_wer=report_wer,
            sym_space=sym_space,
            sym_blank=sym_blank,
            extract_feats_in_collect_stats=extract_feats_in_collect_stats,
        )

    def encode(  # type: ignore[override]
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        text_prev: Tensor,
        text_prev_lengths: Tensor,
        prefix: Tensor,
        prefix_lengths: Tensor | None = None,
    ) -> tuple[Any, Tensor]:
        """Encode samples (B, N), or features (B, T, C) where there is no front end, of lengths (B,).

        Args:
            speech, speech_lengths: the recordings.
            text_prev: (B, U) int64 tokens of the texts before them; padding may be any number.
            text_prev_lengths: (B,) their lengths.
            prefix: (B, 2) int64 tokens of language and task.
            prefix_lengths: not used, since all are 2.

        Returns:
            Encoder output (B, 2 + T', D), the first two frames of which stand for language and task, and its lengths
            (B,). With intermediate CTC the first is a pair: the output, and (layer, its output) for each layer with
            intermediate CTC.
        """
        feats, feats_lengths = self.extract_feats(speech, speech_lengths)
        memory = self.pos_enc(self.embed(text_prev.clamp(min=0)))
        memory = self.prompt_proj(self.prompt_encoder.encode(memory, text_prev_lengths)[0])
        visible = ~make_pad_mask(text_prev_lengths, text_prev.shape[1]).unsqueeze(1)
        encoded, lengths, _ = self.encoder(
            feats,
            feats_lengths,
            ctc=self.ctc if self.conditioned else None,
            prefix_embeds=self.embed_proj(self.embed(prefix)),
            memory=memory,
            memory_mask=visible,
        )
        return encoded, lengths

    def encode_speech(  # type: ignore[override]
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        prefix: Tensor,
        text_prev: Tensor,
        text_prev_lengths: Tensor,
    ) -> tuple[Tensor, ...]:
        """`encode` as a graph: (B, 2 + T', D), lengths (B,), then the outputs of layers with intermediate CTC."""
        return flat(*self.encode(speech, speech_lengths, text_prev, text_prev_lengths, prefix))

    def _encoder_component(self) -> Component:
        """Component of the encoder, which reads the prompt too, and gives outputs of intermediate layers."""
        plain = with_layers(super()._encoder_component(), self)
        prompt = (
            TensorSpec("prefix", ("batch", PROMPT_FRAMES), "int64", below=self.vocab_size),
            TensorSpec("text_prev", ("batch", "tokens"), "int64", below=self.vocab_size),
            TensorSpec("text_prev_lengths", ("batch",), "int64", length_of="tokens"),
        )
        (rule,) = plain.lengths
        longer = OutputLength(rule.axis, rule.source, rule.length.then(Length(((0, 1, PROMPT_FRAMES),))))
        return dataclasses.replace(
            plain,
            inputs=(*plain.inputs, *prompt),
            lengths=(longer,),
            attributes={**plain.attributes, "prompt_frames": PROMPT_FRAMES},
        )

    def forward(  # type: ignore[override]
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        text: Tensor,
        text_lengths: Tensor,
        text_prev: Tensor,
        text_prev_lengths: Tensor,
        text_ctc: Tensor,
        text_ctc_lengths: Tensor,
        prefix: Tensor,
        prefix_lengths: Tensor,
        **kwargs: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of a batch.

        Args:
            speech: (B, N) samples, or (B, T, C) features without a front end.
            speech_lengths: (B,) int64.
            text: (B, U) int64, language, task and text of the task, padded by -1.
            text_prev: (B, U') int64, the text before the recording, padded by -1.
            text_ctc: (B, U'') int64, the transcript, padded by -1.
            text_lengths, text_prev_lengths, text_ctc_lengths: (B,) int64.
            prefix, prefix_lengths: (B, 2) int64, language and task, and their number.
            kwargs: further fields of the batch, which are not read.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances, by which to average both.
        """
        targets = {
            False: (self.texts(text, text_lengths), text_lengths),
            True: (self.texts(text_ctc, text_ctc_lengths), text_ctc_lengths),
        }
        encoded, lengths = self.encode(speech, speech_lengths, text_prev, text_prev_lengths, prefix, prefix_lengths)
        output, between = encoded if isinstance(encoded, tuple) else (encoded, [])
        *inner, last = self.ctc_asr_only
        loss, stats = self._losses(output, between, lengths, [targets[asr] for asr in inner], targets[last])
        return loss, statistics({**stats, "loss": loss}, loss), torch.tensor(len(text), device=loss.device)

    def ctc_loss(self, output: Tensor, lengths: Tensor, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Any]:
        """See the base class; utterances whose text is not available, which has the token `sym_na`, do not count."""
        if self.na is None:
            return super().ctc_loss(output, lengths, text, text_lengths)
        available = (text != self.na).all(dim=1)
        if not available.any():
            return (output * 0).sum(), None
        return super().ctc_loss(output[available], lengths[available], text[available], text_lengths[available])

    def _losses(
        self,
        output: Tensor,
        between: Sequence[tuple[int, Tensor]],
        lengths: Tensor,
        inner: Sequence[tuple[Tensor, Tensor]],
        last: tuple[Tensor, Tensor],
    ) -> tuple[Tensor, Stats]:
        """Compute loss and statistics of the last layer with the targets `last`, and of those between with `inner`."""
        stats, weight = Stats(), self.interctc_weight
        loss, stats["cer_ctc"] = self.ctc_loss(output, lengths, *last)
        stats["loss_ctc"] = loss
        if not weight:
            return loss, stats
        losses = []
        for (layer, hidden), target in zip(between, inner, strict=True):
            layer_loss, rate = self.ctc_loss(hidden, lengths, *target)
            losses.append(layer_loss)
            stats |= {f"loss_interctc_layer{layer}": layer_loss, f"cer_interctc_layer{layer}": rate}
        return (1 - weight) * loss + weight * torch.stack(losses).mean(), stats

    def collect_feats(
        self, speech: Tensor, speech_lengths: Tensor, *texts: Tensor, **fields: Tensor
    ) -> dict[str, Tensor]:
        """Compute the features before normalisation, and their lengths, for statistics of the training data."""
        return super().collect_feats(speech, speech_lengths, speech, speech_lengths)
