"""Base of models that give one result for each utterance: front end, encoder, and a head over the encoder output."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from espnet2.asr.speech_model import SpeechModel
from espnet2.interface.spec import Component, OutputLength
from espnet2.interface.spec import Tensor as Declared


class UtteranceModel(SpeechModel):
    """Base of such models, which set the parts of `SpeechModel` that they have."""

    postencoder = ctc = joint_network = None

    def encode(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Any, Tensor]:
        """Encode samples (B, N), or features (B, T, C) where there is no front end: (B, T', D), lengths (B,)."""
        feats, lengths = self.extract_feats(speech, speech_lengths)
        if self.preencoder is not None:
            feats, lengths = self.preencoder(feats, lengths)
        encoder_out, lengths, _ = self.encoder(feats, lengths)
        return encoder_out, lengths

    def collect_feats(self, speech: Tensor, speech_lengths: Tensor, **kwargs: Tensor) -> dict[str, Tensor]:
        """Features before normalisation, and their lengths, which statistics of the training data are made of."""
        if self.frontend is not None:
            speech, speech_lengths = self.frontend(speech, speech_lengths)
        return {"feats": speech, "feats_lengths": speech_lengths}

    def utterance_parts(
        self, name: str, method: str, output: Declared
    ) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """The graph `name`: samples, or features where there is no front end, to `output`, by the method `method`."""
        component = self._encoder_component()
        # Frames are no axis of the output, but there has to be one of them.
        lengths = tuple(OutputLength("encoded_frames", rule.source, rule.length) for rule in component.lengths)
        return ((self, dataclasses.replace(component, name=name, method=method, outputs=(output,), lengths=lengths)),)
