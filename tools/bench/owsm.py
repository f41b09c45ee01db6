"""OWSM's sizes against upstream, on one thread: export, a window of 30 s, and OWSM-CTC on ten minutes in buffers.

    python tools/bench/owsm.py --work_dir DIR --recordings *.flac --oracle ORACLE/bin/python \
        [--rows base ctc] [--quantize]

Each row is a model of random weights (see `random_prompted`), which a process of its own exports and verifies. `base`,
`small` and `medium` decode a window with beam 5 to 60 tokens, `ctc` ten minutes by greedy CTC. Upstream on PyTorch and
this project on onnxruntime take turns, or with `--apart` run one after the other, which needs less memory at once. The
table shows seconds, the ratio to upstream, peaks of the memory (while the model is loaded, and while it decodes), and
whether the hypotheses are the same. Models and bundles are kept in `--work_dir`: one of 1.0 B has 8 GB, 9 GB with int8.
`--export_only` stops there; `--discard` removes model and bundle of a row when it is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contender import Answer, Contender, interleaved, same_texts
from machine import processor
from random_models import add_options, joined
from random_prompted import FILES, MODELS

BUFFERED = "ctc"
HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--rows", nargs="+", choices=list(MODELS), default=["base", BUFFERED])
    parser.add_argument("--quantize", action="store_true", help="measure int8, too")
    parser.add_argument("--seconds", type=float, help="length of speech (default: 30, of ctc 600)")
    parser.add_argument("--tokens", type=int, default=60, help="of a hypothesis (default: 60)")
    parser.add_argument("--beam", type=int, default=5, help="(default: 5)")
    parser.add_argument("--buffers", type=int, default=4, help="of ctc that are encoded at once (default: 4)")
    parser.add_argument("--apart", action="store_true", help="one contender after the other")
    parser.add_argument("--export_only", action="store_true")
    parser.add_argument("--discard", action="store_true", help="remove model and bundle of a row in the end")
    args = parser.parse_args()
    recording = joined(args.recordings, args.work_dir / "speech.npy")
    print(processor(), flush=True)
    for row in args.rows:
        directory = args.work_dir / row
        bundle = bundled(row, directory, args.quantize)
        if not args.export_only:
            for line in lines(row, answers_of(row, directory, bundle, recording, args)):
                print(line, flush=True)
        if args.discard:
            shutil.rmtree(directory)


def bundled(row: str, directory: Path, quantize: bool) -> Path:
    """Make model and bundle of a row unless they are there, and print what the export took: the bundle."""
    if not all((directory / file).is_file() for file in FILES.values()):
        subprocess.run([sys.executable, HERE / "random_prompted.py", row, directory], check=True)
    bundle = directory / "bundle"
    if not (bundle / "bundle.yaml").is_file() or (quantize and not any(bundle.glob("*.int8.onnx"))):
        files = [word for option, file in FILES.items() for word in (f"--{option}", str(directory / file))]
        options = [*files, "--output_dir", str(bundle), *(("--quantize", "int8") if quantize else ())]
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "espnet2.bin.export_onnx", *options])
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{row}: the export ended with status {process.returncode}")
        seconds, size = time.perf_counter() - start, sum(file.stat().st_size for file in bundle.iterdir())
        peak = used.ru_maxrss * 1.024e-3
        print(f"{row}: exported in {seconds:.0f} s, peak {peak:.0f} MB; bundle {size / 1e6:.0f} MB", flush=True)
    return bundle


def answers_of(row: str, directory: Path, bundle: Path, recording: Path, args: argparse.Namespace) -> dict[str, Answer]:
    """Each contender's answer in a row."""
    files = {kind: {"bundle": str(bundle)} for kind in ("onnxruntime", *(("int8",) if args.quantize else ()))}
    if args.oracle:
        paths = {option: str(directory / file) for option, file in FILES.items()}
        files = {"upstream": paths, **files}
    repeat = {kind: args.upstream_repeat if kind == "upstream" else args.repeat for kind in files}
    request = {"recording": str(recording.resolve()), **request_of(row, args)}
    groups = [[kind] for kind in files] if args.apart else [list(files)]
    answers: dict[str, Answer] = {}
    for kinds in groups:
        answers |= asked({kind: files[kind] for kind in kinds}, repeat, request, args.oracle)
    return answers


def request_of(row: str, args: argparse.Namespace) -> dict[str, Any]:
    """Length of speech, options, and buffers, of a row."""
    if row == BUFFERED:
        seconds = args.seconds or 600.0
        return {"seconds": seconds, "options": {}, "batch_size": args.buffers, "warm": seconds <= 60}
    # Hypotheses that end before the last step are dropped, at the last step all end.
    exact = {"maxlenratio": -float(args.tokens), "minlenratio": -float(args.tokens - 1)}
    return {"seconds": args.seconds or 30.0, "options": {"beam_size": args.beam, "nbest": args.beam, **exact}}


def asked(
    files: Mapping[str, Mapping[str, str]], repeat: Mapping[str, int], request: Mapping[str, Any], oracle: str | None
) -> dict[str, Answer]:
    """Answers of contenders that take turns."""
    contenders = {}
    for kind, paths in files.items():
        python = oracle if kind == "upstream" and oracle else sys.executable
        contenders[kind] = Contender(python, [HERE / "prompted_recognizer.py", kind, json.dumps(paths)])
    try:
        return interleaved(contenders, {kind: repeat[kind] for kind in files}, request)
    finally:
        for contender in contenders.values():
            contender.close()


def lines(row: str, answers: Mapping[str, Answer]) -> list[str]:
    """A line for each contender."""
    base = next(iter(answers.values()))
    found = [
        f"{'row':8} {'':12} {'encoder s':>9} {'whole s':>8} {'ratio':>6} {'loading MB':>10} {'peak MB':>8}  n-best"
    ]
    for name, answer in answers.items():
        seconds, whole = answer["seconds"], answer["seconds"]["whole"]
        times = f"{seconds.get('encoder', whole):9.2f} {whole:8.2f} {base['seconds']['whole'] / whole:6.2f}"
        peaks = f"{answer['loading_mb']:10.0f} {answer['peak_mb']:8.0f}"
        nbest = same_texts(answer["tokens"], base["tokens"]) if answer is not base else ""
        found.append(f"{row:8} {name:12} {times} {peaks}  {nbest} ({len(answer['tokens'][0])} tokens)")
    return found


if __name__ == "__main__":
    main()
