"""The search that a recogniser's graphs and options call for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.batch_beam_search_online_sim import BatchBeamSearchOnlineSim
from espnet.nets.beam_search_partially_AR import PartiallyARInference
from espnet.nets.beam_search_timesync import BeamSearchTimeSync
from espnet.nets.beam_search_transducer import BeamSearchTransducer, TransducerOptions
from espnet.nets.ctc_greedy import GreedyCTC
from espnet.nets.generation import Generation, GenerationRules
from espnet.nets.mask_ctc import MaskCTC
from espnet.nets.scorer_interface import ScorerInterface
from espnet.nets.scorers.ctc import CTCGraph, CTCPrefixScorer
from espnet.nets.scorers.length_bonus import LengthBonus
from espnet.nets.scorers.step import StepScorer
from espnet2.interface.errors import OptionError
from espnet2.interface.graph import Graph
from espnet2.runtime.options import DecodeOptions


@dataclass(frozen=True)
class SearchParts:
    """What a search is made of: graphs by name, the vocabulary, indices of its special symbols, an n-gram scorer, rules
    of generation that came with a pretrained decoder or a transducer's own options of the search, and the tokens that
    every text begins with, where it is not the start symbol."""

    graphs: Mapping[str, Graph]
    token_list: Sequence[str]
    special: Mapping[str, int]
    ngram: ScorerInterface | None = None
    generation: Mapping[str, Any] = field(default_factory=dict)
    primer: Sequence[int] | None = None


MakeSearch = Callable[[SearchParts, DecodeOptions], Any]
ByGraph = Mapping[str, MakeSearch]  # graph that only a model of one kind has, and its search
OnRequest = Mapping[str, tuple[tuple[str, ...], MakeSearch]]  # option: graphs that it needs, and its search


def make_search(parts: SearchParts, options: DecodeOptions) -> Any:
    """What is called with an encoder output (T, D), `maxlenratio` and `minlenratio`, and gives hypotheses, best first.

    Raises `OptionError` where an option asks for what the model does not have.
    """
    return choose(parts, options, BY_GRAPH, ON_REQUEST, _label_synchronous)


def choose(
    parts: SearchParts, options: DecodeOptions, by_graph: ByGraph, on_request: OnRequest, usual: MakeSearch
) -> Any:
    """The search of the graph that only a model of one kind has, of the option that asks for one, or the usual one."""
    if options.transducer_conf and "joint_step" not in parts.graphs:
        raise OptionError(
            f"transducer_conf: expected none, since the model is no transducer; found {options.transducer_conf}"
        )
    own = next((make for graph, make in by_graph.items() if graph in parts.graphs), None)
    for name, (needed, make) in on_request.items():
        if getattr(options, name):
            if own is not None:
                raise OptionError(f"{name}: expected False, since the model has a search of its own; found True")
            for graph in needed:
                if graph not in parts.graphs:
                    raise OptionError(f"{name}: expected a model with {graph}, found {', '.join(parts.graphs)}")
            return make(parts, options)
    return (own or usual)(parts, options)


def _label_synchronous(parts: SearchParts, options: DecodeOptions) -> BatchBeamSearch:
    margin = options.ctc_window_margin
    known = scorers(parts, window_margin=margin)
    search = BatchBeamSearch(known, weights(options), **label_synchronous_options(parts, options))
    search.candidates_only = candidates_only(parts)
    return search


def _simulated_stream(parts: SearchParts, options: DecodeOptions) -> BatchBeamSearchOnlineSim:
    search = BatchBeamSearchOnlineSim(
        scorers(parts, options.ctc_blanks_only),
        weights(options),
        **label_synchronous_options(parts, options),
        **online_options(options, (-1, -1, -1)),
    )
    search.candidates_only = candidates_only(parts)
    return search


def online_options(options: DecodeOptions, blocks: Sequence[int]) -> dict[str, Any]:
    """Keywords of a label-synchronous search that sees an utterance in blocks; see `frames_of_blocks`."""
    return {**frames_of_blocks(options, blocks), "disable_repetition_detection": options.disable_repetition_detection}


def frames_of_blocks(options: DecodeOptions, blocks: Sequence[int]) -> dict[str, int]:
    """The blocks of a search, by upstream's names; `blocks` are the model's, -1 where it has none."""
    names = "block_size", "hop_size", "look_ahead"
    wanted = [getattr(options, f"search_{name}") for name in names]
    frames = {name: own if given < 0 else given for name, given, own in zip(names, wanted, blocks, strict=True)}
    for name, count in frames.items():
        if count < 0:
            raise OptionError(f"search_{name}: expected a number of frames, since the model has no blocks; found none")
    size, hop, look_ahead = frames.values()
    if hop < 1 or look_ahead >= size:
        raise OptionError(
            "search_hop_size and search_look_ahead: expected a hop of at least 1, and less look-ahead than "
            f"search_block_size, found {hop} and {look_ahead} of {size}"
        )
    return frames


def label_synchronous_options(parts: SearchParts, options: DecodeOptions) -> dict[str, Any]:
    """Keywords of a label-synchronous search, but for its scorers and their weights."""
    return {
        "beam_size": options.beam_size,
        "vocab_size": len(parts.token_list),
        "sos": parts.special["sos"],
        "eos": parts.special["eos"],
        "token_list": parts.token_list,
        "hyp_primer": parts.primer,
        # Where CTC is the only scorer of the acoustics, nothing else may choose the tokens that it gets to see.
        "pre_beam_score_key": None if options.ctc_weight == 1 else "full",
        "normalize_length": options.normalize_length,
    }


def candidates_only(parts: SearchParts) -> bool:
    """Whether hypotheses of the decoder end only where the end symbol is a candidate."""
    decoder = parts.graphs.get("decoder_step")
    return decoder is not None and decoder.component.candidates_only


def _time_synchronous(parts: SearchParts, options: DecodeOptions) -> BeamSearchTimeSync:
    return time_synchronous(BeamSearchTimeSync, parts, options)


def time_synchronous(
    kind: type[BeamSearchTimeSync], parts: SearchParts, options: DecodeOptions, **blocks: Any
) -> BeamSearchTimeSync:
    """A time-synchronous search of a kind, which may want to know the blocks of a stream."""
    _require_no_primer("time_sync", parts)
    try:
        return kind(
            parts.special["sos"],
            options.beam_size,
            {**scorers(parts), "ctc": CTCGraph(parts.graphs["ctc"])},
            weights(options),
            token_list=parts.token_list,
            blank=parts.special["blank"],
            **blocks,
        )
    except ValueError as error:
        raise OptionError(f"time_sync: {error}") from error


def _greedy(parts: SearchParts, options: DecodeOptions) -> GreedyCTC:
    return GreedyCTC(CTCGraph(parts.graphs["ctc"]), *(parts.special[name] for name in ("sos", "eos", "blank")))


def _require_no_primer(name: str, parts: SearchParts) -> None:
    if parts.primer is not None:
        raise OptionError(f"{name}: expected False, since texts of this model begin with a prompt, found True")


def _partially_autoregressive(parts: SearchParts, options: DecodeOptions) -> PartiallyARInference:
    _require_no_primer("partial_ar", parts)
    if options.ctc_weight == 1:
        raise OptionError("partial_ar: expected a ctc_weight below 1, since the decoder searches, found 1")
    return PartiallyARInference(
        CTCGraph(parts.graphs["ctc"]),
        scorers(parts),
        weights(options),
        options.beam_size,
        len(parts.token_list),
        parts.special["sos"],
        parts.special["eos"],
        parts.special["blank"],
        options.threshold_probability,
        options.max_seq_len,
    )


def _mask_ctc(parts: SearchParts, options: DecodeOptions) -> MaskCTC:
    return MaskCTC(
        CTCGraph(parts.graphs["ctc"]),
        parts.graphs["mlm"],
        parts.special["mask"],
        parts.special["blank"],
        options.maskctc_n_iterations,
        options.maskctc_threshold_probability,
    )


def _generation(parts: SearchParts, options: DecodeOptions) -> Generation:
    if not parts.generation:
        raise OptionError("hugging_face_decoder: expected a model with a decoder of transformers, found another one")
    graphs = parts.graphs
    try:
        rules = _rules({**parts.generation, **(options.hugging_face_decoder_conf or {})})
        return Generation(StepScorer(graphs["decoder_step"], graphs["decoder_start"]), rules)
    except OptionError:
        raise
    except (ValueError, TypeError) as error:
        raise OptionError(f"hugging_face_decoder_conf: {error}") from error


def _rules(given: Mapping[str, Any]) -> GenerationRules:
    rules = dict(given)
    known = {rule.name: rule for rule in fields(GenerationRules)}
    for name, rule in known.items():
        if rule.default is MISSING and rules.get(name) is None:
            raise ValueError(f"{name}: expected a token's index, found none in the model's rules of generation")
    start, trained = rules["decoder_start_token_id"], rules.pop("trained_start_token_id", None)
    if trained not in (None, start):
        raise OptionError(f"hugging_face_decoder: expected texts that start with token {trained}, found {start}")
    longest = rules.get("max_length")
    if longest is not None and type(longest) is not int:
        raise ValueError(f"max_length: expected a number of tokens, found {longest!r}")
    if rules.get("reads_start", True) and longest:
        rules.setdefault("max_new_tokens", longest - 1)
    if "max_new_tokens" in rules:
        rules.pop("max_length", None)
    for name in [name for name in rules if name not in known]:
        if rules.pop(name):  # what is off needs no rule
            raise OptionError(f"hugging_face_decoder_conf.{name}: expected some of {', '.join(known)}")
    return GenerationRules(**rules)


def transducer(
    parts: SearchParts, options: DecodeOptions, make: type[BeamSearchTransducer] = BeamSearchTransducer
) -> BeamSearchTransducer:
    """The search over a transducer, which `make` makes."""
    conf = {**parts.generation, **(options.transducer_conf or {})}
    known = [option.name for option in fields(TransducerOptions)]
    for name in conf:
        if name not in known:
            raise OptionError(f"transducer_conf.{name}: expected some of {', '.join(known)}")
    graphs = parts.graphs
    lm = StepScorer(graphs["lm_step"]) if "lm_step" in graphs else None
    try:
        return make(
            graphs["decoder_step"],
            graphs["joint_start"],
            graphs["joint_step"],
            beam_size=options.beam_size,
            vocab_size=len(parts.token_list),
            sos=parts.special["sos"],
            lm=lm,
            lm_weight=options.lm_weight,
            options=TransducerOptions(**conf),
        )
    except (ValueError, TypeError) as error:
        raise OptionError(f"transducer_conf: {error}") from error


BY_GRAPH: ByGraph = {"mlm": _mask_ctc, "joint_step": transducer}
ON_REQUEST: OnRequest = {
    "time_sync": (("ctc",), _time_synchronous),
    "hugging_face_decoder": (("decoder_step", "decoder_start"), _generation),
    "ctc_greedy": (("ctc",), _greedy),
    "partial_ar": (("ctc", "decoder_step"), _partially_autoregressive),
    "streaming": ((), _simulated_stream),
}


def reads_ctc_alone(graphs: Collection[str], options: DecodeOptions) -> bool:
    """Whether CTC's probabilities of the frames are all that the search reads of an encoder output."""
    if any(graph in graphs for graph in BY_GRAPH) or options.partial_ar or options.hugging_face_decoder:
        return False
    return "ctc" in graphs and (options.ctc_greedy or options.ctc_weight == 1)


def scorers(
    parts: SearchParts, blanks_only: bool = False, longest: int = 0, window_margin: int = 0
) -> dict[str, ScorerInterface | None]:
    """Scorers by name, None where the model has none; for the other arguments see these scorers."""
    graphs = parts.graphs

    def step(name: str, start: str = "") -> StepScorer | None:
        return StepScorer(graphs[name], graphs.get(start), longest) if name in graphs else None

    ctc = None
    if "ctc" in graphs:
        ctc = CTCPrefixScorer(CTCGraph(graphs["ctc"]), parts.special["eos"], window_margin, blanks_only)
    return {
        "decoder": step("decoder_step", "decoder_start"),
        "ctc": ctc,
        "length_bonus": LengthBonus(len(parts.token_list)),
        "lm": step("lm_step"),
        "ngram": parts.ngram,
    }


def weights(options: DecodeOptions) -> dict[str, float]:
    return {
        "decoder": 1.0 - options.ctc_weight,
        "ctc": options.ctc_weight,
        "length_bonus": options.penalty,
        "lm": options.lm_weight,
        "ngram": options.ngram_weight,
    }
