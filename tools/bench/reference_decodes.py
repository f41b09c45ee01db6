"""Decode the fixtures' test sets and compare each n-best list with upstream's, on PyTorch and on onnxruntime.

    python tools/bench/reference_decodes.py --fixtures ../shared/fixtures [--every 10] [--setting ctc0.3 ...]

Per setting: utterances whose whole n-best list (texts, token ids, order) equals upstream's, the largest difference of
their scores, the word errors of the best hypotheses, and the real-time factor. Utterances that differ are listed with
the first hypothesis that differs.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import soundfile

from espnet2.utils.edit_distance import edit_distance

CONFORMER = "models/asr_conformer"
LM = {
    name: {"lm_train_config": f"models/{name}/config.yaml", "lm_file": f"models/{name}/valid.loss.ave.pth"}
    for name in ("lm_transformer", "lm_rnn")
}
BASE = {"beam_size": 10, "nbest": 5, "ctc_weight": 0.3}
# Setting: language model, decoding options.
SETTINGS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "ctc0.3": (None, BASE),
    "ctc1.0": (None, {**BASE, "ctc_weight": 1.0}),
    "ctc0.0": (None, {**BASE, "ctc_weight": 0.0}),
    "ctc0.3_penalty1.0_minlen0.1": (None, {**BASE, "penalty": 1.0, "minlenratio": 0.1}),
    "ctc0.3_normlen": (None, {**BASE, "normalize_length": True}),
    "timesync_ctc0.3": (None, {**BASE, "time_sync": True}),
    "ctc0.3_lm_transformer": ("lm_transformer", {**BASE, "lm_weight": 0.3}),
    "ctc0.3_lm_rnn": ("lm_rnn", {**BASE, "lm_weight": 0.3}),
}
# The contextual block Conformer: whole utterances, whole utterances with the streaming search, and streams in pieces of
# `chunk` samples.
STREAMING = "models/asr_streaming"
WHOLE_SETTINGS = ("ctc0.3", "ctc1.0", "ctc0.0", "ctc0.3_lm_transformer", "ctc0.3_lm_rnn")
# Upstream's simulation uses the model's blocks; its streams use 40, 16 and 16.
SIMULATED = {"streaming": True, "search_block_size": 20, "search_hop_size": 8, "search_look_ahead": 8}
UPSTREAMS_BLOCKS = {"search_block_size": 40, "search_hop_size": 16, "search_look_ahead": 16}
SIMULATED["ctc_blanks_only"] = UPSTREAMS_BLOCKS["ctc_blanks_only"] = True
STREAM_SETTINGS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "onlinesim_ctc0.3": (None, {**BASE, **SIMULATED}),
    "stream4000_ctc0.3": (None, {**BASE, **UPSTREAMS_BLOCKS, "chunk": 4000}),
    "stream4000_ctc1.0": (None, {**BASE, **UPSTREAMS_BLOCKS, "chunk": 4000, "ctc_weight": 1.0}),
    "stream4000_ctc0.3_lm_transformer": (
        "lm_transformer",
        {**BASE, **UPSTREAMS_BLOCKS, "chunk": 4000, "lm_weight": 0.3},
    ),
    "stream10240_ctc0.3": (None, {**BASE, **UPSTREAMS_BLOCKS, "chunk": 10240}),
}
STREAMING_SETTINGS = (*WHOLE_SETTINGS, *STREAM_SETTINGS)
# A transducer with each of its searches. Upstream's language models apply dropout in them, which changes scores.
TRANSDUCER = "models/asr_transducer"
NBEST = {"beam_size": 10, "nbest": 5}
TRANSDUCER_SETTINGS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "greedy": (None, {"beam_size": 1}),
    "default": (None, NBEST),
    "tsd": (None, {**NBEST, "transducer_conf": {"search_type": "tsd", "max_sym_exp": 3}}),
    **{name: (None, {**NBEST, "transducer_conf": {"search_type": name}}) for name in ("alsd", "nsc", "maes")},
    **{f"default_{name}": (name, {**NBEST, "lm_weight": 0.3}) for name in ("lm_rnn", "lm_transformer")},
}
HYBRID_SETTINGS = tuple(SETTINGS)
SETTINGS |= STREAM_SETTINGS | TRANSDUCER_SETTINGS
# Prefix of a setting's name: model, settings.
MODELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "": (CONFORMER, HYBRID_SETTINGS),
    "streaming_": (STREAMING, STREAMING_SETTINGS),
    "transducer_": (TRANSDUCER, tuple(TRANSDUCER_SETTINGS)),
}
DEMO_SETTINGS: dict[str, tuple[bool, dict[str, Any]]] = {
    "no_lm": (False, BASE),
    "lm": (True, {**BASE, "lm_weight": 0.5}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [prefix + setting for prefix, (_, settings) in MODELS.items() for setting in settings]
    names += [f"demo_{name}" for name in DEMO_SETTINGS]
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--backend", choices=["pytorch", "onnxruntime", "both"], default="both")
    parser.add_argument("--setting", nargs="+", choices=names)
    parser.add_argument("--every", type=int, default=1, help="decode every Nth utterance")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    backends = ("pytorch", "onnxruntime") if args.backend == "both" else (args.backend,)
    makers: dict[str, Callable] = {"pytorch": pytorch, "onnxruntime": onnxruntime}
    print(
        f"{'setting':31} {'backend':12} {'same n-best':>16} {'same 1-best':>12} {'score diff':>10} "
        f"{'errors':>7} {'RTF':>7}"
    )
    with tempfile.TemporaryDirectory() as directory:
        for setting, model, options, utterances in cases(args.fixtures):
            if args.setting and setting not in args.setting:
                continue
            chosen = list(utterances)[:: args.every]
            for backend in backends:
                recognizer = makers[backend](model, options, Path(directory))
                report(setting, backend, recognizer, chosen)


def cases(fixtures: Path) -> Iterator[tuple[str, dict[str, Path], dict[str, Any], Iterator[dict[str, Any]]]]:
    """Setting, files of the model, options, and utterances with `speech` (a path), `ref` and upstream's `nbest`."""
    for prefix, (path, settings) in MODELS.items():
        for setting in settings:
            lm, options = SETTINGS[setting]
            yield prefix + setting, files(fixtures, path, lm), options, references(fixtures, path, setting)
    demo = fixtures / "demo"
    asr = {"asr_train_config": demo / "exp/asr/config.yaml", "asr_model_file": demo / "exp/asr/valid.acc.ave.pth"}
    lm_files = {"lm_train_config": demo / "exp/lm/config.yaml", "lm_file": demo / "exp/lm/valid.loss.ave.pth"}
    for setting, (with_lm, options) in DEMO_SETTINGS.items():
        model = {**asr, **(lm_files if with_lm else {})}
        yield f"demo_{setting}", model, options, _demo_references(demo, setting)


