"""Make test/golden/search with upstream ESPnet: n-best lists of its beam searches over small random scorers.

Run in an environment with upstream ESPnet, outside this repository's root: python make_search_golden.py OUTPUT_DIR
The scorers are tables, which the tests rebuild from tables.npz on numpy arrays; cases.json holds the options, as
keywords of the search, and upstream's answers.
"""

import json
import logging
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
import upstream_names  # noqa: F401 - before names that moved

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.batch_beam_search_online_sim import BatchBeamSearchOnlineSim
from espnet.nets.beam_search import BeamSearch
from espnet.nets.beam_search_partially_AR import PartiallyARBeamSearch
from espnet.nets.beam_search_timesync import BeamSearchTimeSync
from espnet.nets.e2e_asr_common import end_detect
from espnet.nets.scorer_interface import BatchScorerInterface, MaskParallelScorerInterface
from espnet.nets.scorers.ctc import CTCPrefixScorer
from espnet.nets.scorers.length_bonus import LengthBonus
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.mlm_decoder import MLMDecoder
from espnet2.asr.encoder.linear_encoder import LinearEncoder
from espnet2.asr.maskctc_model import MaskCTCInference, MaskCTCModel

V, T, STATES, SEEDS, NBEST = 20, 16, 7, 4, 10
SEARCHES = {"BeamSearch": BeamSearch, "BatchBeamSearch": BatchBeamSearch}
FULL = {"pre_beam_score_key": "full"}
HYBRID = {"decoder": 0.7, "ctc": 0.3}
# With a beam of 1, upstream fails on a primer, and a blank among few candidates loses its score in float32.
NOT_ONE_BY_ONE = {"hyp_primer", "pre_beam_ratio"}
CASES = [
    {"weights": HYBRID, **FULL},
    {"weights": HYBRID},
    {"weights": {"decoder": 0.7, "ctc": 0.3, "lm": 0.4}, **FULL},
    {"weights": {"decoder": 0.7, "ctc": 0.3, "lm": 0.4}, "pre_beam_score_key": "decoder"},
    {"weights": {"decoder": 0.7, "ctc": 0.3, "length_bonus": 0.8}, **FULL},
    {"weights": {"decoder": 0.5, "ctc": 0.5, "length_bonus": -0.5}, **FULL, "normalize_length": True},
    {"weights": {"ctc": 1.0}},
    {"weights": {"ctc": 1.0, "lm": 0.3, "length_bonus": 0.1}, **FULL},
    {"weights": {"decoder": 1.0, "ctc": 0.0}, **FULL},
    {"weights": {"decoder": 1.0, "lm": 0.3}, "beam_size": 7},
    {"weights": HYBRID, **FULL, "beam_size": 1},
    {"weights": HYBRID, **FULL, "beam_size": 10, "pre_beam_ratio": 1.2},
    {"weights": HYBRID, **FULL, "pre_beam_ratio": 1.0},
    {"weights": HYBRID, **FULL, "maxlenratio": -4},
    {"weights": HYBRID, **FULL, "maxlenratio": 0.7, "minlenratio": 0.4},
    {"weights": HYBRID, **FULL, "maxlenratio": 0.02},
    {"weights": HYBRID, **FULL, "minlenratio": -6},
    {"weights": HYBRID, **FULL, "minlenratio": 0.5},
    {"weights": HYBRID, **FULL, "maxlenratio": -5, "minlenratio": -9},
    {"weights": HYBRID, **FULL, "maxlenratio": 0.3, "minlenratio": 0.45},
    {"weights": HYBRID, **FULL, "hyp_primer": [19, 3, 4], "maxlenratio": -6},
    {"weights": HYBRID, **FULL, "sos": 18},
]
JOINT = {"decoder": 0.7, "ctc": 0.3, "lm": 0.0, "length_bonus": 0.0}
TIME_SYNC_CASES = [
    {"weights": JOINT},
    {"weights": {**JOINT, "lm": 0.4, "length_bonus": 0.8}},
    {"weights": {**JOINT, "decoder": 0.0, "ctc": 1.0}, "beam_size": 10},
    {"weights": {**JOINT, "decoder": 0.9, "ctc": 0.1}},
    {"weights": JOINT, "beam_size": 2},
    {"weights": JOINT, "pre_beam_ratio": 1.0, "beam_size": 8},
    {"weights": {**JOINT, "length_bonus": 2.0}, "sos": 18},
]
BLOCKS = {"block_size": 8, "hop_size": 3, "look_ahead": 2}
ALL_TOKENS = {"disable_repetition_detection": True}
# Search, weights, blocks and options.
STREAM_CASES = [
    ("BatchBeamSearchOnline", {"decoder": 1.0}, BLOCKS),
    ("BatchBeamSearchOnline", {"decoder": 1.0, "lm": 0.4}, {**BLOCKS, **ALL_TOKENS}),
    ("BatchBeamSearchOnline", {"decoder": 1.0, "length_bonus": 0.5}, {**BLOCKS, "look_ahead": 0}),
    ("BatchBeamSearchOnline", HYBRID, BLOCKS),
    ("BatchBeamSearchOnline", HYBRID, {}),
    ("BatchBeamSearchOnline", HYBRID, {**BLOCKS, **ALL_TOKENS}),
    ("BatchBeamSearchOnline", {"decoder": 0.5, "ctc": 0.5, "lm": 0.3}, {**BLOCKS, **ALL_TOKENS}),
    ("BatchBeamSearchOnlineSim", {"decoder": 1.0, "lm": 0.4}, BLOCKS),
    ("BatchBeamSearchOnlineSim", HYBRID, BLOCKS),
]
CUTS = 5, 1, 6, 0, 4
# n_iterations, threshold_probability
MASK_CTC_CASES = [(10, 0.99), (10, 0.7), (3, 0.99), (2, 0.8), (1, 0.9), (0, 0.9), (5, 0.0), (5, 1.0)]
# threshold_probability, beam_size, max_seq_len
PARTIALLY_AR_CASES = [(0.99, 3, 5), (0.9, 5, 3), (0.7, 4, 8), (0.8, 1, 4), (0.0, 3, 5), (1.0, 6, 10)]


