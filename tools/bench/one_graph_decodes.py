"""Decode the fixtures' test sets with models as one graph, alone and in ragged batches, and compare with the runtime.

    python tools/bench/one_graph_decodes.py --fixtures ../shared/fixtures --work_dir DIR [--every 10] [--rows ...]

Per row: utterances whose whole n-best list (token ids, order) is that of the runtime's search on PyTorch's graphs,
alone and in a batch, the largest difference of scores, and the seconds of each. Utterances that differ are listed with
both lists. Graphs are kept in `--work_dir`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import soundfile
from reference_decodes import CONFORMER, SETTINGS, STREAMING, TRANSDUCER, WHOLE_SETTINGS, files, references

from espnet2.runtime import OneGraphRecognizer

BATCH = 8
HYBRID = ("ctc0.3", "ctc0.0", "ctc0.3_penalty1.0_minlen0.1", "ctc0.3_normlen", "ctc0.3_lm_transformer", "ctc0.3_lm_rnn")
LABELS, CTC_BEAM, CTC_GREEDY = "label_synchronous", "ctc_beam", "ctc_greedy"
GREEDY, ALSD = "transducer_greedy", "transducer_alsd"
CTC = {"ctc_weight": 1.0}
# Row: model, setting whose language model, options and utterances it has, search, and options beside.
ROWS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    **{name: (CONFORMER, name, LABELS, {}) for name in HYBRID},
    "ctc1.0": (CONFORMER, "ctc1.0", CTC_BEAM, {}),
    **{f"ctc1.0_{lm}": (CONFORMER, f"ctc0.3_{lm}", CTC_BEAM, CTC) for lm in ("lm_transformer", "lm_rnn")},
    "ctc_greedy": (CONFORMER, "ctc1.0", CTC_GREEDY, {"ctc_greedy": True}),
    "transducer_greedy": (TRANSDUCER, "greedy", GREEDY, {}),
    "transducer_alsd": (TRANSDUCER, "alsd", ALSD, {}),
    **{f"streaming_{n}": (STREAMING, n, CTC_BEAM if n == "ctc1.0" else LABELS, {}) for n in WHOLE_SETTINGS},
    "streaming_ctc_greedy": (STREAMING, "ctc1.0", CTC_GREEDY, {"ctc_greedy": True}),
}
Nbest = list[tuple[list[int], float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--work_dir", type=Path, required=True)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--every", type=int, default=1, help="decode every Nth utterance")
    args = parser.parse_args()
    print(f"{'row':28} {'alone':>8} {'batch':>8} {'score diff':>10} {'runtime s':>9} {'graph s':>8} {'batch s':>8}")
    for row in args.rows:
        model, setting, _, _ = ROWS[row]
        rows = list(references(args.fixtures, model, setting))[:: args.every]
        speeches = [soundfile.read(utterance["speech"], dtype="float32")[0] for utterance in rows]
        print(*compared(row, args, [utterance["utt"] for utterance in rows], speeches), sep="\n", flush=True)


def compared(row: str, args: argparse.Namespace, names: Sequence[str], speeches: Sequence[Any]) -> Iterator[str]:
    """A line for a row, and those of utterances that differ."""
    runtime, graph = recognizers(row, args.fixtures, args.work_dir)
    expected, seconds = timed(lambda: [of_runtime(runtime(speech)) for speech in speeches])
    alone, alone_seconds = timed(lambda: [of_graph(graph(speech)) for speech in speeches])
    batches = [speeches[at : at + BATCH] for at in range(0, len(speeches), BATCH)]
    together, batch_seconds = timed(lambda: [of_graph(found) for part in batches for found in graph.batch(part)])
    counts = [sum(same(*pair) for pair in zip(expected, found, strict=True)) for found in (alone, together)]
    pairs = [pair for found in (alone, together) for pair in zip(expected, found, strict=True) if same(*pair)]
    worst = max((abs(e[1] - f[1]) for lists in pairs for e, f in zip(*lists, strict=True)), default=0.0)
    same_counts = " ".join(f"{count:4d}/{len(speeches):3d}" for count in counts)
    yield f"{row:28} {same_counts} {worst:10.1e} {seconds:9.1f} {alone_seconds:8.1f} {batch_seconds:8.1f}"
    for name, e, *found in zip(names, expected, alone, together, strict=True):
        for kind, f in zip(("alone", "batch"), found, strict=True):
            if not same(e, f):
                yield f"  {name}, {kind}: expected {e}, found {f}"


def recognizers(row: str, fixtures: Path, work_dir: Path) -> tuple[Any, OneGraphRecognizer]:
    """The runtime's search and the graph of a row, which is made where it is not there."""
    from espnet2.export.whole import Whole
    from espnet2.inference.trained import load_trained

    model, setting, search, further = ROWS[row]
    lm, options = SETTINGS[setting]
    options = {**options, **further}
    of_model = files(fixtures, model, lm)
    trained = load_trained(**of_model)
    folder = work_dir / "-".join([*(path.parent.name for path in of_model.values()), search])
    if not any(folder.glob("*.onnx")):
        folder.mkdir(parents=True, exist_ok=True)
        Whole(trained, search, options.get("beam_size", 10)).write(folder, {})
    known = OneGraphRecognizer(folder).options
    chosen = {"lm_weight": 0.0, "nbest": 1, **options}
    graph = OneGraphRecognizer(folder, **{name: value for name, value in chosen.items() if name in known})
    return trained.run(trained.family.read_options(options)), graph


def timed(run: Any) -> tuple[Any, float]:
    """The result of a function, and the seconds that it took."""
    start = time.perf_counter()
    return run(), time.perf_counter() - start


def of_runtime(results: Sequence[Any]) -> Nbest:
    """Token ids and score of each hypothesis."""
    return [(list(result.token_int), float(result.hypothesis.score)) for result in results]


def of_graph(results: Sequence[Any]) -> Nbest:
    """As `of_runtime`."""
    return [(result.token_int, result.score) for result in results]


def same(expected: Nbest, found: Nbest) -> bool:
    """Whether two lists have the same texts in the same order."""
    return [ids for ids, _ in expected] == [ids for ids, _ in found]


if __name__ == "__main__":
    main()
