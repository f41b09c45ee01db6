"""Components of multi-decoder models beside those of recognition and of translation."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from espnet2.interface import spec

PREFIX = "asr_"  # of graphs that recognise
BETWEEN, FURTHER = "recognised_encoder", "further_encoder"
LENGTHS = spec.Tensor("encoder_out_lens", ("batch",), "int64", length_of="frames")


def recognising(component: spec.Component) -> spec.Component:
    """A component of a recogniser by the name that it has in a multi-decoder model."""
    return dataclasses.replace(component, name=PREFIX + component.name)


def between(encoder: spec.Component, md_encoder: Any, src_vocab_size: int) -> spec.Component:
    """Component of `ESPnetSTModel.encode_recognised`, behind the encoder's."""
    return spec.Component(
        name=BETWEEN,
        method="encode_recognised",
        inputs=(
            _speech(encoder),
            LENGTHS,
            spec.Tensor("tokens", ("batch", "tokens"), "int64", below=src_vocab_size),
            spec.Tensor("token_lengths", ("batch",), "int64", length_of="tokens"),
        ),
        outputs=(
            spec.Tensor("recognised_out", ("batch", "out_frames", md_encoder.output_size())),
            spec.Tensor("recognised_out_lens", ("batch",), "int64", length_of="out_frames"),
        ),
        lengths=(spec.OutputLength("out_frames", "tokens", md_encoder.length),),
    )


def further(encoder: spec.Component, parts: Sequence[Any]) -> spec.Component:
    """Component of `ESPnetSTModel.encode_further`, which these parts make up, behind the encoder's."""
    length = functools.reduce(spec.Length.then, (part.length for part in parts))
    return spec.Component(
        name=FURTHER,
        method="encode_further",
        inputs=(_speech(encoder), LENGTHS),
        outputs=(
            spec.Tensor("further_out", ("batch", "out_frames", parts[-1].output_size())),
            spec.Tensor("further_out_lens", ("batch",), "int64", length_of="out_frames"),
        ),
        lengths=(spec.OutputLength("out_frames", "frames", length),),
    )


def _speech(encoder: spec.Component) -> spec.Tensor:
    """The encoder output as an input."""
    return spec.Tensor("encoder_out", ("batch", "frames", encoder.outputs[0].axes[-1]))