class Table(BatchScorerInterface):
    """Scores that depend on the last token and on a number computed from all tokens, held as the state."""

    def __init__(self, bigram, context):
        self.bigram, self.context = torch.tensor(bigram), torch.tensor(context)

    def init_state(self, x):
        return 0

    def score(self, y, state, x):
        state = (state * 3 + int(y[-1])) % len(self.context)
        return torch.log_softmax(self.bigram[y[-1]] + self.context[state], -1), state

    def batch_score(self, ys, states, xs):
        scored = [self.score(y, state, None) for y, state in zip(ys, states, strict=True)]
        return torch.stack([score for score, _ in scored]), [state for _, state in scored]


class Posteriors(torch.nn.Module):
    def __init__(self, log_p):
        super().__init__()
        self.log_p = torch.tensor(log_p)

    def log_softmax(self, x):
        return self.log_p[None]


def tables(seed):
    rng = np.random.default_rng(seed)
    ctc = rng.normal(size=(T, V)) * 3
    ctc[rng.random(T) < 0.5, 0] += 6
    ctc -= np.log(np.exp(ctc).sum(-1, keepdims=True))
    arrays = {"ctc": ctc}
    for name in ("decoder", "lm"):
        arrays[f"{name}_bigram"] = rng.normal(size=(V, V)) * 2
        arrays[f"{name}_context"] = rng.normal(size=(STATES, V)) * 2
        arrays[f"{name}_bigram"][:, V - 1] += 2  # so that hypotheses end
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def decode(search, arrays, weights, maxlenratio=0.0, minlenratio=0.0, beam_size=4, sos=V - 1, **options):
    scorers = {
        "decoder": Table(arrays["decoder_bigram"], arrays["decoder_context"]),
        "ctc": CTCPrefixScorer(Posteriors(arrays["ctc"]), V - 1),
        "lm": Table(arrays["lm_bigram"], arrays["lm_context"]),
        "length_bonus": LengthBonus(V),
    }
    beam = SEARCHES[search](scorers, weights, beam_size, V, sos, V - 1, **options)
    nbest = beam(torch.zeros(T, 2), maxlenratio, minlenratio)
    return [
        [hyp["yseq"], round(hyp["score"], 5), {name: round(score, 5) for name, score in hyp["scores"].items()}]
        for hyp in (hyp.asdict() for hyp in nbest[:NBEST])
    ]


class Frames(torch.nn.Module):
    """A CTC layer whose input is its output."""

    def log_softmax(self, x):
        return x


