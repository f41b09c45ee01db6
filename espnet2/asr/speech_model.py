"""Base of recognisers: front end, encoder, and output heads."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from espnet.nets.pytorch_backend.transformer.attention import most_heads
from espnet2.asr.encoder.abs_encoder import last_output
from espnet2.asr.feature_extraction import FeatureExtraction
from espnet2.asr.streaming import StreamingModel
from espnet2.interface.errors import ConfigError
from espnet2.interface.spec import Component, Length, OutputLength, Tensor
from espnet2.train.abs_espnet_model import AbsESPnetModel

Intermediate = list[tuple[int, torch.Tensor]]


def _cost(parts: Sequence[Any], whole: Length) -> tuple[int, int]:
    """Heads that compare every output frame with every other one, and `longest` (see `Component`), of modules in a row.

    A head over twice as many frames as the output has counts as four.
    """
    length, heads, limits = Length(), 0, [0]
    for part in parts:
        if part.longest:
            limits.append(length.shortest(part.longest + 1) - 1)
        length = length.then(part.length)
        if getattr(part, "sees_all_frames", True):
            heads = max(heads, math.ceil(most_heads(part) * (whole.stride / length.stride) ** 2))
    return heads, min(filter(None, limits), default=0)


class SpeechModel(FeatureExtraction, AbsESPnetModel, StreamingModel):
    """Base of recognisers.

    Attributes:
        vocab_size: V.
        token_list: the tokens in the order of their indices.
        blank_id, sos, eos: indices of blank, start and end symbol.
        frontend: front end; None if the input is features.
        specaug: augmentation of features in training, or None.
        normalize: normalisation of features, or None.
        preencoder, encoder, postencoder: encoder with the modules before and after it, which may be None.
        ctc, decoder, joint_network: output heads; None for those that a model does not have.
        conditioned: whether layers of the encoder read what CTC makes of those before them.
    """

    vocab_size: int
    token_list: list[str]
    blank_id: int
    sos: int
    eos: int
    preencoder: Any
    encoder: Any
    postencoder: Any
    ctc: Any
    decoder: Any
    joint_network: Any
    conditioned: bool = False

    def encode(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[torch.Tensor | tuple[torch.Tensor, Intermediate], torch.Tensor]:
        """Encode samples (B, N), or features (B, T, C) where there is no front end, of lengths (B,).

        Returns:
            Encoder output (B, T', D) and its lengths (B,); (B, S, T', D) and (B, S) from an encoder that separates
            speakers. With intermediate CTC the first is a pair: the output, and (layer, its output) for each layer
            with intermediate CTC.
        """
        encoder_out, encoder_out_lens = self.encode_before_postencoder(speech, speech_lengths)
        if self.postencoder is not None:
            output, encoder_out_lens = self.postencoder(last_output(encoder_out), encoder_out_lens)
            encoder_out = (output, encoder_out[1]) if isinstance(encoder_out, tuple) else output
        return encoder_out, encoder_out_lens

    def encode_before_postencoder(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[torch.Tensor | tuple[torch.Tensor, Intermediate], torch.Tensor]:
        """`encode` without post-encoder."""
        feats, feats_lengths = self.extract_feats(speech, speech_lengths)
        if self.preencoder is not None:
            feats, feats_lengths = self.preencoder(feats, feats_lengths)
        encoder_out, encoder_out_lens = feats, feats_lengths
        if self.encoder is not None:
            options = {"ctc": self.ctc} if self.conditioned else {}
            encoder_out, encoder_out_lens, _ = self.encoder(feats, feats_lengths, **options)
        return encoder_out, encoder_out_lens

    def encode_speech(self, speech: torch.Tensor, speech_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`encode` without the outputs of intermediate layers: (B, T', D) and lengths (B,)."""
        encoded, lengths = self.encode(speech, speech_lengths)
        return last_output(encoded), lengths

    def generation(self) -> Mapping[str, Any]:
        """Search rules of the model's own, if it has any (see `espnet2.runtime.search`)."""
        rules = getattr(self.decoder, "generation", None)
        return {} if rules is None else rules()

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """Return the parts of the model: "encoder" (samples in), "ctc", and those of the decoder and the joint
        network."""
        known = (self.ctc, self.decoder, self.joint_network)
        heads: Sequence[Any] = [module for module in known if module is not None]
        return (
            (self, self._encoder_component()),
            *((module, component) for module in heads for component in module.components()),
        )

    def _encoder_component(self) -> Component:
        """Component of the encoder, from the first submodule's input to the last one's output."""
        if self.encoder is None:
            raise ConfigError("encoder: expected one in a model that is exported, found none")
        (encoder,) = self.encoder.components()
        parts, inputs = self._chain(), self._reads(encoder)
        *others, frames, size = encoder.outputs[0].axes
        for part in parts[[part is self.encoder for part in parts].index(True) + 1 :]:
            size = part.output_size()
            frames = frames if isinstance(frames, str) else part.length(frames)
        hidden = dataclasses.replace(encoder.outputs[0], axes=(*others, frames, size))
        length = functools.reduce(Length.then, (part.length for part in parts))
        heads, longest = _cost(parts, length)
        return Component(
            name="encoder",
            method="encode_speech",
            inputs=inputs,
            outputs=(hidden, encoder.outputs[1]),
            lengths=(OutputLength("out_frames", inputs[1].length_of, length),),
            attributes={
                "attention_heads": heads,
                "longest": longest,
                "least_channels": 1 if self.frontend is None else self.frontend.least_channels,
            },
        )

    def _chain(self) -> list[Any]:
        """Parts that inputs go through, in order."""
        return [part for part in (self.frontend, self.preencoder, self.encoder, self.postencoder) if part is not None]

    def _reads(self, encoder: Component) -> tuple[Tensor, Tensor]:
        """Inputs: samples, or features without a front end, and their lengths."""
        reader = self.frontend or self.preencoder
        speech = encoder.inputs[0] if reader is None else Tensor("speech", ("batch", *reader.reads))
        return (
            dataclasses.replace(speech, name="speech"),
            Tensor("speech_lengths", ("batch",), "int64", length_of=str(speech.axes[1])),
        )