def files(fixtures: Path, path: str, lm: str | None) -> dict[str, Path]:
    """The files of a model and of a language model."""
    (weights,) = (fixtures / path).glob("valid.*.ave.pth")
    asr = {"asr_train_config": fixtures / path / "config.yaml", "asr_model_file": weights}
    return {**asr, **({key: fixtures / name for key, name in LM[lm].items()} if lm else {})}


def references(fixtures: Path, path: str, setting: str) -> Iterator[dict[str, Any]]:
    """Utterances with upstream's n-best lists of a model."""
    recordings = dict(
        line.split(maxsplit=1)
        for part in ("test_seen", "test_unseen")
        for line in (fixtures / "data" / part / "wav.scp").read_text().splitlines()
    )
    for line in (fixtures / "refs" / Path(path).name / f"{setting}.jsonl").read_text().splitlines():
        row = json.loads(line)
        nbest = row["nbest"]
        if path == STREAMING:  # upstream's streaming searches return every hypothesis twice
            nbest = list({tuple(hypothesis["token_int"]): hypothesis for hypothesis in nbest}.values())
        yield {"utt": row["utt"], "ref": row["ref"], "nbest": nbest, "speech": fixtures / recordings[row["utt"]]}


def _demo_references(demo: Path, setting: str) -> Iterator[dict[str, Any]]:
    for line in (demo / "refs.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield {"utt": row["utt"], "ref": row["ref"], "nbest": row[setting]["nbest"], "speech": demo / row["file"]}


def pytorch(model: dict[str, Path], options: dict[str, Any], directory: Path):
    """The recogniser on PyTorch."""
    if "chunk" in options:
        from espnet2.bin.asr_inference_streaming import Speech2TextStreaming

        return in_pieces(functools.partial(Speech2TextStreaming, **model), **options)
    from espnet2.bin.asr_inference import Speech2Text

    return Speech2Text(**model, **options)


def onnxruntime(model: dict[str, Path], options: dict[str, Any], directory: Path):
    """The recogniser on an exported bundle, which is made once per model."""
    from espnet2.export.make_bundle import make_bundle
    from espnet2.runtime import Speech2Text, Speech2TextStreaming

    streaming = "chunk" in options
    bundle = directory / "-".join([*(path.parent.name for path in model.values()), *["streaming"] * streaming])
    if not bundle.exists():
        make_bundle(bundle, **model, streaming=streaming)
    if streaming:
        return in_pieces(functools.partial(Speech2TextStreaming, bundle, num_threads=1), **options)
    return Speech2Text(bundle, num_threads=1, **options)


def in_pieces(make: Callable, chunk: int, **options: Any) -> Callable[[Any], list]:
    """Return a function that recognises an utterance as a stream in pieces of `chunk` samples."""
    recognizer = make(**options)

    def recognize(speech: Any) -> list:
        recognizer.reset()
        starts = range(0, len(speech), chunk)
        return [recognizer(speech[start : start + chunk], start + chunk >= len(speech)) for start in starts][-1]

    return recognize


def report(setting: str, backend: str, recognizer, utterances: list[dict[str, Any]]) -> None:
    """Decode all utterances and print a line, and one for each utterance that differs."""
    same, best, errors, words, worst, audio, seconds = 0, 0, 0, 0, 0.0, 0.0, 0.0
    differing = []
    for utterance in utterances:
        speech, rate = soundfile.read(utterance["speech"], dtype="float32")
        start = time.perf_counter()
        found = [(r[0], list(r[2]), float(r[3].score)) for r in recognizer(speech)]
        seconds += time.perf_counter() - start
        audio += len(speech) / rate
        expected = [(h["text"], h["token_int"], h["score"]) for h in utterance["nbest"]]
        found = found[: len(expected)]
        errors += edit_distance(utterance["ref"].split(), found[0][0].split() if found else [])
        words += len(utterance["ref"].split())
        best += [f[:2] for f in found[:1]] == [e[:2] for e in expected[:1]]
        if [f[:2] for f in found] == [e[:2] for e in expected]:
            same += 1
            difference = max((abs(f[2] - e[2]) for f, e in zip(found, expected, strict=True)), default=0.0)
            if difference > 1e-3:
                differing.append(f"  {utterance['utt']}: scores differ by {difference:.1e}")
            worst = max(worst, difference)
        else:
            differing.append(_first_difference(utterance["utt"], expected, found))
    total = len(utterances)
    print(
        f"{setting:31} {backend:12} {same:4d}/{total:4d} {100 * same / total:5.1f}% {best:5d}/{total:4d}  "
        f"{worst:10.1e} {errors:3d}/{words:3d} {seconds / audio:7.4f}",
        *differing,
        sep="\n",
        flush=True,
    )


def _first_difference(utt: str, expected: list, found: list) -> str:
    for rank, (e, f) in enumerate(zip(expected, found, strict=False), start=1):
        if e[:2] != f[:2]:
            return f"  {utt}: rank {rank}: expected {e[0]!r} {e[2]:.5f}, found {f[0]!r} {f[2]:.5f}"
    return f"  {utt}: expected {len(expected)} hypotheses, found {len(found)}"


if __name__ == "__main__":
    main()
