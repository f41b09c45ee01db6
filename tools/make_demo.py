"""Make `egs2/digits/asr1/demo` and `egs2/digits/tts1/demo` from the models of their recipes.

    python tools/make_demo.py              # weights, configurations, log, results, six recordings of the test set
    python tools/make_demo.py --tts_exp egs2/digits/tts1/exp/tts_demo       # weights and configuration that speak
    ORACLE/bin/python tools/make_demo_refs.py     # upstream ESPnet's hypotheses for them

Configurations get paths relative to their own directory; nothing else in them is changed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
from pathlib import Path

import soundfile
import yaml

from espnet2.fileio.read_text import read_2columns_text
from espnet2.recipe.corpora.digits import SETS, plan
from espnet2.tasks.arguments import to_yaml

RECIPE = Path(__file__).resolve().parents[1] / "egs2" / "digits" / "asr1"
DEMO = RECIPE / "demo"
RECORDINGS, SECONDS = 6, (2.5, 4.5)  # number, and range of lengths
TAG = "en_bpe_unigram30"
FILES = {
    "asr": ("valid.acc.ave.pth", f"asr_train_asr_conformer_raw_{TAG}"),
    "lm": ("valid.loss.ave.pth", f"lm_train_lm_transformer_{TAG}"),
}
SYNTHESISER = "train.loss.ave.pth"
STATISTICS = {
    "normalize": "feats_stats.npz",
    "pitch_normalize": "pitch_stats.npz",
    "energy_normalize": "energy_stats.npz",
}
LOGS = {
    "train.log": "train.log",
    "RESULTS.md": "RESULTS.md",
    "images/loss.png": "loss.png",
    "images/acc.png": "acc.png",
}


def copy_model(kind: str, exp: Path) -> None:
    """Copy weights, configuration, tokenizer and statistics of a model."""
    weights, name = FILES[kind]
    source, target = exp / name, DEMO / "exp" / kind
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copyfile(source / weights, target / weights)
    config = yaml.safe_load((source / "config.yaml").read_text(encoding="utf-8"))
    shutil.copyfile(RECIPE / config["bpemodel"], target / "bpe.model")
    config |= {"bpemodel": "bpe.model", "output_dir": "."}
    stats = config.get("normalize_conf", {}).get("stats_file")
    if stats is not None:
        shutil.copyfile(RECIPE / stats, target / "feats_stats.npz")
        config["normalize_conf"]["stats_file"] = "feats_stats.npz"
    (target / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    (target / "tokens.txt").write_text("".join(f"{token}\n" for token in config["token_list"]), encoding="utf-8")


def copy_synthesiser(exp: Path) -> None:
    """Copy weights, configuration and statistics of a synthesiser whose configuration names its token list."""
    target = RECIPE.parent / "tts1" / "demo" / "exp" / "tts"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(exp / SYNTHESISER, target / SYNTHESISER)
    config = yaml.safe_load((exp / "config.yaml").read_text(encoding="utf-8")) | {"output_dir": "."}
    for section, name in STATISTICS.items():
        source = exp.parents[1] / config[f"{section}_conf"]["stats_file"]
        shutil.copyfile(source, target / name)
        config[f"{section}_conf"]["stats_file"] = name
    (target / "config.yaml").write_text(to_yaml(config), encoding="utf-8")


def copy_recordings(dump: Path) -> None:
    """Copy the first recording of medium length of each speaker, its text, and its voice parameters."""
    target = DEMO / "recordings"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    cast, count = SETS["test"]
    known = {utterance.name: utterance for utterance in plan("test", cast, count, seed=0)}
    paths = read_2columns_text(dump / "test" / "wav.scp")
    chosen: dict[str, str] = {}
    for name, path in paths.items():
        if SECONDS[0] <= soundfile.info(RECIPE / path).duration <= SECONDS[1]:
            chosen.setdefault(known[name].speaker, name)
    names = sorted(chosen.values())[:RECORDINGS]
    for name in names:
        shutil.copyfile(RECIPE / paths[name], target / f"{name}.flac")
    (target / "text").write_text("".join(f"{name} {known[name].text}\n" for name in names), encoding="utf-8")
    (target / "wav.scp").write_text("".join(f"{name} recordings/{name}.flac\n" for name in names), encoding="utf-8")
    told = "".join(json.dumps(dataclasses.asdict(known[name])) + "\n" for name in names)
    (target / "how.jsonl").write_text(told, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exp", type=Path, default=RECIPE / "exp", help="where the recipe's models are")
    parser.add_argument("--dump", type=Path, default=RECIPE / "dump" / "raw", help="where its recordings are")
    parser.add_argument("--tts_exp", type=Path, help="a synthesiser, which alone is copied")
    args = parser.parse_args()
    if args.tts_exp is not None:
        copy_synthesiser(args.tts_exp)
        return
    for kind in FILES:
        copy_model(kind, args.exp)
    copy_recordings(args.dump)
    source = args.exp / FILES["asr"][1]
    (DEMO / "log").mkdir(exist_ok=True)
    for name, copied in LOGS.items():
        shutil.copyfile(source / name, DEMO / "log" / copied)


if __name__ == "__main__":
    main()
