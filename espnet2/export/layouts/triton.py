"""A recogniser as a model repository of Triton Inference Server, for its onnxruntime backend.

    DIRECTORY/recognizer/config.pbtxt, tokens.txt, 1/model.onnx       of whole utterances: samples in, token ids out
    DIRECTORY/stream_encoder/config.pbtxt, tokens.txt, 1/model.onnx   of streams: frames and CTC's best tokens out

Triton joins requests along the first axis of all tensors, which therefore all have it: numbers of an utterance, its
options among them, are (batch, 1). It keeps the states of streams, which are zeros at first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from espnet2.export.decoding_table import pieces_of, table_lines
from espnet2.export.one_graph_recognizer import ALSD, OneGraphRecognizer
from espnet2.export.trace import export_component
from espnet2.inference.trained import Trained
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component, State, Tensor
from espnet2.runtime.families.search import SearchFamily
from espnet2.runtime.session import EXTERNAL_DATA_SUFFIX

RECOGNIZER, STREAM = "recognizer", "stream_encoder"
CONFIG, TOKENS, MODEL = "config.pbtxt", "tokens.txt", "1/model.onnx"
FILES = tuple(
    f"{name}/{file}" for name in (RECOGNIZER, STREAM) for file in (CONFIG, TOKENS, MODEL, MODEL + EXTERNAL_DATA_SUFFIX)
)
MOST = 16  # requests of a batch
COMPANY = {"max_queue_delay_microseconds": 5_000}  # that a request waits for others
STREAMS = 256  # at once
IDLE = 60_000_000  # microseconds without a request, after which a stream is forgotten


class BatchedRecognizer(nn.Module):
    """A recogniser in one graph, each utterance of a batch with its own options, all of them (B, 1).

    Args:
        one: The recogniser.

    Raises:
        OptionError: Its search has options of the whole batch.
    """

    def __init__(self, one: OneGraphRecognizer) -> None:
        super().__init__()
        if one.kind == ALSD:
            raise OptionError(f"expected a search whose options each request can have for itself, found {ALSD}")
        self.one = one

    def recognize(
        self, speech: torch.Tensor, lengths: torch.Tensor, *options: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Outputs of `component`, of its inputs in their order."""
        found = self.one.recognize(speech, lengths.squeeze(1), *(option.squeeze(1) for option in options))
        return tuple(value.unsqueeze(1) if value.dim() == 1 else value for value in found)

    def component(self) -> Component:
        """The declared graph."""
        one = self.one.component()
        speech, lengths, *options = one.inputs
        own = Tensor(lengths.name, ("batch", 1), "int64", below=speech.axes[1])
        outputs = tuple(map(_of_batch, one.outputs))
        inputs = (speech, own, *(replace(option, axes=("batch", 1)) for option in options))
        return replace(one, inputs=inputs, outputs=outputs)

    def parameters_of_triton(self) -> dict[str, str]:
        """Parameters of the configuration that a client needs to know."""
        known = self.one.metadata()
        return {name: known[name] for name in ("sample_rate", "options")}


