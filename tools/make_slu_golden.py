"""Store whole decodes by upstream ESPnet of the cases of `test/slu_cases.py` in `test/golden/slu_decodes.json`, and
with `--training` losses and gradients in `test/golden/slu_training.json`.

Run it with the Python of an environment that holds upstream ESPnet and the package transformers (and not this project),
from the repository's root:

    ORACLE/bin/python tools/make_slu_golden.py
    ORACLE/bin/python tools/make_slu_golden.py --count 240 --output theirs.json     # more cases, elsewhere

With `--compare theirs.json`, this project decodes the same cases and prints those that differ; with `--bundles`
too, on bundles that are exported from the models. `--models transducer` asks for other models.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure_cases
import torch

GOLDEN = measure_cases.ROOT / "test/golden/slu_decodes.json"
TRAINING = GOLDEN.with_name("slu_training.json")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help="cases (default: those that are stored)")
    parser.add_argument("--models", nargs="+", help="names of models (default: those that need no further package)")
    parser.add_argument("--training", action="store_true", help="losses and gradients instead of decodes")
    parser.add_argument("--output", type=Path, help="(default: the golden)")
    parser.add_argument("--compare", type=Path, help="results to compare with, instead of writing some")
    parser.add_argument("--bundles", action="store_true", help="compare those of bundles")
    args = parser.parse_args()
    measure_cases.find_packages(upstream=args.compare is None)
    torch.set_num_threads(1)
    expected = json.loads(args.compare.read_text()) if args.compare else {}
    return (_train if args.training else _decode)(args, expected)


def _train(args: argparse.Namespace, expected: dict[str, Any]) -> int:
    """Measure cases of training, and write or compare them."""
    import slu_cases
    import zoo_training_calls

    models = {"models": tuple(args.models)} if args.models else {}
    chosen = slu_cases.trainings(args.count or len(expected) or slu_cases.TRAINED, **models)
    found = measure_cases.measured(chosen, slu_cases.trained)
    if expected:
        return measure_cases.compared({name: expected[name] for name in found}, found)
    if args.output is None:
        found = {name: zoo_training_calls.condensed(one) for name, one in found.items()}
    measure_cases.write(args.output or TRAINING, found)
    return 0


def _decode(args: argparse.Namespace, expected: dict[str, Any]) -> int:
    """Decode the cases, and write or compare the results."""
    import slu_cases

    models = {"models": tuple(args.models)} if args.models else {}
    chosen = slu_cases.cases(len(expected) or args.count or slu_cases.STORED, **models)
    found, differing = {}, 0
    with tempfile.TemporaryDirectory() as directory:
        names = dict.fromkeys(case.model for case in chosen)
        configs = {name: slu_cases.write(Path(directory) / name, name) for name in names}
        make = _of_bundles if args.bundles else slu_cases.recogniser
        for case in chosen:
            try:
                found[case.name] = slu_cases.decoded(case, make(case, configs[case.model]))
            except IndexError:  # of upstream's CTC where a text has more tokens than the recording has frames
                found[case.name] = None
            known = expected.get(case.name)
            text = slu_cases.difference(known, found[case.name]) if known is not None else ""
            differing += bool(text)
            if text:
                print(case, text)
    if expected:
        unknown = sum(known is None for known in expected.values())
        print(f"{len(chosen)} cases, {unknown} of which upstream cannot decode; {differing} differ")
        return int(differing > 0)
    output = args.output or GOLDEN
    output.write_text(json.dumps(found, separators=(",", ":")) + "\n")
    print(f"{len(found)} cases, {output.stat().st_size} bytes")
    return 0


def _of_bundles(case: Any, config: Path) -> Callable[..., Any]:
    """The recogniser of a case, on a bundle, which is exported once."""
    from espnet2.export.make_bundle import make_bundle
    from espnet2.runtime import Speech2Text

    bundle = config.with_name(f"bundle-{case.scale}")
    if not bundle.exists():
        make_bundle(bundle, slu_train_config=config, slu_model_file=config.with_name(f"{case.scale}.pth"))
    recognise: Callable[..., Any] = Speech2Text(bundle, num_threads=1, **case.options)
    return recognise


if __name__ == "__main__":
    raise SystemExit(main())
