"""Compare upstream ESPnet's best hypotheses (token ids and scores) with those decoded here, for a model trained here.

Run it in the recipe's directory, with the Python of an environment that holds upstream ESPnet 202511 or 202611 (and not
this project):

    ORACLE/bin/python ../../../tools/bench/upstream_decodes.py --asr exp/asr_... --lm exp/lm_... \
        --config conf/decode_asr.yaml --wav_scp dump/raw/test/wav.scp --decoded exp/asr_.../decode_.../test/1best_recog
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, Path(__file__).parent)]

import soundfile  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402

from espnet2.bin.asr_inference import Speech2Text  # noqa: E402
from espnet2.fileio.read_text import read_2columns_text  # noqa: E402
from espnet2.tasks.asr import ASRTask  # noqa: E402


def main() -> None:
    """Print the utterances that differ, their count, and the largest difference of a score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asr", type=Path, required=True, help="directory with config.yaml and the weights")
    parser.add_argument("--weights", default="valid.acc.ave.pth", help="of the recogniser")
    parser.add_argument("--lm", type=Path, help="directory with config.yaml and valid.loss.ave.pth")
    parser.add_argument("--config", type=Path, required=True, help="options of the search")
    parser.add_argument("--wav_scp", type=Path, required=True)
    parser.add_argument("--decoded", type=Path, required=True, help="directory with token_int and score")
    args = parser.parse_args()
    recogniser = load(args)
    ids, scores = (read_2columns_text(args.decoded / name) for name in ("token_int", "score"))
    files = read_2columns_text(args.wav_scp)
    if not files.keys() <= ids.keys():
        raise SystemExit(f"{args.decoded}: expected the utterances of {args.wav_scp}, found {len(ids)} others")
    same, largest = 0, 0.0
    for uid, file in files.items():
        _, _, found, hypothesis = recogniser(soundfile.read(file, dtype="float32")[0])[0]
        given = float(scores[uid].removeprefix("tensor(").removesuffix(")"))
        largest = max(largest, abs(float(hypothesis.score) - given))
        if found == [int(token) for token in ids[uid].split()]:
            same += 1
        else:
            print(f"{uid}: upstream {found}, here {ids[uid]}")
    print(f"{same} of {len(files)} texts identical; scores differ by {largest:.1e} at most")


def load(args: argparse.Namespace) -> Speech2Text:
    """Load the model in upstream's recogniser; keys must match exactly."""
    model, _ = ASRTask.build_model_from_file(str(args.asr / "config.yaml"))
    state = torch.load(args.asr / args.weights, map_location="cpu", weights_only=True)
    print(model.load_state_dict(state, strict=True))
    options = yaml.safe_load(args.config.read_text())
    if args.lm is None:
        options["lm_weight"] = 0.0
    else:
        options |= {"lm_train_config": str(args.lm / "config.yaml"), "lm_file": str(args.lm / "valid.loss.ave.pth")}
    return Speech2Text(str(args.asr / "config.yaml"), str(args.asr / args.weights), **options)


if __name__ == "__main__":
    main()