def decode_stream(search, arrays, weights, options):
    """The best text of a stream and its score. Upstream lists hypotheses twice, and lets some end and go on."""
    scorers = {
        "decoder": Table(arrays["decoder_bigram"], arrays["decoder_context"]),
        "ctc": CTCPrefixScorer(Frames(), V - 1),
        "lm": Table(arrays["lm_bigram"], arrays["lm_context"]),
        "length_bonus": LengthBonus(V),
    }
    common = scorers, weights, 4, V, V - 1, V - 1
    frames = torch.tensor(arrays["ctc"])
    if search == "BatchBeamSearchOnlineSim":
        beam = BatchBeamSearchOnlineSim(*common, **FULL)
        beam.set_block_size(options["block_size"])
        beam.set_hop_size(options["hop_size"])
        beam.set_look_ahead(options["look_ahead"])
        nbest = beam(frames)
    else:
        beam = BatchBeamSearchOnline(*common, **FULL, **options)
        for number, piece in enumerate(frames.split(CUTS)):
            nbest = beam(piece, is_final=number == len(CUTS) - 1)
    best = next(hyp for hyp in nbest if V - 1 not in hyp.yseq[1:-1])
    return [best.yseq.tolist(), round(float(best.score), 5)]


def decode_time_sync(arrays, weights, beam_size=4, sos=V - 1, **options):
    """Upstream keeps impossible hypotheses, whose score is -inf; they are left out here."""
    scorers = {
        "decoder": Table(arrays["decoder_bigram"], arrays["decoder_context"]),
        "ctc": Posteriors(arrays["ctc"]),
        "lm": Table(arrays["lm_bigram"], arrays["lm_context"]),
    }
    nbest = BeamSearchTimeSync(sos, beam_size, scorers, weights, token_list=["token"] * V, **options)(torch.zeros(T, 2))
    return [[hyp.yseq.tolist(), round(float(hyp.score), 5)] for hyp in nbest if np.isfinite(hyp.score)]


class TableMLM(torch.nn.Module):
    """Scores that depend on a place and the tokens beside it; the mask reads as the blank, and scores 0 itself."""

    def __init__(self, left, right):
        super().__init__()
        self.left, self.right = torch.tensor(left), torch.tensor(right)

    def forward(self, memory, memory_lengths, ys, ys_lengths):
        edge = torch.full((1, 1), V - 1)
        known = torch.cat([edge, ys % V, edge], dim=1)
        scores = self.left[known[:, :-2]] + self.right[known[:, 2:]] + 0.01 * torch.arange(ys.shape[1])[:, None]
        return torch.nn.functional.pad(scores, (0, 1)), ys_lengths


def mask_ctc_model():
    """A model whose CTC and decoder are replaced."""
    parts = dict.fromkeys(("frontend", "specaug", "normalize", "preencoder", "postencoder"))
    parts["encoder"] = LinearEncoder(2, 2, input_layer="linear")
    parts["decoder"] = MLMDecoder(V, 2, attention_heads=1, linear_units=2, num_blocks=1)
    return MaskCTCModel(V, ["<blank>", "<unk>", *map(str, range(2, V))], **parts, ctc=CTC(V, 2))


def decode_mask_ctc(arrays, n_iterations, threshold_probability):
    model = mask_ctc_model()
    model.ctc = Posteriors(arrays["ctc"])
    model.decoder = TableMLM(arrays["decoder_bigram"], arrays["lm_bigram"])
    return MaskCTCInference(model, n_iterations, threshold_probability)(torch.zeros(T, 2)).yseq.tolist()


class LastToken(MaskParallelScorerInterface, BatchScorerInterface):
    """Scores that depend on the last token."""

    def __init__(self, bigram):
        self.log_p = torch.log_softmax(torch.tensor(bigram), -1)

    def batch_init_state(self, x):
        return None

    def batch_score_partially_AR(self, ys, states, xs, yseq_lengths):
        last = ys[torch.arange(len(ys)), yseq_lengths - 1]
        return self.log_p[last], torch.zeros(len(ys), 1, ys.shape[1], 1)


