"""A LibriSpeech-sized hybrid model, end to end on one thread: upstream ESPnet on PyTorch against onnxruntime.

    python tools/bench/librispeech_size.py --oracle ORACLE/bin/python --recordings *.flac [--beam_size 10 20]

Conformer 12 x 512 (8 heads, 2048 units, kernel 31, conv2d), Transformer decoder 6 x 512 (2048 units), 5000 tokens,
random weights. The recordings are joined; every hypothesis has exactly `--tokens` tokens. Each contender runs in a
process of its own, in the same run, on one thread, after one warm-up; the table shows seconds, the ratio to upstream,
and whether the hypotheses are the same. `--oracle` names a Python with upstream ESPnet installed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

VOCABULARY = 5000
CONFIG = {
    "token_type": "word",
    "bpemodel": None,
    "init": None,
    "input_size": None,
    "ctc_conf": {},
    "frontend": "default",
    "frontend_conf": {"n_fft": 512, "hop_length": 160, "win_length": 400},
    "specaug": None,
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "model": "espnet",
    "model_conf": {"ctc_weight": 0.3},
    "preencoder": None,
    "encoder": "conformer",
    "encoder_conf": {
        "output_size": 512,
        "attention_heads": 8,
        "linear_units": 2048,
        "num_blocks": 12,
        "input_layer": "conv2d",
        "macaron_style": True,
        "rel_pos_type": "latest",
        "pos_enc_layer_type": "rel_pos",
        "selfattention_layer_type": "rel_selfattn",
        "use_cnn_module": True,
        "cnn_module_kernel": 31,
    },
    "postencoder": None,
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 8, "linear_units": 2048, "num_blocks": 6},
    "preprocessor": "default",
    "preprocessor_conf": {},
    "use_preprocessor": True,
    "version": "202511",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oracle", help="Python with upstream ESPnet; left out: only this project is measured")
    parser.add_argument("--recordings", nargs="+", required=True, help="recordings of 16 kHz, joined to one")
    parser.add_argument("--beam_size", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--tokens", type=int, default=60, help="length of every hypothesis")
    parser.add_argument("--repeat", type=int, default=3, help="decodes of this project's bundle, the median counts")
    parser.add_argument(
        "--work_dir", type=Path, help="where model and bundle are kept (default: a temporary directory)"
    )
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.contender:
        print(json.dumps(CONTENDERS[args.contender](args)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        args.work_dir = args.work_dir or Path(temporary)
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """Make the model, run each contender in a process of its own, print the table."""
    make_model(args.work_dir, args.recordings)
    export = run("export", args)
    print(f"export, verified: {export['seconds']:.1f} s, peak memory {export['peak_gb']:.2f} GB", flush=True)
    contenders = {"onnxruntime": run("onnxruntime", args)}
    if args.oracle:
        contenders = {"upstream": run("upstream", args, python=args.oracle), **contenders}
    print(f"{'beam':>4}  {'':12} {'encoder s':>9} {'whole s':>8} {'ratio':>6}  hypotheses")
    for beam in map(str, args.beam_size):
        base = next(iter(contenders.values()))[beam]
        for name, results in contenders.items():
            row = results[beam]
            same = "same" if row["tokens"] == base["tokens"] else "DIFFERENT"
            ratio = base["seconds"] / row["seconds"]
            worst = max(abs(a - b) for a, b in zip(row["scores"], base["scores"], strict=True))
            times = f"{row['encoder']:9.2f} {row['seconds']:8.2f} {ratio:6.2f}"
            print(f"{beam:>4}  {name:12} {times}  {same}, scores within {worst:.0e}")


def make_model(directory: Path, recordings: list[str]) -> None:
    """Configuration, random weights (made by this project's classes, loaded by both sides) and the joined recording."""
    import soundfile
    import torch
    import yaml

    from espnet2.tasks.asr import ASRTask

    directory.mkdir(parents=True, exist_ok=True)
    speech = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in recordings])
    np.save(directory / "speech.npy", speech)
    tokens = ["<blank>", "<unk>", *(f"w{index}" for index in range(VOCABULARY - 3)), "<sos/eos>"]
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, "token_list": tokens}))
    torch.manual_seed(0)
    model, _ = ASRTask.build_model_from_file(path)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.xavier_uniform_(parameter)
    torch.save(model.state_dict(), directory / "model.pth")
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters, {len(speech) / 16000:.1f} s of speech")


def run(contender: str, args: argparse.Namespace, python: str = sys.executable) -> dict:
    """One contender's results, from a process that has one thread."""
    command = [python, __file__, "--contender", contender, "--work_dir", str(args.work_dir), "--recordings", "-"]
    command += ["--tokens", str(args.tokens), "--repeat", str(args.repeat), "--beam_size", *map(str, args.beam_size)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if python != sys.executable:
        environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def export(args: argparse.Namespace) -> dict:
    """Export and verify the model."""
    from espnet2.export.make_bundle import make_bundle

    start = time.perf_counter()
    make_bundle(
        args.work_dir / "bundle",
        asr_train_config=args.work_dir / "config.yaml",
        asr_model_file=args.work_dir / "model.pth",
    )
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


def upstream(args: argparse.Namespace) -> dict:
    """Upstream's own Speech2Text on PyTorch."""
    import torch

    from espnet2.bin.asr_inference import Speech2Text

    torch.set_num_threads(1)
    model = (args.work_dir / "config.yaml", args.work_dir / "model.pth")

    def make(beam: int):
        return Speech2Text(*map(str, model), **options(args, beam))

    def encode(recognizer, speech: np.ndarray) -> None:
        with torch.inference_mode():
            recognizer.asr_model.encode(torch.from_numpy(speech)[None], torch.tensor([len(speech)]))

    return measure(args, make, encode, repeat=1)


def onnxruntime(args: argparse.Namespace) -> dict:
    """This project's runtime on the exported bundle, fp32."""
    from espnet2.runtime import Speech2Text

    def make(beam: int):
        return Speech2Text(args.work_dir / "bundle", num_threads=1, **options(args, beam))

    return measure(args, make, lambda recognizer, speech: recognizer.encode([speech]), repeat=args.repeat)


def options(args: argparse.Namespace, beam: int) -> dict:
    # Hypotheses that end before the last step are dropped, at the last step all end: each has exactly `tokens` tokens.
    ratios = {"maxlenratio": -float(args.tokens), "minlenratio": -float(args.tokens - 1)}
    return {"beam_size": beam, "ctc_weight": 0.3, "nbest": 5, **ratios}


def measure(args: argparse.Namespace, make, encode, repeat: int) -> dict:
    """Seconds (median) and hypotheses per beam size, after a short warm-up."""
    speech = np.load(args.work_dir / "speech.npy")
    results = {}
    for beam in args.beam_size:
        recognizer = make(beam)
        encode(recognizer, speech[: len(speech) // 2])
        encoder, _ = timed(lambda r=recognizer: encode(r, speech), repeat)
        seconds, nbest = timed(lambda r=recognizer: r(speech), repeat)
        results[beam] = {
            "encoder": encoder,
            "seconds": seconds,
            "tokens": [list(map(int, hypothesis[2])) for hypothesis in nbest],
            "scores": [float(hypothesis[3].score) for hypothesis in nbest],
        }
    return results


def timed(function, repeat: int):
    """Median seconds of `repeat` calls, and the last result."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), result


CONTENDERS = {"export": export, "upstream": upstream, "onnxruntime": onnxruntime}

if __name__ == "__main__":
    main()
