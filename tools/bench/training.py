"""Train the same model on the same batches here and with upstream ESPnet: losses of each step, and utterances per
second.

    python tools/bench/training.py --upstream ../oracle/bin/python --data ../shared/fixtures --work /tmp/bench

Both start from the same weights, without dropout. One thread each, one after the other.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20
STEP = re.compile(r"1epoch:train:(\d+)-\d+batch: .*?\bloss=([0-9.e+-]+)")
EPOCH = re.compile(r"\d+epoch results: \[train\] .*?, time=(.+?), total_count")
UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}


def main() -> None:
    """Print the largest difference of losses, and the ratio of speeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True, help="Python of an environment with upstream ESPnet")
    parser.add_argument("--data", type=Path, required=True, help="directory with data/{train,valid} and conf")
    parser.add_argument("--work", type=Path, required=True, help="directory to work in, which is emptied")
    parser.add_argument("--config", default="conf/asr_conformer_s1.yaml", help="of the training, under --data")
    parser.add_argument("--utterances", type=int, default=200, help="the shortest so many are trained on")
    parser.add_argument("--epochs", type=int, default=4, help="that are measured, behind the first")
    parser.add_argument("--dropout", action="store_true", help="train with the configuration's dropout")
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    options = prepare(args)
    report(args, options)


def pythons(args: argparse.Namespace) -> dict[str, str]:
    """The interpreters that are compared."""
    return {"upstream": str(Path(args.upstream).absolute()), "this": sys.executable}


def prepare(args: argparse.Namespace) -> list[str]:
    """Lists of the shortest utterances, the configuration, first weights and statistics; returns options."""
    config = yaml.safe_load((args.data / args.config).read_text())
    if not args.dropout:
        for section in ("encoder_conf", "decoder_conf"):
            config[section] = {key: 0.0 if "dropout" in key else value for key, value in config[section].items()}
    model = (args.data / "models" / "asr_conformer").resolve()
    config |= {"token_list": str(model / "tokens.txt"), "bpemodel": str(model / "bpe.model"), "token_type": "bpe"}
    config |= {"num_workers": 0, "num_att_plot": 0, "use_matplotlib": False, "use_tensorboard": False}
    (args.work / "config.yaml").write_text(yaml.safe_dump(config))
    options = ["--config", "config.yaml"]
    for phase, count in (("train", args.utterances), ("valid", args.utterances // 4)):
        write_lists(args.data.resolve(), args.work / phase, phase, count)
        for name, kind in (("wav.scp,speech", "sound"), ("text,text", "text")):
            options += [f"--{phase}_data_path_and_name_and_type", f"{phase}/{name},{kind}"]
    extra = ["--collect_stats", "true", "--batch_type", "unsorted", "--output_dir", "stats"]
    keys = ["--train_shape_file", "train/wav.scp", "--valid_shape_file", "valid/wav.scp"]
    train(sys.executable, args.work, [*options, *extra, *keys])
    for phase in ("train", "valid"):
        for name in ("speech_shape", "text_shape"):
            options += [f"--{phase}_shape_file", f"stats/{phase}/{name}"]
    options += ["--normalize", "global_mvn", "--normalize_conf", "stats_file=stats/train/feats_stats.npz"]
    write_weights(args.work, options)
    return [*options, "--init", "none", "--init_param", "first.pth"]


def write_lists(data: Path, target: Path, phase: str, count: int) -> None:
    """`wav.scp` and `text` of the shortest utterances of a phase."""
    source = data / "data" / phase
    lengths = dict(line.split() for line in (source / "utt2num_samples").read_text().splitlines())
    kept = sorted(sorted(lengths, key=lambda uid: int(lengths[uid]))[:count])
    target.mkdir()
    for name, prefix in (("wav.scp", f"{data}/"), ("text", "")):
        rows = dict(line.split(maxsplit=1) for line in (source / name).read_text().splitlines())
        (target / name).write_text("".join(f"{uid} {prefix}{rows[uid]}\n" for uid in kept))


def write_weights(work: Path, options: list[str]) -> None:
    """The weights that training would begin with."""
    train(sys.executable, work, [*options, "--output_dir", "first", "--dry_run", "true"])
    script = (
        "import torch; from espnet2.tasks.asr import ASRTask; from espnet2.torch_utils.initialize import initialize;"
        "torch.manual_seed(0); model, _ = ASRTask.build_model_from_file('first/config.yaml');"
        "initialize(model, 'xavier_uniform'); torch.save(model.state_dict(), 'first.pth')"
    )
    subprocess.run([sys.executable, "-c", script], cwd=work, check=True, env=environment(sys.executable))


def environment(python: str) -> dict[str, str]:
    """One thread; and this package for this interpreter."""
    path = {"PYTHONPATH": str(ROOT)} if python == sys.executable else {}
    return {**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **path, "OMP_NUM_THREADS": "1"}


def train(python: str, work: Path, options: list[str]) -> tuple[str, float]:
    """Run the training command; returns what it has logged, and the seconds of computing that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [python, "-m", "espnet2.bin.asr_train", *options]
    done = subprocess.run(command, cwd=work, env=environment(python), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def losses_of(python: str, name: str, work: Path, options: list[str]) -> dict[int, float]:
    """The loss of each of the first steps, an utterance each, since batches are padded in other ways."""
    steps = ["--batch_type", "unsorted", "--batch_size", "1", "--num_iters_per_epoch", str(STEPS), "--max_epoch", "1"]
    log, _ = train(python, work, [*options, *steps, "--log_interval", "1", "--output_dir", f"{name}-losses"])
    return {int(step): float(loss) for step, loss in STEP.findall(log)}


def speeds_of(python: str, name: str, work: Path, options: list[str], epochs: int) -> tuple[float, float]:
    """Seconds of an epoch: of the fastest, by the clock, and of computing, on average, with validation and files.

    Time spent once, before and in the first epoch, does not count.
    """
    _, start = train(python, work, [*options, "--output_dir", f"{name}-first", "--max_epoch", "1"])
    log, spent = train(python, work, [*options, "--output_dir", name, "--max_epoch", str(1 + epochs)])
    return min(seconds(text) for text in EPOCH.findall(log)), (spent - start) / epochs


def seconds(text: str) -> float:
    """`1 minute and 2.5 seconds` as a number."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([0-9.]+) (second|minute|hour)", text))


def report(args: argparse.Namespace, options: list[str]) -> None:
    """Print the comparison."""
    theirs, ours = (losses_of(python, name, args.work, options) for name, python in pythons(args).items())
    print("step  upstream  this      difference")
    for step in sorted(theirs.keys() & ours.keys()):
        print(f"{step:4d}  {theirs[step]:<8.3f}  {ours[step]:<8.3f}  {abs(ours[step] / theirs[step] - 1):.1e}")
    found = [speeds_of(python, name, args.work, options, args.epochs) for name, python in pythons(args).items()]
    for (clock, spent), name in zip(found, pythons(args), strict=True):
        print(f"{name}: {args.utterances / clock:.1f} utterances/s, {args.utterances / spent:.1f} of computing")
    for kind, place in (("by the clock", 0), ("of computing", 1)):
        print(f"ratio {kind}: {found[0][place] / found[1][place]:.2f}")


if __name__ == "__main__":
    main()