class BatchedStream(nn.Module):
    """The encoder of streams, whose numbers of each stream are (B, 1), and CTC's best token of each frame.

    Args:
        parts: Modules of the model with their components, that of `encoder_step` first.
        section: Of its bundle.

    Raises:
        OptionError: Triton cannot keep its states.
    """

    def __init__(self, parts: Sequence[tuple[nn.Module, Component]], section: Any) -> None:
        super().__init__()
        (self.encoder, self.step), *others = parts
        self.section = section
        self.ctc: Any = next((module for module, component in others if component.name == "ctc"), None)
        for state in self.step.states:
            first, *axes = state.input.axes
            if first != "batch" or state.appended or any(isinstance(axis, str) for axis in axes):
                raise OptionError(f"expected states of fixed sizes, found {state.input.name} {state.input.axes}")

    def encode(self, speech: torch.Tensor, *feeds: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Outputs and states of `component`, of its inputs and states in their order."""
        given = [
            feed.squeeze(1) if len(tensor.axes) == 1 else feed
            for tensor, feed in zip(self.step.feeds[1:], feeds, strict=True)
        ]
        results = getattr(self.encoder, self.step.method)(speech, *given)
        found = [result.unsqueeze(1) if result.dim() == 1 else result for result in results]
        best = [] if self.ctc is None else [self.ctc.log_softmax(results[0]).argmax(dim=-1)]
        return (*found[:2], *best, *found[2:])

    def component(self) -> Component:
        """The declared graph."""
        best = () if self.ctc is None else (Tensor("token_ids", self.step.outputs[0].axes[:2], "int64"),)
        return replace(
            self.step,
            name=STREAM,
            method="encode",
            inputs=tuple(map(_of_batch, self.step.inputs)),
            outputs=(*map(_of_batch, self.step.outputs), *best),
            states=tuple(State(_of_batch(state.input), _of_batch(state.output)) for state in self.step.states),
        )

    def parameters_of_triton(self) -> dict[str, str]:
        """Parameters of the configuration that a client needs to know."""
        blank = self.section.special["blank"]
        known = {"sample_rate": self.section.sample_rate, "blank": blank, **self.section.streaming}
        return {name: str(value) for name, value in known.items()}


def _of_batch(tensor: Tensor) -> Tensor:
    """The tensor, with an axis behind that of the batch where it has no other."""
    return replace(tensor, axes=(*tensor.axes, 1)) if len(tensor.axes) == 1 else tensor


def write(trained: Trained, directory: Path, options: Mapping[str, Any]) -> BatchedRecognizer | BatchedStream:
    """Write the repository of a recogniser, of streams where it is one for them.

    Args:
        trained: It.
        directory: Where to, an empty one.
        options: `search` and `beam_size` of whole utterances.

    Returns:
        What the graph was made of.

    Raises:
        OptionError: A model that is no recogniser, or cannot be one graph.
    """
    if not isinstance(trained.family, SearchFamily):
        raise OptionError(f"expected a recogniser, found a model of {trained.family.subject}")
    section = trained.section
    search = {name: options[name] for name in ("search", "beam_size") if name in options}
    if section.streaming and search:
        raise OptionError("expected no search of streams, whose clients search, found one")
    module: Any = (
        BatchedStream(trained.parts, section)
        if section.streaming
        else BatchedRecognizer(OneGraphRecognizer(trained.parts, section, **search))
    )
    component = module.component()
    own = directory / component.name
    (own / MODEL).parent.mkdir(parents=True)
    export_component(module, component, own / MODEL)
    parameters = module.parameters_of_triton()
    pieces = pieces_of(section.tokens, (section.tokenizer or {}).get("token_type"))
    if pieces is not None:
        (own / TOKENS).write_bytes(table_lines(pieces))
    (own / CONFIG).write_text("".join(lines(configuration(component, parameters))), encoding="utf-8")
    return module


class Word(str):
    """A name of Triton's configuration, which has no quotes there."""


TYPES = {name: Word(f"TYPE_{kind}") for name, kind in (("float32", "FP32"), ("int64", "INT64"), ("bool", "BOOL"))}


def configuration(component: Component, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Triton's configuration of a graph: requests are joined to batches, and states are kept from step to step."""
    states = [
        {
            "input_name": state.input.name,
            "output_name": state.output.name,
            "data_type": TYPES[state.input.dtype],
            "dims": _dims(state.input),
            "initial_state": {
                "name": state.input.name,
                "data_type": TYPES[state.input.dtype],
                "dims": _dims(state.input),
                "zero_data": True,
            },
        }
        for state in component.states
    ]
    oldest = {"max_candidate_sequences": STREAMS, **COMPANY}
    streams = {"max_sequence_idle_microseconds": IDLE, "oldest": oldest, "state": states}
    return {
        "name": component.name,
        "backend": "onnxruntime",
        "max_batch_size": MOST,
        "input": [_tensor(tensor) for tensor in component.inputs],
        "output": [_tensor(tensor) for tensor in component.outputs],
        **({"sequence_batching": streams} if states else {"dynamic_batching": COMPANY}),
        "parameters": [{"key": key, "value": {"string_value": value}} for key, value in parameters.items()],
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "data_type": TYPES[tensor.dtype], "dims": _dims(tensor)}


def _dims(tensor: Tensor) -> list[int]:
    """Sizes behind the axis of the batch; -1: any."""
    return [axis if isinstance(axis, int) else -1 for axis in tensor.axes[1:]]


def lines(message: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The lines of a message in protobuf's text format."""
    for name, value in message.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                yield f"{indent}{name} {{\n"
                yield from lines(item, f"{indent}  ")
                yield f"{indent}}}\n"
            else:
                yield f"{indent}{name}: {item if isinstance(item, Word) else json.dumps(item)}\n"
