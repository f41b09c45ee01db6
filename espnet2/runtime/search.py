"""Kinds of searches, a row of `KINDS` each, from which all that depends on the kind derives.

A model with a graph of its own (a transducer's joint network, the masked language model of Mask-CTC) has a search of
its own; any other has the label-synchronous beam search, or the one that an option asks for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from espnet2.interface.errors import BundleError, OptionError
from espnet2.interface.spec import Component
from espnet2.runtime import search_makers as makers
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_makers import Blocks
from espnet2.runtime.search_model import SearchModel

ENCODERS = ("encoder", "encoder_step")  # of whole utterances, of streams
# Graphs of the scorers that a search may mix; "ngram" stands for an n-gram model, which is no graph.
SCORERS: Mapping[str, tuple[str, ...]] = {
    "decoder": ("decoder_step", "decoder_start"),
    "ctc": ("ctc",),
    "lm": ("lm_step",),
    "ngram": ("ngram",),
}
# Numbers of inputs and outputs, without states.
_COUNTS = {"encoder": (2, 2), "encoder_step": (2, 2), "ctc": (1, 1), "mlm": (4, 1)}
_COUNTS |= {"joint_start": (1, 1), "joint_step": (2, 1)}
# Inputs of steps besides the results of `decoder_start`.
_STEP_INPUTS = {"tokens", "parents", "positions", "visible", "joint_frame", "decoder_out"}
_STEP_INPUTS |= {"encoder_out", "memory_lengths", "speech_lengths"}
SYLLABLE = 0.2  # seconds: the best guess on spoken digits of how long a transducer's token lasts

_HOTWORDS = frozenset({"hotwords", "hotword_weight"})
_WEIGHTED = _HOTWORDS | {"beam_size", "ctc_weight", "lm_weight", "ngram_weight", "penalty"}
_BY_LABEL = _WEIGHTED | {"maxlenratio", "minlenratio", "normalize_length"}
_BLOCKS = frozenset({"search_block_size", "search_hop_size", "search_look_ahead"})
_ONLINE = _BY_LABEL | _BLOCKS | {"disable_repetition_detection", "ctc_blanks_only"}


@dataclass(frozen=True)
class SearchKind:
    """A kind of search.

    Attributes:
        name: In messages.
        make: Makes the search of whole utterances.
        reads: Options that it reads, beside those that do not depend on the search.
        make_stream: Makes the search of a stream; None: it needs the whole utterance.
        stream_reads: As `reads`, in a stream.
        graph: Graph that makes a model one of this kind; none: the option called `name` asks for it.
        needs: Graphs that it uses whatever the weights.
        special: Symbols beside blank, start and end that it needs.
        scorers: Names in `SCORERS` that it mixes by weight.
        takes_prompt: Whether texts may begin with other tokens than the start symbol.
        ends_with_eos: Whether hypotheses end with a symbol that is no part of the text.
        gives_frames: Whether hypotheses have the frames of their tokens.
        longest_token: Seconds that a token lasts at most, where `gives_frames` is about the first frame; 0: about all.
        short: Options with which the search of a signal without speech does not take long.
    """

    name: str
    make: Callable[[SearchModel, DecodeOptions], Any]
    reads: frozenset[str]
    make_stream: Callable[[SearchModel, DecodeOptions, Blocks], Any] | None = None
    stream_reads: frozenset[str] = frozenset()
    graph: str = ""
    needs: tuple[str, ...] = ()
    special: tuple[str, ...] = ()
    scorers: tuple[str, ...] = ()
    takes_prompt: bool = True
    ends_with_eos: bool = True
    gives_frames: bool = False
    longest_token: float = 0.0
    short: Mapping[str, Any] = field(default_factory=dict)


USUAL = SearchKind(
    name="label_synchronous",
    make=makers.label_synchronous,
    reads=_BY_LABEL | {"ctc_window_margin"},
    make_stream=makers.label_synchronous_online,
    stream_reads=_ONLINE | {"encoded_feat_length_limit"},
    scorers=("decoder", "ctc", "lm", "ngram"),
)
TRANSDUCER = SearchKind(
    name="transducer",
    make=makers.transducer,
    reads=_HOTWORDS | {"beam_size", "lm_weight", "transducer_conf"},
    make_stream=makers.transducer_online,
    stream_reads=_HOTWORDS | {"beam_size", "lm_weight", "transducer_conf"},
    graph="joint_step",
    needs=("joint_start", "joint_step", "decoder_step"),
    scorers=("lm",),
    ends_with_eos=False,
    gives_frames=True,
    longest_token=SYLLABLE,
    short={"transducer_conf": {"search_type": "tsd", "max_sym_exp": 2}},
)
KINDS = (
    TRANSDUCER,
    SearchKind(
        name="Mask-CTC",
        make=makers.mask_ctc,
        reads=frozenset({"maskctc_n_iterations", "maskctc_threshold_probability"}),
        graph="mlm",
        needs=("ctc", "mlm"),
        special=("mask",),
    ),
    SearchKind(
        name="time_sync",
        make=makers.time_synchronous,
        reads=_WEIGHTED,
        make_stream=makers.time_synchronous_online,
        stream_reads=_WEIGHTED | _BLOCKS,
        needs=("ctc",),
        scorers=("decoder", "lm", "ngram"),
        takes_prompt=False,
    ),
    SearchKind(
        name="hugging_face_decoder",
        make=makers.generation,
        reads=frozenset({"hugging_face_decoder_conf"}),
        needs=("decoder_step", "decoder_start"),
    ),
    SearchKind(
        name="ctc_greedy",
        make=makers.greedy,
        reads=frozenset(),
        make_stream=makers.greedy_online,
        needs=("ctc",),
        gives_frames=True,
    ),
    SearchKind(
        name="partial_ar",
        make=makers.partially_autoregressive,
        reads=_WEIGHTED | {"threshold_probability", "max_seq_len"},
        needs=("ctc", "decoder_step"),
        scorers=("decoder", "lm", "ngram"),
        takes_prompt=False,
    ),
    SearchKind(
        name="streaming",
        make=makers.simulated_stream,
        reads=_ONLINE,
        scorers=("decoder", "ctc", "lm", "ngram"),
    ),
    USUAL,
)


def kind_of(graphs: Collection[str], options: DecodeOptions) -> SearchKind:
    """The kind of search of a model with these graphs.

    Raises `OptionError` where options ask for the search of another kind of model.
    """
    own = next((kind for kind in KINDS if kind.graph and kind.graph in graphs), None)
    if options.transducer_conf and own is not TRANSDUCER:
        raise OptionError(
            f"transducer_conf: expected none, since the model is no transducer; found {options.transducer_conf}"
        )
    asked = next((kind for kind in KINDS if options.asks_for(kind.name)), None)
    if asked is not None and own is not None:
        raise OptionError(f"{asked.name}: expected False, since the model has a search of its own; found True")
    return own or asked or USUAL


def make_search(model: SearchModel, options: DecodeOptions) -> Any:
    """The search of whole utterances, called with an encoder output (T, D), `maxlenratio` and `minlenratio`.

    Raises `OptionError` where an option asks for what the model does not have.
    """
    kind = kind_of(model.graphs, options)
    _require(kind, model)
    return kind.make(model, options)


def make_streaming_search(model: SearchModel, options: DecodeOptions, blocks: Blocks) -> Any:
    """A search of one stream, see `espnet2.runtime.search_makers`; many may share a model.

    Args:
        model: Graphs, tokens and scorers.
        options: Of the search.
        blocks: Size, hop and look-ahead of the encoder's blocks, in its frames.

    Raises:
        OptionError: An option asks for what the model does not have, or what no stream has.
    """
    kind = kind_of(model.graphs, options)
    if kind.make_stream is None:
        raise OptionError(
            f"{kind.name}: expected a search that works on a stream, found one that needs the whole utterance"
        )
    _require(kind, model)
    return kind.make_stream(model, options, blocks)


def _require(kind: SearchKind, model: SearchModel) -> None:
    for graph in kind.needs:
        if graph not in model.graphs:
            raise OptionError(f"{kind.name}: expected a model with {graph}, found {', '.join(model.graphs)}")
    if model.hotwords is not None and "hotwords" not in kind.reads:
        raise OptionError(f"hotwords: expected a search that mixes scores, found {kind.name}")
    if model.primer is not None and not kind.takes_prompt:
        raise OptionError(f"{kind.name}: expected False, since texts of this model begin with a prompt, found True")


def fitting_ctc_weight(graphs: Collection[str], wanted: float) -> float:
    """The weight of CTC in a model with these graphs: 1 without a decoder, 0 without CTC, else as wanted."""
    if not {"decoder_step", "ctc"} <= set(graphs):
        return float("ctc" in graphs)
    return wanted


def graphs_used(graphs: Collection[str], options: DecodeOptions) -> set[str]:
    """Those of a model's graphs that are run with these options; `ngram` among them stands for an n-gram model.

    Scorers without weight are not asked. CTC is run for its weight, to align texts where the search gives no frames
    (`timestamps`), and where recordings may be cut (`long_form`).

    Raises `OptionError` as `kind_of` does.
    """
    kind = kind_of(graphs, options)
    weight = fitting_ctc_weight(graphs, options.ctc_weight)
    weights = makers.weights(dataclasses.replace(options, ctc_weight=weight))
    mixed = {graph for scorer in kind.scorers if weights[scorer] for graph in SCORERS[scorer]}
    aligned = options.timestamps != "none" and not kind.gives_frames
    cut = "encoder" in graphs and str(options.long_form).lower() != "false"
    used = {*ENCODERS, *kind.needs, *mixed, *(["ctc"] if aligned or cut else [])}
    if "decoder_step" in used:
        used.add("decoder_start")
    return used & set(graphs)


def reads_ctc_alone(graphs: Collection[str], options: DecodeOptions) -> bool:
    """Whether CTC's probabilities of the frames are all that the search reads of an encoder output."""
    return graphs_used(graphs, options) - {*ENCODERS, *SCORERS["lm"], *SCORERS["ngram"]} == {"ctc"}


def require_usable(components: Mapping[str, Component], special: Collection[str]) -> None:
    """Check for the components that a search needs, and that they read what it feeds.

    Raises `BundleError` where one is missing, also one of the `special` tokens, or has other inputs and outputs.
    """
    listed = ", ".join(components)
    if not {"ctc", "decoder_step"} & set(components):
        raise BundleError(f"expected a component 'ctc' or 'decoder_step', found {listed}")
    for kind in KINDS:
        if kind.graph and kind.graph in components:
            missing = [name for name in kind.needs if name not in components]
            missing += [f"the special token {name}" for name in kind.special if name not in special]
            if missing:
                raise BundleError(f"{kind.graph}: expected {', '.join(missing)} with it, found {listed}")
    start = components.get("decoder_start")
    memory = {tensor.name for tensor in start.outputs} if start else set()
    for name, component in components.items():
        counts = len(component.inputs), len(component.outputs)
        fed = name in ENCODERS or {tensor.name for tensor in component.inputs} <= _STEP_INPUTS | memory
        if counts != _COUNTS.get(name, counts) or not counts[1] or not (fed or not name.endswith("_step")):
            raise BundleError(f"{name}: expected the inputs and outputs of that component, found others")