def decode_partially_ar(arrays, threshold, beam_size, max_seq_len):
    """Upstream's `PartiallyARInference` fails, or mixes up segments, if there are several masks.

    So CTC's text is cut and reassembled here, and upstream searches the segments.
    """
    names = [str(token) for token in range(V)]
    scorer = LastToken(arrays["decoder_bigram"])
    search = PartiallyARBeamSearch({"decoder": scorer}, {"decoder": 1.0}, beam_size, V + 1, V - 1, V - 1, names)
    best, frame, text = arrays["ctc"].argmax(1), 0, []
    for token, run in groupby(best.tolist()):
        frames = len(list(run))
        probability = np.exp(arrays["ctc"][frame : frame + frames].max())
        frame += frames
        text += [(token, probability < threshold)] * (token != 0)
    tokens, parts = [token for token, _ in text] + [V - 1], []
    search.init_masks()
    for doubtful, places in groupby(range(len(text)), key=lambda place: text[place][1]):
        start, *_ = places = list(places)
        end = start + len(places)
        parts.append((doubtful, start, end))
        if doubtful:
            search.add_mask([V - 1, *tokens[:start]], eos=tokens[end])
    found = iter(search(torch.zeros(T, 2), max_seq_len) if any(part[0] for part in parts) else ())
    written = []
    for doubtful, start, end in parts:
        segment = next(found).yseq.tolist()[start + 1 :] if doubtful else tokens[start:end]
        written += segment[: segment.index(tokens[end])] if doubtful else segment
    return written


def prefix_scores():
    """Prefix scores along random prefixes with repeated tokens, at several lengths, also with all tokens scored."""
    arrays, rng = {}, np.random.default_rng(9)
    for frames in (1, 5, 40, 1500):
        vocab, beam = 12, 3
        x = rng.normal(size=(frames, vocab)) * 3
        x = (x - np.log(np.exp(x).sum(-1, keepdims=True))).astype(np.float32)
        tokens = rng.integers(1, vocab - 1, size=(beam, min(frames, 8)))
        tokens[0] = tokens[0, 0]
        ys = np.concatenate([np.full((beam, 1), vocab - 1), tokens], axis=1)
        scorer, state, psi = CTCPrefixScorer(Posteriors(x), vocab - 1), [None] * beam, []
        scorer.batch_init_state(torch.zeros(frames, 2))
        for step in range(1, ys.shape[1]):
            scores, batch = scorer.batch_score_partial(
                torch.tensor(ys[:, :step]), None, state, torch.zeros(beam, frames, 2)
            )
            state = [scorer.select_state(batch, h, int(ys[h, step])) for h in range(beam)]
            psi.append(scores.numpy())
        arrays.update({f"{frames}_x": x, f"{frames}_ys": ys, f"{frames}_scores": np.stack(psi)})
    return arrays


def end_detections():
    rng, cases = np.random.default_rng(5), []
    for _ in range(60):
        i = int(rng.integers(3, 8))
        ended = [
            {
                "score": round(float(rng.choice([-1, -15, -30], p=[0.1, 0.6, 0.3]) + rng.normal()), 2),
                "yseq": [0] * length,
            }
            for length in rng.integers(i - 3, i + 2, size=rng.integers(0, 9)).tolist()
        ]
        cases.append({"i": i, "ended": ended, "stop": bool(end_detect(ended, i))})
    return cases


def main(output):
    logging.disable(logging.CRITICAL)
    seeds = {seed: tables(seed) for seed in range(SEEDS)}
    cases = []
    for options in CASES:
        for search in SEARCHES:
            if search == "BeamSearch" and options.keys() & NOT_ONE_BY_ONE:
                continue
            answers = [decode(search, seeds[seed], **options) for seed in seeds]
            cases.append({"search": search, "options": options, "nbest": answers})
    time_sync = [
        {"options": options, "nbest": [decode_time_sync(arrays, **options) for arrays in seeds.values()]}
        for options in TIME_SYNC_CASES
    ]
    mask_ctc = [
        {"options": options, "text": [decode_mask_ctc(arrays, *options) for arrays in seeds.values()]}
        for options in MASK_CTC_CASES
    ]
    partially_ar = [
        {"options": options, "text": [decode_partially_ar(arrays, *options) for arrays in seeds.values()]}
        for options in PARTIALLY_AR_CASES
    ]
    output.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        output / "tables.npz", **{f"{s}_{k}": a for s, arrays in seeds.items() for k, a in arrays.items()}
    )
    np.savez_compressed(output / "prefix.npz", **prefix_scores())
    answers = {"search": cases, "time_sync": time_sync, "mask_ctc": mask_ctc, "partially_ar": partially_ar}
    answers["end_detect"] = end_detections()
    (output / "cases.json").write_text(json.dumps(answers) + "\n")
    streams = [
        {"search": case[0], "weights": case[1], "options": case[2], "cuts": CUTS}
        | {"best": [decode_stream(case[0], arrays, *case[1:]) for arrays in seeds.values()]}
        for case in STREAM_CASES
    ]
    (output / "streams.json").write_text(json.dumps(streams) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
