"""The shell of recipes: it parses, says what is wrong, and runs its first stages on a tiny corpus."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
import yaml

from espnet2.text.token_id_converter import TokenIDConverter

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "egs2" / "TEMPLATE" / "asr1"
TTS_TEMPLATE = ROOT / "egs2" / "TEMPLATE" / "tts1"
RECIPES = sorted(path.parent for path in ROOT.glob("egs2/*/*1/run.sh"))
SCRIPTS = sorted({path for pattern in ("*.sh", "local/*.sh") for path in ROOT.glob(f"egs2/*/*1/{pattern}")})
HAS_ESPEAK = importlib.util.find_spec("espeakng_loader") is not None


def named(paths):
    return {"argvalues": paths, "ids": [str(path.relative_to(ROOT / "egs2")) for path in paths]}


@pytest.mark.parametrize("script", **named(SCRIPTS))
def test_scripts_parse(script):
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
@pytest.mark.parametrize("recipe", **named([TEMPLATE, TTS_TEMPLATE, *RECIPES]))
def test_scripts_have_no_findings(recipe):
    scripts = [path for path in SCRIPTS if path.is_relative_to(recipe) and not path.is_symlink()]
    subprocess.run(["shellcheck", "-x", *[str(path.relative_to(recipe)) for path in scripts]], check=True, cwd=recipe)


@pytest.mark.parametrize("recipe", **named(RECIPES))
def test_recipes_are_complete(recipe):
    script = f"{recipe.name.removesuffix('1')}.sh"
    assert (recipe / script).resolve() == TEMPLATE.parent / recipe.name / script
    assert (recipe / "path.sh").resolve() == TEMPLATE / "path.sh"
    assert os.access(recipe / "run.sh", os.X_OK) and os.access(recipe / "local" / "data.sh", os.X_OK)
    for name in re.findall(r"conf/\S+\.yaml", (recipe / "run.sh").read_text()):
        assert isinstance(yaml.safe_load((recipe / name).read_text()), dict)


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Path:
    """A copy of the recipe of digits elsewhere, without its demo."""
    target = tmp_path / "asr1"
    for name in ("run.sh", "asr.sh", "path.sh", "cmd.sh", "local", "conf"):
        source = ROOT / "egs2" / "digits" / "asr1" / name
        target.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target / name)
    monkeypatch.setenv("MAIN_ROOT", str(ROOT))
    monkeypatch.setenv("PYTHON", sys.executable)
    return target


@pytest.fixture
def tts_recipe(tmp_path, monkeypatch) -> Path:
    """A copy of the synthesis recipe of digits elsewhere, whose run.sh calls tts.sh without a recogniser."""
    target = tmp_path / "tts1"
    for name in ("tts.sh", "path.sh", "cmd.sh", "local", "conf"):
        source = ROOT / "egs2" / "digits" / "tts1" / name
        target.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target / name)
    options = "--train_set train --valid_set valid --test_sets test --token_type char --cleaner none --nj 1 --lang en"
    config = "--train_config conf/train_fastspeech2.yaml --teacher_dumpdir data --inference_nj 1"
    (target / "run.sh").write_text(f'#!/bin/sh\ncd "$(dirname "$0")" && exec ./tts.sh {options} {config} "$@"\n')
    (target / "run.sh").chmod(0o755)
    monkeypatch.setenv("MAIN_ROOT", str(ROOT))
    monkeypatch.setenv("PYTHON", sys.executable)
    return target


def run(recipe: Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(recipe / "run.sh"), *options], capture_output=True, text=True, check=False)


TINY = ["--nbpe", "24", "--local_data_opts", "--counts train=12,valid=3,test=3,lm_train=40"]


@pytest.mark.skipif(not HAS_ESPEAK, reason="needs espeakng-loader")
def test_the_first_stages_run_and_run_again(recipe):
    done = run(recipe, "--stop_stage", "5", *TINY)
    assert done.returncode == 0, done.stderr
    tokens = TokenIDConverter(recipe / "data" / "en_token_list" / "bpe_unigram24" / "tokens.txt").token_list
    assert len(tokens) == 24
    flacs = sorted((recipe / "dump").rglob("*.flac"))
    assert len(flacs) == 18 and {soundfile.info(path).samplerate for path in flacs} == {16000}
    made = {path: path.stat().st_mtime_ns for path in flacs}
    flacs[0].unlink()
    began = time.time_ns()
    done = run(recipe, "--stage", "3", "--stop_stage", "5", *TINY)
    assert done.returncode == 0, done.stderr
    assert [path for path in flacs if path.stat().st_mtime_ns != made[path]] == flacs[:1]
    model = recipe / "data" / "en_token_list" / "bpe_unigram24" / "bpe.model"
    assert model.stat().st_mtime_ns < began


SMALL = "adim=8 eunits=8 dunits=8 postnet_layers=0 pitch_predictor_chans=8 energy_predictor_chans=8"


@pytest.mark.skipif(not HAS_ESPEAK, reason="needs espeakng-loader")
def test_a_synthesiser_is_trained_and_speaks(tts_recipe):
    pytest.importorskip("pytorch_lightning")
    sizes = " ".join(f"--tts_conf {option}" for option in SMALL.split())
    options = ["--local_data_opts", "--counts train=4,valid=2,test=2", "--stop_stage", "8", "--tag", "small"]
    training = f"--max_epoch 1 --use_matplotlib false --use_tensorboard false {sizes}"
    done = run(tts_recipe, *options, "--use_sid", "true", "--train_args", training + " --tts_conf spks=2")
    assert done.returncode == 0, done.stderr
    durations = (tts_recipe / "data/train/durations").read_text().splitlines()
    texts = (tts_recipe / "data/train/text").read_text().splitlines()
    for frames, text in zip(durations, texts, strict=True):
        letters = text.partition(" ")[2]
        assert len(frames.split()) - 1 == len(letters) + 1
    spoken = tts_recipe / "exp/tts_small/decode_train.loss.ave/test"
    wavs = [line.split()[1] for line in (spoken / "wav/wav.scp").read_text().splitlines()]
    assert len(wavs) == 2 and all(soundfile.info(tts_recipe / path).samplerate == 16000 for path in wavs)
    assert (spoken / "durations/durations").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stage", "2"], "expected data/train/wav.scp, which stage 1 makes, found none: run --stage 1 first"),
        (["--stage", "4"], "expected dump/raw/org/train/wav.scp, which stage 2 makes"),
        (["--stage", "5"], "expected dump/raw/train/text, which stage 4 makes"),
        (["--stage", "6"], "expected dump/raw/train/wav.scp, which stage 4 makes"),
        (["--stage", "8"], "config.yaml, which stage 7 makes"),
        (["--stage", "10"], "config.yaml, which stage 7 makes"),
        (["--stage", "11"], "bundle/bundle.yaml, which stage 10 makes"),
        (["--tts_task", "vits"], "--tts_task: expected one of tts gan_tts, found 'vits'"),
        (["--vocoder_file", "absent"], "--vocoder_file: expected a file, found no file 'absent'"),
        (["--asr_bundle", "absent"], "--asr_bundle: expected a bundle, found no file 'absent/bundle.yaml'"),
        (
            ["--use_spk_embed", "true"],
            "--spk_embed_dir: expected a directory since --use_spk_embed is true, found none",
        ),
        (["--n_shift", "0"], "--n_shift: expected a number above 0, found 0"),
    ],
)
def test_what_a_synthesis_recipe_misses(tts_recipe, options, message):
    before = sorted(tts_recipe.rglob("*"))
    done = run(tts_recipe, *options)
    assert done.returncode == 2 and message in done.stderr
    assert sorted(tts_recipe.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stage", "3"], "expected data/valid/wav.scp, which stage 1 makes, found none: run --stage 1 first"),
        (["--stage", "4"], "expected dump/raw/org/train/wav.scp, which stage 3 makes"),
        (["--stage", "5"], "expected dump/raw/train/text, which stage 4 makes"),
        (["--stage", "6"], "expected data/en_token_list/bpe_unigram30/tokens.txt, which stage 5 makes"),
        (["--stage", "7"], "expected exp/lm_stats_en_bpe_unigram30/train/text_shape.bpe, which stage 6 makes"),
        (["--stage", "8"], "expected exp/lm_train_lm_transformer_en_bpe_unigram30/config.yaml, which stage 7 makes"),
        (["--stage", "10"], "expected dump/raw/train/wav.scp, which stage 4 makes"),
        (["--stage", "11"], "expected exp/asr_stats_raw_en_bpe_unigram30/train/speech_shape, which stage 10 makes"),
        (["--stage", "12"], "config.yaml, which stage 11 makes"),
        (["--stage", "13"], "1best_recog/text, which stage 12 makes"),
        (["--stage", "14"], "config.yaml, which stage 11 makes"),
        (["--stage", "15"], "bundle/bundle.yaml, which stage 14 makes"),
        (["--stage", "16"], "config.yaml, which stage 11 makes"),
        (["--no_such_option", "1"], "unknown option --no_such_option"),
        (["--stage"], "expected a value behind --stage, found none"),
        (["stage"], "expected --name value, found 'stage'"),
        (["--stage", "1O"], "--stage: expected a whole number, found '1O'"),
        (["--nj", "0"], "--nj: expected a number above 0, found 0"),
        (["--token_list", "x"], "unknown option --token_list"),
        (["--stage", "5", "--stop_stage", "3"], "--stop_stage: expected 5, the first stage, or a later one, found 3"),
        (["--skip_stages", "1-3"], "--skip_stages: expected numbers of stages, found '1-3'"),
        (["--quantize", "int4"], "--quantize: expected one of int8 none, found 'int4'"),
        (["--audio_format", "mp3"], "--audio_format: expected one of flac wav, found 'mp3'"),
        (["--asr_config", "none.yaml"], "--asr_config: expected a file, found no file 'none.yaml'"),
        (["--nlsyms_txt", "absent"], "--nlsyms_txt: expected a file, found no file 'absent'"),
        (["--feats_normalize", "foo"], "--feats_normalize: expected one of global_mvn utterance_mvn none, found 'foo'"),
        (["--expdir", "my exp"], "--expdir: expected no blanks, found 'my exp'"),
        (["--corpus", "absent"], "--corpus: expected a directory without blanks in its path, found 'absent'"),
        (["--corpus=conf/tuning"], "--corpus: expected a directory without blanks in its path, found 'conf/tuning'"),
        (["--corpus", "--nj", "2"], "--corpus: expected a directory without blanks in its path, found '--nj'"),
        (["--use_lm", "yes"], "--use_lm: expected one of true false, found 'yes'"),
        (["--lm_config", ""], "--lm_config: expected a value since --use_lm is true, found none"),
        (
            ["--stage", "12", "--asr_args", "--max_epoch 3\n--seed 1"],
            "_en_bpe_unigram30_max_epoch_3_seed_1/config.yaml",
        ),
        (["--stage", "13", "--inference_args", "--beam_size 5"], "/decode_asr_beam_size_5_lm_valid.acc.ave/test/"),
        (["--stage", "13", "--inference_args", "--beam_size 5", "--inference_tag", "mine"], "30/mine/test/"),
        (["--stage", "13", "--test_sets", "one\ntwo"], "/one/1best_recog/text, which"),
        (["--token_type", "phn"], "--token_type: expected bpe, char or word, found phn"),
        (["--speed_perturb_factors", "0.9 1.1", "--stage", "3"], "expected data/valid/wav.scp, which stage 1 makes"),
        (["--use_ngram", "true", "--stage", "9"], "expected dump/raw/lm_train.txt, which stage 4 makes"),
    ],
)
def test_what_is_missing_is_said_with_the_stage_that_makes_it(recipe, options, message):
    before = sorted(recipe.rglob("*"))
    done = run(recipe, *options)
    assert done.returncode == 2 and message in done.stderr
    assert sorted(recipe.rglob("*")) == before


def test_options_are_listed(recipe):
    shown = run(recipe, "--help").stdout
    for name in ("stage", "skip_stages", "asr_config", "inference_args", "use_ngram", "lm_train_text"):
        assert f"--{name}=" in shown
    assert all(re.match(r"usage: |[A-Z]|  --[a-z_]+=|$", line) for line in shown.splitlines())


@pytest.mark.parametrize(("kind", "script"), [("asr1", "asr.sh"), ("tts1", "tts.sh")])
def test_a_new_recipe_has_what_its_script_needs(kind, script, tmp_path):
    shutil.copytree(TEMPLATE.parent, tmp_path / "TEMPLATE", symlinks=True)
    command = [str(tmp_path / "TEMPLATE" / kind / "setup.sh"), f"mine/{kind}"]
    subprocess.run(command, check=True, cwd=tmp_path)
    made = tmp_path / "mine" / kind
    assert {path.name for path in made.iterdir()} == {script, "cmd.sh", "conf", "db.sh", "local", "path.sh"}
    assert (made / script).resolve() == tmp_path / "TEMPLATE" / kind / script
    again = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 2 and f"expected a new directory, found one with {script}" in again.stderr
    command[1] = "elsewhere"
    outside = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert outside.returncode == 2 and f"expected a directory such as egs2/mycorpus/{kind}" in outside.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_recognition_on_a_gpu_asks_slurm_for_one():
    script = f". {TEMPLATE / 'cmd.sh'}; echo ${{decode_cmd[@]}}"
    settings = {**os.environ, "cmd_backend": "slurm"}
    found = [
        subprocess.check_output(["bash", "-c", script], text=True, env={**settings, "gpu_inference": asked})
        for asked in ("true", "false")
    ]
    assert ["--gres=gpu:1" in options for options in found] == [True, False]


TRAINING = sorted(path for recipe in RECIPES for path in recipe.glob("conf/train_*.yaml"))


@pytest.mark.parametrize("config", **named(TRAINING))
def test_configurations_are_those_of_a_model(config, tmp_path):
    pytest.importorskip("pytorch_lightning")
    from espnet2.interface.families import task_class
    from espnet2.tasks.detect import detect

    kind = "lm" if "_lm_" in config.name else detect(yaml.safe_load(config.read_text())) or "asr"
    task, command = task_class(kind), f"{kind}_train"
    (tmp_path / "tokens.txt").write_text("<blank>\n<unk>\na\nb\n<sos/eos>\n")
    tokens = ["--token_list", str(tmp_path / "tokens.txt"), "--token_type", "char"]
    module = __import__(f"espnet2.bin.{command}", fromlist=["get_parser"])
    module.get_parser().parse_args(["--config", str(config), "--output_dir", str(tmp_path / "exp"), *tokens])
    settings = {key: value for key, value in yaml.safe_load(config.read_text()).items() if key != "specaug"}
    settings |= {"token_list": ["<blank>", "<unk>", "a", "b", "<sos/eos>"], "token_type": "char", "normalize": None}
    if kind == "lm":
        del settings["normalize"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    model, _ = task.build_model_from_file(tmp_path / "config.yaml")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert parameters > 30_000
