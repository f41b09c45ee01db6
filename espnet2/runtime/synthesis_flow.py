"""The graphs of a synthesiser in their order; each reads its inputs by name from what is there before it.

    style_encoder    speech, speech_lengths → style
    text_encoder     text, text_lengths, conditions, style → hidden …, hidden_lengths, log_durations
    feature_decoder  any of the former, frame_tokens, frame_lengths → feat_gen [feat_gen_denorm], or latent
    decoder_step     any of the former, step by step (see `espnet2.runtime.stepwise`)
    postnet          feats, feats_lengths → feat_gen [feat_gen_denorm]
    vocoder          feats (features as options choose, or units, or latent), any of the former → wav

A synthesiser has a feature decoder, which gives all frames of predicted durations at once, or a step of a decoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from espnet2.interface.errors import DataError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import FLOATS, Component
from espnet2.runtime.durations import RULES, Rule
from espnet2.runtime.graph_calls import Arrays, Draw, batched, call
from espnet2.runtime.memory import GB, attention_memory, usable_memory
from espnet2.runtime.noise import noise_of
from espnet2.runtime.stepwise import stepwise_batch
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.runtime.vocoder_windows import AT_ONCE, FEWEST, MOST, field_of, frames_of_vocoder, shapes_of_noise, windows

STYLE, ENCODER, DECODER, STEP, POSTNET, VOCODER = ORDER = (
    "style_encoder",
    "text_encoder",
    "feature_decoder",
    "decoder_step",
    "postnet",
    "vocoder",
)
FEATURES, DENORMALIZED, LATENT, SAMPLES = "feat_gen", "feat_gen_denorm", "latent", "wav"
MOST_FRAMES = 10_000_000  # a day; more are predicted of broken weights, or of conditions and noise out of all bounds
LOGARITHMS, DURATION, VARIANCES = "log_durations", "duration", ("pitch", "energy")
ALIGNMENT, FOCUS = "att_w", "focus_rate"  # attention weights, and how sharp they are
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


def gives_units(components: Iterable[Component]) -> bool:
    """Whether features are discrete units, which are results as they are."""
    outputs = [tensor for component in components for tensor in component.outputs]
    return any(tensor.name == FEATURES and tensor.dtype not in FLOATS for tensor in outputs)


def rule_of(component: Component) -> Rule:
    """The rule by which durations of a text encoder become frames."""
    return RULES[component.attribute("durations", "round")]


def generate(graphs: Mapping[str, Graph], utterances: Sequence[Utterance], options: SynthesisOptions) -> None:
    """Run all graphs before the vocoder; results get features, and what is predicted beside them.

    Raises `DataError` for a text that memory is too small for.
    """
    if STYLE in graphs:
        for one in utterances:
            _run(graphs[STYLE], [one], options)
    _run(graphs[ENCODER], utterances, options, "tokens", "text_lengths")
    for one in utterances:
        one.pool |= {later: one.pool[name] for later, name in LATER.items() if name in one.pool}
    if DECODER in graphs:
        regulate(graphs[ENCODER].component, utterances, options)
        _run(graphs[DECODER], utterances, options, "frames", "frame_lengths")
    else:
        _step(graphs, utterances, options)
    for one in utterances:
        if FEATURES not in one.pool:  # upstream's end-to-end models give samples and durations alone
            one.results = {name: value for name, value in one.results.items() if name not in VARIANCES}
        one.results |= {name: one.pool[name] for name in (FEATURES, DENORMALIZED) if name in one.pool}


def regulate(encoder: Component, utterances: Sequence[Utterance], options: SynthesisOptions) -> None:
    """Make the token of each frame of predicted, or of given, durations."""
    rule, alpha = rule_of(encoder), options.speed_control_alpha
    for one in utterances:
        logarithms = one.pool[LOGARITHMS]
        with np.errstate(over="ignore", invalid="ignore"):  # of what is refused below
            shown = rule.shown(logarithms, alpha)
            predicted = rule.spoken(shown, alpha)
        shown = predicted if alpha == 1.0 else shown  # upstream fills durations of no frame in place
        steps = predicted if one.durations is None else one.durations
        if steps.min() < 0 or steps.sum(dtype=np.float64) > MOST_FRAMES:  # numbers above int64 become negative
            raise DataError(f"durations: expected at most {MOST_FRAMES} frames of a text, found more")
        one.results |= {DURATION: shown, LOGARITHMS: logarithms}
        one.results |= {name: one.pool[name] for name in VARIANCES if name in one.pool}
        tokens = np.repeat(np.arange(len(steps)), steps)
        if encoder.attribute("alignment", False):
            alignment = np.equal.outer(tokens, np.arange(len(steps))).astype(np.float32)
            one.results |= {ALIGNMENT: alignment, FOCUS: np.array(1.0, np.float32)}
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
    """Samples (N,) of an utterance by a vocoder, whose memory does not grow with long ones where windows are known."""
    one.pool["feats"] = chosen_features(one, options)
    if field_of(graph.component) is not None and frames_of_vocoder(graph.component, one.pool) > AT_ONCE:
        return np.concatenate(list(_windowed(graph, one, options, MOST)))
    _run(graph, [one], options)
    return one.pool[SAMPLES]


def vocode_pieces(graph: Graph, one: Utterance, options: SynthesisOptions) -> Iterator[np.ndarray]:
    """The samples of `vocode` in pieces; in one where what a sample depends on is not known."""
    if field_of(graph.component) is None:
        yield vocode(graph, one, options)
        return
    one.pool["feats"] = chosen_features(one, options)
    yield from _windowed(graph, one, options, FEWEST)


def _windowed(graph: Graph, one: Utterance, options: SynthesisOptions, first: int) -> Iterator[np.ndarray]:
    """Samples in pieces, the first of which has at least `first` frames."""
    component = graph.component
    frames = frames_of_vocoder(component, one.pool)
    draw = _draw(graph, [one], options)
    sizes = shapes_of_noise(component, frames)
    noise = {tensor.name: draw(tensor, sizes[tensor.name], 0) for tensor in component.inputs if tensor.noise}
    yield from windows(graph, one.pool, noise, frames, first)


def _draw(graph: Graph, utterances: Sequence[Utterance], options: SynthesisOptions) -> Draw:
    """The function that draws the noise which a graph reads for these utterances."""
    component = graph.component
    return lambda tensor, shape, index: noise_of(component, tensor, shape, utterances[index].seed, options)


def _run(
    graph: Graph, utterances: Sequence[Utterance], options: SynthesisOptions, unit: str = "", length: str = ""
) -> None:
    """Run a graph, for many at once where it can, and put its outputs into the pools.

    `length` is the name of the number of `unit` that attention compares with each other.
    """
    steps = [int(one.pool[length]) if length else 0 for one in utterances]
    for group in _groups(graph, utterances, steps, unit):
        found = call(graph, [one.pool for one in group], _draw(graph, group, options))
        for one, outputs in zip(group, found, strict=True):
            one.pool |= outputs


def _groups(
    graph: Graph, utterances: Sequence[Utterance], steps: Sequence[int], unit: str
) -> Iterator[list[Utterance]]:
    """Utterances that go through a graph together, as many as memory allows.

    Raises `DataError` for one of so many steps that attention, which compares all of them, fills it alone.
    """
    heads, limit = graph.component.attribute("attention_heads", 0), usable_memory()
    together, group, longest = batched(graph), list[Utterance](), 0
    for one, count in zip(utterances, steps, strict=True):
        needed = attention_memory(heads, count)
        if needed > limit:
            raise DataError(
                f"text: expected one that {limit / GB:.3g} GB of memory are enough for, found {count} {unit}, which "
                f"would take about {needed / GB:.3g} GB; a smaller max_text_length cuts it into shorter pieces"
            )
        longest = max(longest, count)
        if group and (not together or (len(group) + 1) * attention_memory(heads, longest) > limit):
            yield group
            group, longest = [], count
        group.append(one)
    yield group
