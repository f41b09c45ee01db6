"""The graphs of a synthesiser in their order; each reads its inputs by name from what is there before it.

    style_encoder    speech, speech_lengths → style
    text_encoder     text, text_lengths, conditions, style → hidden …, hidden_lengths, log_durations
    feature_decoder  any of the former, frame_tokens, frame_lengths → feat_gen [feat_gen_denorm], or latent
    decoder_step     any of the former, step by step (see `espnet2.runtime.stepwise`)
    postnet          feats, feats_lengths → feat_gen [feat_gen_denorm]
    vocoder          feats (features as options choose, or latent), any of the former → wav

A synthesiser has a feature decoder, which gives all frames of predicted durations at once, or a step of a decoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from espnet2.interface.errors import DataError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.durations import RULES, Rule
from espnet2.runtime.graph_calls import Arrays, batched, call
from espnet2.runtime.memory import GB, attention_memory, usable_memory
from espnet2.runtime.noise import noise_of
from espnet2.runtime.stepwise import stepwise_batch
from espnet2.runtime.synthesis_options import SynthesisOptions

STYLE, ENCODER, DECODER, STEP, POSTNET, VOCODER = ORDER = (
    "style_encoder",
    "text_encoder",
    "feature_decoder",
    "decoder_step",
    "postnet",
    "vocoder",
)
FEATURES, DENORMALIZED, LATENT, SAMPLES = "feat_gen", "feat_gen_denorm", "latent", "wav"
LOGARITHMS, DURATION, VARIANCES = "log_durations", "duration", ("pitch", "energy")
# Names that graphs after the text encoder have for what it gives.
LATER = {"text_lengths": "hidden_lengths"}


@dataclass
class Utterance:
    """One text on its way through the graphs.

    Attributes:
        pool: Arrays by name, without the axis of a batch; lengths are numbers.
        seed: Of its noise.
        durations: (U,) frames of tokens that are spoken instead of the predicted ones.
        given: What is spoken instead of what is predicted: pitch and energy, or features, each step's last frame of
            which a stepwise decoder gets.
        results: What a user gets, by name.
    """

    pool: Arrays
    seed: int
    durations: np.ndarray | None = None
    given: Mapping[str, np.ndarray] = field(default_factory=dict)
    results: Arrays = field(default_factory=dict)


def rule_of(component: Component) -> Rule:
    """How the durations of a text encoder become frames."""
    return RULES[component.attribute("durations", "round")]


def generate(graphs: Mapping[str, Graph], utterances: Sequence[Utterance], options: SynthesisOptions) -> None:
    """Run all graphs before the vocoder; results get features, and what is predicted beside them."""
    if STYLE in graphs:
        for one in utterances:
            _run(graphs[STYLE], [one], options)
    require_memory(graphs[ENCODER], [int(one.pool["text_lengths"]) for one in utterances], "tokens")
    _run(graphs[ENCODER], utterances, options)
    for one in utterances:
        one.pool |= {later: one.pool[name] for later, name in LATER.items() if name in one.pool}
    if DECODER in graphs:
        regulate(graphs[ENCODER].component, utterances, options)
        require_memory(graphs[DECODER], [int(one.pool["frame_lengths"]) for one in utterances], "frames")
        _run(graphs[DECODER], utterances, options)
    else:
        _step(graphs, utterances, options)
    for one in utterances:
        one.results |= {name: one.pool[name] for name in (FEATURES, DENORMALIZED) if name in one.pool}


def regulate(encoder: Component, utterances: Sequence[Utterance], options: SynthesisOptions) -> None:
    """Make the token of each frame of predicted, or of given, durations."""
    rule, alpha = rule_of(encoder), options.speed_control_alpha
    for one in utterances:
        logarithms = one.pool[LOGARITHMS]
        shown = rule.shown(logarithms, alpha)
        steps = rule.spoken(shown, alpha) if one.durations is None else one.durations
        one.results |= {DURATION: shown, LOGARITHMS: logarithms}
        one.results |= {name: one.pool[name] for name in VARIANCES if name in one.pool}
        tokens = np.repeat(np.arange(len(steps)), steps)
        one.pool |= {**one.given, "frame_tokens": tokens, "frame_lengths": np.array(len(tokens))}


def _step(graphs: Mapping[str, Graph], utterances: Sequence[Utterance], options: SynthesisOptions) -> None:
    """Run the loop of a stepwise decoder, and its postnet."""
    for one in utterances:
        one.pool |= one.given
    rngs = [np.random.default_rng(one.seed) for one in utterances]
    spoken = stepwise_batch(graphs[STEP], [one.pool for one in utterances], options, rngs)
    for one, (feats, results) in zip(utterances, spoken, strict=True):
        one.results |= results
        one.pool |= {FEATURES: feats, "feats": feats, "feats_lengths": np.array(len(feats))}
    if POSTNET in graphs:
        _run(graphs[POSTNET], utterances, options)


def chosen_features(one: Utterance, options: SynthesisOptions) -> np.ndarray:
    """Features (T, F), or the latent representation (T, C), that become samples."""
    if FEATURES not in one.pool:
        return one.pool[LATENT]
    normalized = options.prefer_normalized_feats or DENORMALIZED not in one.pool
    return one.pool[FEATURES if normalized else DENORMALIZED]


def vocode(graph: Graph, one: Utterance, options: SynthesisOptions) -> np.ndarray:
    """Samples (N,) of an utterance by a vocoder."""
    one.pool["feats"] = chosen_features(one, options)
    _run(graph, [one], options)
    return one.pool[SAMPLES]


def _run(graph: Graph, utterances: Sequence[Utterance], options: SynthesisOptions) -> None:
    """Run a graph, for all at once where it can, and put its outputs into the pools."""

    def draw(tensor: Tensor, shape: tuple[int, ...], index: int) -> np.ndarray:
        return noise_of(graph.component, tensor, shape, group[index].seed, options)

    for group in [utterances] if batched(graph) else [[one] for one in utterances]:
        for one, outputs in zip(group, call(graph, [one.pool for one in group], draw), strict=True):
            one.pool |= outputs


def require_memory(graph: Graph, steps: Sequence[int], unit: str) -> None:
    """Raise `DataError` for texts of so many steps that attention, which compares all of them, fills the memory."""
    heads, longest = graph.component.attribute("attention_heads", 0), max(steps)
    needed, limit = len(steps) * attention_memory(heads, longest), usable_memory()
    if needed > limit:
        raise DataError(
            f"text: expected one that {limit / GB:.3g} GB of memory are enough for, found {longest} {unit}, which "
            f"would take about {needed / GB:.3g} GB; speak its sentences one by one"
        )
