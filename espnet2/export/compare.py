"""A trained model against graphs made from it: component by component, then by what both hear in the same speech."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from espnet2.export.examples import draw, trace_sizes
from espnet2.export.trained import Trained
from espnet2.export.verify import difference, verify_component, verify_decode
from espnet2.fileio.recording import recording_of_file
from espnet2.interface.check import Check
from espnet2.interface.errors import AudioError, OptionError
from espnet2.interface.graph import Graph
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import Results, by_speaker
from espnet2.runtime.stream_encoder import StreamEncoder
from espnet2.utils.edit_distance import edit_distance

GENERATED_OUTPUT_LENGTH = 50  # encoder frames of the signal that is decoded where no recording is given
ODD_PIECE = 1237  # samples of a stream's piece, about
GENERATED_TOKENS = 20  # such a signal has no end, so hypotheses are cut there

# Of a transducer, whose default search takes long where nothing is said; of utterances and streams.
SHORT_SEARCH = {"search_type": "tsd", "max_sym_exp": 2}
BEAM = 5
COMPARED = 3  # hypotheses of each n-best list

Signals = Mapping[str, np.ndarray]


def read_signals(trained: Trained, recordings: Sequence[str | Path] = ()) -> dict[str, np.ndarray]:
    """Speech to decode, by name: the recordings, or noise where there are none.

    Raises `AudioError` for a recording that cannot be read, `OptionError` for any where the model reads features.
    """
    _, encoder = trained.model.parts()[0]  # that of whole utterances
    if recordings:
        if trained.model.frontend is None:
            raise OptionError(f"recordings: expected none for a model that reads features, found {len(recordings)}")
        axes = len(encoder.inputs[0].axes) - 1  # without that of the batch
        return {str(path): recording_of_file(str(path)).read(trained.sample_rate, axes) for path in recordings}
    (rule,) = encoder.lengths
    sizes = {**trace_sizes(encoder), "batch": 1, rule.source: rule.length.shortest(GENERATED_OUTPUT_LENGTH)}
    return {"generated signal": 0.1 * draw(encoder, sizes)[encoder.inputs[0].name][0]}


def compare_components(trained: Trained, graphs: Mapping[str, Graph]) -> list[Check]:
    """Every component over all cases of `verify`."""
    checks = []
    references = trained.graphs
    for _, component in tqdm(trained.parts, desc="verify", unit="graph"):
        checks += verify_component(component, references[component.name], graphs[component.name])
    return checks


def compare_streams(trained: Trained, graphs: Mapping[str, Graph], signals: Signals) -> list[Check]:
    """What `graphs` encode of each signal, a stream in pieces of odd sizes; nothing for recognisers of utterances.

    It is compared with what PyTorch makes of the whole utterance, where the encoder's blocks are made to equal that,
    else with the steps that PyTorch takes.
    """
    if not trained.streams:
        return []
    whole = trained.model.encoder.streams_as_whole
    reference, candidate = (
        StreamEncoder(given["encoder_step"], trained.streaming) for given in (trained.graphs, graphs)
    )
    checks = []
    for name, speech in signals.items():
        piece = np.asarray(speech, np.float32)
        expected = _encode_whole(trained, piece) if whole else _encode_stream(reference, [piece])
        found = _encode_stream(candidate, np.array_split(piece, len(piece) // ODD_PIECE + 1))
        checks.append(Check("stream", name, difference(expected, found)))
    return checks


def _encode_whole(trained: Trained, speech: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        encoded, lengths = trained.model.encode_speech(torch.from_numpy(speech)[None], torch.tensor([len(speech)]))
    return encoded[0, : lengths[0]].numpy()


def _encode_stream(encoder: StreamEncoder, pieces: Sequence[np.ndarray]) -> np.ndarray:
    state, found = encoder.begin(), []
    for index, piece in enumerate(pieces, 1):
        (frames,), (state,) = encoder.advance([state], [piece], [index == len(pieces)])
        found.append(frames)
    return np.concatenate(found)


def compare_decodes(trained: Trained, graphs: Mapping[str, Graph], signals: Signals, bounded: bool) -> list[Check]:
    """The n-best lists of PyTorch and of `graphs`, for each signal; `bounded` cuts hypotheses short."""
    reference = _recognizer(trained, trained.graphs, bounded, BEAM)
    candidate = _recognizer(trained, graphs, bounded, COMPARED)
    checks = []
    for name, speech in tqdm(signals.items(), desc="decode", unit="utterance"):
        try:
            expected, found = by_speaker(reference(speech)), by_speaker(candidate(speech))
            checks += [verify_decode(expected[key], found[key], name + key) for key in expected]
        except AudioError as error:
            raise AudioError(f"{name}: {error}") from error
    return checks


def token_error_rate(
    trained: Trained, graphs: Mapping[str, Graph], others: Mapping[str, Graph], signals: Signals, bounded: bool
) -> float:
    """Edits that turn the best hypotheses of `graphs` into those of `others`, per token of the former."""
    reference, candidate = _recognizer(trained, graphs, bounded, 1), _recognizer(trained, others, bounded, 1)
    expected = [_best(reference, speech) for speech in signals.values()]
    found = [_best(candidate, speech) for speech in signals.values()]
    errors = sum(edit_distance(e, f) for e, f in zip(expected, found, strict=True))
    return errors / max(1, sum(map(len, expected)))


def _best(recognizer: Callable[[Any], Results], speech: np.ndarray) -> list[int]:
    return [
        token for nbest in by_speaker(recognizer(speech)).values() for best in nbest[:1] for token in best.token_int
    ]


def _recognizer(trained: Trained, graphs: Mapping[str, Graph], bounded: bool, nbest: int) -> Callable[[Any], Results]:
    trained_search = "search_type" in trained.model.generation()  # no other one works
    options = DecodeOptions(
        beam_size=BEAM,
        nbest=nbest,
        ctc_weight=0.3 if {"ctc", "decoder_step"} <= set(graphs) else float("ctc" in graphs),
        lm_weight=0.3,
        ngram_weight=0.3,
        maxlenratio=-float(GENERATED_TOKENS) if bounded else 0.0,
        transducer_conf=SHORT_SEARCH if bounded and "joint_step" in graphs and not trained_search else None,
    )
    return trained.hear(options, graphs)
