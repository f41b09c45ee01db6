"""Store results, losses and gradients by upstream ESPnet of the cases of `test/map_cases.py`, models of languages and
classes, in `test/golden/maps.json`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_map_golden.py
    ORACLE/bin/python tools/make_map_golden.py --count 240 --output theirs.json     # more cases, elsewhere

With `--compare theirs.json`, this project measures the same cases and prints those that differ; with `--bundles`,
results alone, on bundles that are exported from the models.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import measure_cases
import torch

GOLDEN = measure_cases.ROOT / "test/golden/maps.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help="cases (default: those that are stored)")
    parser.add_argument("--tasks", nargs="+", default=["lid", "cls"], help="tasks of the models (default: lid cls)")
    parser.add_argument("--output", type=Path, default=GOLDEN)
    parser.add_argument("--compare", type=Path, help="results to compare with, instead of writing some")
    parser.add_argument("--bundles", action="store_true", help="compare results of bundles")
    args = parser.parse_args()
    measure_cases.find_packages(upstream=args.compare is None)
    import map_cases

    torch.set_num_threads(1)
    expected = json.loads(args.compare.read_text()) if args.compare else {}
    chosen = map_cases.cases(args.count or len(expected) or map_cases.STORED, tuple(args.tasks))
    found = measure_cases.measured(chosen, _of_bundle if args.bundles else map_cases.measured)
    if expected:
        return measure_cases.compared({name: expected[name] for name in found}, found)
    if args.output == GOLDEN:
        found = {name: map_cases.condensed(one) for name, one in found.items()}
    measure_cases.write(args.output, found)
    return 0


def _of_bundle(case: Any, directory: Path) -> dict[str, Any]:
    """Results of the case's utterances as one batch, on a bundle that is exported from its model."""
    import map_cases

    from espnet2 import runtime
    from espnet2.export.make_bundle import make_bundle

    _, config, weights = map_cases.write(case, directory)
    languages = {"lang2utt": directory / "lang2utt"} if case.task == "lid" else {}
    (directory / "lang2utt").write_text("".join(f"{number} utterance\n" for number in range(map_cases.CLASSES)))
    files = {f"{case.task}_train_config": config, f"{case.task}_model_file": weights}
    make_bundle(directory / "bundle", **files, **languages)
    classes = {"lid": runtime.Speech2Lang, "cls": runtime.Classification, "asvspoof": runtime.SpeechAntiSpoof}
    mapper: Any = classes[case.task](directory / "bundle", num_threads=1)
    utterances = [map_cases.speech(case, steps) for steps in case.alone]
    return {"alone": [_plain(one) for one in mapper.results([mapper.check(speech) for speech in utterances])]}


def _plain(result: Any) -> list[Any]:
    """A result as `measured` has it."""
    if isinstance(result, float):
        return [result]
    if hasattr(result, "embedding"):
        return [int(result.languages[0][0]), *map(float, result.embedding)]
    return [result.token_int, result.text, *map(float, result.scores)]


if __name__ == "__main__":
    raise SystemExit(main())
