"""Makers of searches from a recogniser's graphs and options, one for each kind; `espnet2.runtime.search` chooses.

Those of whole utterances are called with an encoder output (T, D), `maxlenratio` and `minlenratio`, and return the
hypotheses, best first. Those of streams (named `..._online`) are called with the T new frames x (T, D) of a stream,
both ratios and `is_final`, and return the hypotheses so far; T may be 0, and `reset()` begins another stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.batch_beam_search_online_sim import BatchBeamSearchOnlineSim
from espnet.nets.beam_search_partially_AR import PartiallyARInference
from espnet.nets.beam_search_timesync import BeamSearchTimeSync, BeamSearchTimeSyncOnline
from espnet.nets.beam_search_transducer import BeamSearchTransducer, BeamSearchTransducerOnline
from espnet.nets.ctc_greedy import GreedyCTC, GreedyCTCOnline
from espnet.nets.generation import Generation, GenerationRules
from espnet.nets.mask_ctc import MaskCTC
from espnet.nets.scorer_interface import BatchScorerInterface, ScorerInterface
from espnet.nets.scorers.ctc import CTCGraph, CTCPrefixScorer
from espnet.nets.scorers.length_bonus import LengthBonus
from espnet.nets.scorers.mixture import Mixture
from espnet.nets.scorers.step import StepScorer
from espnet.nets.transducer_options import TransducerOptions
from espnet2.interface.errors import OptionError
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import CTC_EOS, SearchModel

Blocks = Sequence[int]  # size, hop and look-ahead of the encoder's blocks in a stream, in its frames


def label_synchronous(model: SearchModel, options: DecodeOptions) -> BatchBeamSearch:
    known = scorers(model, window_margin=options.ctc_window_margin)
    search = BatchBeamSearch(known, weights(options), **_label_synchronous_options(model, options))
    search.candidates_only = _candidates_only(model)
    return search


def label_synchronous_online(model: SearchModel, options: DecodeOptions, blocks: Blocks) -> BatchBeamSearchOnline:
    search = BatchBeamSearchOnline(
        scorers(model, options.ctc_blanks_only, options.encoded_feat_length_limit),
        weights(options),
        **_label_synchronous_options(model, options),
        **_online_options(options, blocks),
    )
    search.candidates_only = _candidates_only(model)
    return search


def simulated_stream(model: SearchModel, options: DecodeOptions) -> BatchBeamSearchOnlineSim:
    search = BatchBeamSearchOnlineSim(
        scorers(model, options.ctc_blanks_only),
        weights(options),
        **_label_synchronous_options(model, options),
        **_online_options(options, (-1, -1, -1)),
    )
    search.candidates_only = _candidates_only(model)
    return search


def _online_options(options: DecodeOptions, blocks: Sequence[int]) -> dict[str, Any]:
    """Keywords of a label-synchronous search that sees an utterance in blocks; see `_frames_of_blocks`."""
    return {**_frames_of_blocks(options, blocks), "disable_repetition_detection": options.disable_repetition_detection}


def _frames_of_blocks(options: DecodeOptions, blocks: Sequence[int]) -> dict[str, int]:
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


def _label_synchronous_options(model: SearchModel, options: DecodeOptions) -> dict[str, Any]:
    """Keywords of a label-synchronous search, but for its scorers and their weights."""
    return {
        "beam_size": options.beam_size,
        "vocab_size": len(model.section.tokens),
        "sos": model.section.special["sos"],
        "eos": model.section.special["eos"],
        "token_list": model.section.tokens,
        "hyp_primer": model.primer,
        # Where CTC is the only scorer of the acoustics, nothing else may choose the tokens that it gets to see.
        "pre_beam_score_key": None if options.ctc_weight == 1 else "full",
        "normalize_length": options.normalize_length,
    }


def _candidates_only(model: SearchModel) -> bool:
    """Whether hypotheses of the decoder end only where the end symbol is a candidate."""
    decoder = model.graphs.get("decoder_step")
    return decoder is not None and decoder.component.attribute("candidates_only", False)


def time_synchronous(model: SearchModel, options: DecodeOptions) -> BeamSearchTimeSync:
    return _time_synchronous(BeamSearchTimeSync, model, options)


def time_synchronous_online(model: SearchModel, options: DecodeOptions, blocks: Blocks) -> BeamSearchTimeSync:
    return _time_synchronous(BeamSearchTimeSyncOnline, model, options, **_frames_of_blocks(options, blocks))


def _time_synchronous(
    kind: type[BeamSearchTimeSync], model: SearchModel, options: DecodeOptions, **blocks: Any
) -> BeamSearchTimeSync:
    try:
        return kind(
            model.section.special["sos"],
            options.beam_size,
            {**scorers(model), "ctc": CTCGraph(model.graphs["ctc"])},
            weights(options),
            token_list=model.section.tokens,
            blank=model.section.special["blank"],
            **blocks,
        )
    except ValueError as error:
        raise OptionError(f"time_sync: {error}") from error


def greedy(model: SearchModel, options: DecodeOptions) -> GreedyCTC:
    return _greedy(GreedyCTC, model)


def greedy_online(model: SearchModel, options: DecodeOptions, blocks: Blocks) -> GreedyCTC:
    return _greedy(GreedyCTCOnline, model)


def _greedy(kind: type[GreedyCTC], model: SearchModel) -> GreedyCTC:
    return kind(CTCGraph(model.graphs["ctc"]), *(model.section.special[name] for name in ("sos", "eos", "blank")))


def partially_autoregressive(model: SearchModel, options: DecodeOptions) -> PartiallyARInference:
    if options.ctc_weight == 1:
        raise OptionError("partial_ar: expected a ctc_weight below 1, since the decoder searches, found 1")
    return PartiallyARInference(
        CTCGraph(model.graphs["ctc"]),
        scorers(model),
        weights(options),
        options.beam_size,
        len(model.section.tokens),
        model.section.special["sos"],
        model.section.special["eos"],
        model.section.special["blank"],
        options.threshold_probability,
        options.max_seq_len,
    )


def mask_ctc(model: SearchModel, options: DecodeOptions) -> MaskCTC:
    return MaskCTC(
        CTCGraph(model.graphs["ctc"]),
        model.graphs["mlm"],
        model.section.special["mask"],
        model.section.special["blank"],
        options.maskctc_n_iterations,
        options.maskctc_threshold_probability,
    )


def generation(model: SearchModel, options: DecodeOptions) -> Generation:
    if not model.section.generation:
        raise OptionError("hugging_face_decoder: expected a model with a decoder of transformers, found another one")
    graphs = model.graphs
    try:
        rules = _rules({**model.section.generation, **(options.hugging_face_decoder_conf or {})})
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
            raise OptionError(
                f"hugging_face_decoder_conf.{name}: expected some of {', '.join(known)}, found another name"
            )
    return GenerationRules(**rules)


def transducer(model: SearchModel, options: DecodeOptions) -> BeamSearchTransducer:
    return _transducer(BeamSearchTransducer, model, options)


def transducer_online(model: SearchModel, options: DecodeOptions, blocks: Blocks) -> BeamSearchTransducer:
    return _transducer(BeamSearchTransducerOnline, model, options)


def _transducer(kind: type[BeamSearchTransducer], model: SearchModel, options: DecodeOptions) -> BeamSearchTransducer:
    conf = {**model.section.generation, **(options.transducer_conf or {})}
    known = [option.name for option in fields(TransducerOptions)]
    for name in conf:
        if name not in known:
            raise OptionError(f"transducer_conf.{name}: expected some of {', '.join(known)}, found another name")
    graphs = model.graphs
    lm, lm_weight = _fused(model, options)
    try:
        search = kind(
            graphs["decoder_step"],
            graphs["joint_start"],
            graphs["joint_step"],
            beam_size=options.beam_size,
            vocab_size=len(model.section.tokens),
            sos=model.section.special["sos"],
            lm=lm,
            lm_weight=lm_weight,
            options=TransducerOptions(**conf),
        )
    except (ValueError, TypeError) as error:
        raise OptionError(f"transducer_conf: {error}") from error
    if model.hotwords is not None and search.is_greedy:
        raise OptionError("hotwords: expected a search with a beam, found one that takes the best token of each frame")
    return search


def _fused(model: SearchModel, options: DecodeOptions) -> tuple[BatchScorerInterface | None, float]:
    """The scorer of labels in a transducer's search, and its weight."""
    lm = StepScorer(model.graphs["lm_step"]) if "lm_step" in model.graphs else None
    if model.hotwords is None or not options.hotword_weight:
        return lm, options.lm_weight
    known = [(lm, options.lm_weight), (model.hotwords, options.hotword_weight)]
    return Mixture([(scorer, weight) for scorer, weight in known if scorer is not None and weight]), 1.0


