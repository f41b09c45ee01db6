"""Export hooks that the tasks of speech recognition share."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet2.interface.check import Check
from espnet2.interface.errors import ConfigError, OptionError
from espnet2.interface.graph import Graph
from espnet2.runtime.compare import difference
from espnet2.runtime.families.search import search_model
from espnet2.runtime.family import Family
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.runtime.stream_encoder import StreamEncoder
from espnet2.tasks.exported import BundledFile, ExportedTask, Part
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import load_tokenizer

DEFAULT_SAMPLE_RATE = 16000  # Hz, of models whose features are computed elsewhere
SPECIAL = {
    "blank": "blank_id",
    "sos": "sos",
    "eos": "eos",
    "mask": "mask_token",
}  # and the attribute that has the index
# Of an encoder whose chunks are a choice, in its frames: a chunk, and what it reads before and after it.
CHUNKS = {"chunk_size": 16, "left_context": 32, "right_context": 0}
ODD_PIECE = 1237  # samples of a stream's piece, about


class RecognitionTask(ExportedTask):
    """Recognisers with a vocabulary; a language model over the same tokens and an n-gram model may go with them."""

    @classmethod
    def tokenizer(cls, model: Any, config: Namespace, source: Path | None = None) -> AbsTokenizer | None:
        """Build the tokenizer of a recogniser's configuration."""
        return tokenizer_of(model, config, source=source)

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> SearchSection:
        """Return sampling rate, tokens, special tokens, tokenizer, sizes of streams, and options of generation."""
        rates = (getattr(part, "fs", None) for part in (model.frontend, model.preencoder))
        own = None if tokenizer is None else tokenizer.token_list
        described = None
        if tokenizer is not None:
            entries, _ = tokenizer.bundled()
            described = {"token_type": config.token_type, **{k: v for k, v in entries.items() if k != "bpemodel"}}
        return SearchSection(
            sample_rate=next((rate for rate in rates if rate is not None), DEFAULT_SAMPLE_RATE),
            tokens=list(model.token_list if own is None else own),
            special={name: int(getattr(model, key)) for name, key in SPECIAL.items() if hasattr(model, key)},
            tokenizer=described,
            streaming=dict(model.streaming()) if streams else {},
            generation=dict(model.generation()),
        )

    @classmethod
    def bundled_files(cls, tokenizer: AbsTokenizer | None, files: Mapping[str, Path]) -> dict[str, BundledFile]:
        """Return the tokenizer's model and the n-gram model, if any."""
        found: dict[str, BundledFile] = {}
        if tokenizer is not None:
            found |= dict(zip(("bpemodel",), tokenizer.bundled()[1].items(), strict=False))
        if "ngram_file" in files:
            found["ngram"] = (f"ngram{files['ngram_file'].suffix}", files["ngram_file"])
        return found

    @classmethod
    def runtime_model(
        cls, family: Family, graphs: Mapping[str, Graph], section: Any, trained: Any, options: DecodeOptions
    ) -> SearchModel:
        """Return the model with the tokenizer and the n-gram scorer of the trained one."""
        return search_model(graphs, section, trained.tokenizer, trained.files.get("ngram_file"), options)

    @classmethod
    def stream_parts(cls, model: Any, chunks: Mapping[str, int | None]) -> tuple[tuple[Part, ...], dict[str, int]]:
        """Return the parts with the streaming encoder, whose chunks have the sizes of `chunks`, else of `CHUNKS`."""
        numbers = cut_streams(model.encoder, chunks)
        return tuple(model.streaming_parts()), numbers

    @classmethod
    def require_companion(cls, name: str, config: Namespace, companion: Namespace, source: Path) -> None:
        """Raise `ConfigError` for a language model with other tokens than the recogniser."""
        if companion.token_list != config.token_list:
            raise ConfigError(
                f"{source}: expected the recogniser's token list of {len(config.token_list)} tokens, "
                f"found another one of {len(companion.token_list)}"
            )

    @classmethod
    def further_checks(cls, trained: Any, graphs: Mapping[str, Graph], signals: Mapping[str, Any]) -> list[Check]:
        """Compare encoder outputs of streams in pieces of odd sizes with those of the whole utterance on PyTorch.

        Where the encoder's blocks are not made to equal the whole utterance, the steps of PyTorch are the reference.
        """
        if not trained.section.streaming:
            return []
        whole = trained.model.encoder.streams_as_whole
        reference, candidate = (
            StreamEncoder(given["encoder_step"], trained.section.streaming) for given in (trained.graphs, graphs)
        )
        checks = []
        for name, signal in signals.items():
            speech = np.asarray(signal, np.float32)
            expected = _encode_whole(trained.model, speech) if whole else _encode_stream(reference, [speech])
            found = _encode_stream(candidate, np.array_split(speech, len(speech) // ODD_PIECE + 1))
            checks.append(Check("stream", name, difference(expected, found)))
        return checks


def tokenizer_of(
    model: Any,
    config: Namespace,
    token_type: str | None = None,
    bpemodel: str | Path | None = None,
    source: str | Path | None = None,
) -> AbsTokenizer | None:
    """Build the tokenizer of a configuration, or of the kind and file given instead; errors name `source`."""
    options = getattr(config, "preprocessor_conf", {})
    prompt = {name: options.get(f"whisper_{name}") for name in ("language", "task")}
    token_type, bpemodel = token_type or config.token_type, bpemodel or config.bpemodel
    return load_tokenizer(token_type, bpemodel, source, token_list=model.token_list, **prompt)


def cut_streams(encoder: Any, chunks: Mapping[str, int | None]) -> dict[str, int]:
    """Set the chunk sizes of an encoder; return them, or none for an encoder with sizes of its own.

    Raises `OptionError` for a number that the encoder does not take.
    """
    given = {name: number for name, number in chunks.items() if number is not None}
    set_streaming = getattr(encoder, "set_streaming", None)
    if set_streaming is None:
        if given:
            name, number = next(iter(given.items()))
            raise OptionError(f"{name}: expected none, since {type(encoder).__name__} takes no other, found {number}")
        return {}
    numbers = {**CHUNKS, **given}
    try:
        set_streaming(**numbers)
    except ValueError as error:
        raise OptionError(str(error)) from error
    return numbers


def _encode_whole(model: Any, speech: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        encoded, lengths, *_ = model.encode_speech(torch.from_numpy(speech)[None], torch.tensor([len(speech)]))
    return encoded[0, : lengths[0]].numpy()


def _encode_stream(encoder: StreamEncoder, pieces: Sequence[np.ndarray]) -> np.ndarray:
    state, found = encoder.begin(), []
    for index, piece in enumerate(pieces, 1):
        (frames,), (state,) = encoder.advance([state], [piece], [index == len(pieces)])
        found.append(frames)
    return np.concatenate(found)