def scorers(
    model: SearchModel, blanks_only: bool = False, longest: int = 0, window_margin: int = 0
) -> dict[str, ScorerInterface | None]:
    """Scorers by name, None where the model has none; for the other arguments see these scorers."""
    graphs = model.graphs

    def step(name: str, start: str = "") -> StepScorer | None:
        return StepScorer(graphs[name], graphs.get(start), longest) if name in graphs else None

    ctc = None
    if "ctc" in graphs:
        special = model.section.special
        ctc = CTCPrefixScorer(CTCGraph(graphs["ctc"]), special.get(CTC_EOS, special["eos"]), window_margin, blanks_only)
    return {
        "decoder": step("decoder_step", "decoder_start"),
        "ctc": ctc,
        "length_bonus": LengthBonus(len(model.section.tokens)),
        "lm": step("lm_step"),
        "ngram": model.ngram,
        "hotwords": model.hotwords,
        "scorefilter": model.section.score_filter(),
    }


def weights(options: DecodeOptions) -> dict[str, float]:
    """Weights of `scorers` by name."""
    return {
        "decoder": 1.0 - options.ctc_weight,
        "ctc": options.ctc_weight,
        "length_bonus": options.penalty,
        "lm": options.lm_weight,
        "ngram": options.ngram_weight,
        "hotwords": options.hotword_weight,
        "scorefilter": 1.0,
    }
