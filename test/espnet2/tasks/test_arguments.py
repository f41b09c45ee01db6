"""Options of training: names and defaults are upstream's, the command line wins, what is not known is refused."""

import json

import pytest
import yaml

from espnet2.interface.errors import ConfigError, OptionError
from espnet2.tasks.arguments import TrainingParser, check, config_of, full_config, to_yaml
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.asr_transducer import ASRTransducerTask
from espnet2.tasks.lm import LMTask
from espnet2.tasks.options import COMMON

TASKS = {"asr_train": ASRTask, "lm_train": LMTask, "asr_transducer_train": ASRTransducerTask}


def parse(*arguments, task=ASRTask):
    args, rest = TrainingParser(task).parse_known_args(list(arguments))
    assert not rest
    check(task, args)
    return args


@pytest.mark.parametrize("command", TASKS)
def test_defaults_are_upstreams(repo_dir, command):
    wanted = json.loads((repo_dir / "test" / "golden" / "trainer.json").read_text())["defaults"][command]
    task = TASKS[command]
    found = yaml.safe_load(to_yaml(full_config(task, parse(task=task))))
    assert found == wanted
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        assert not isinstance(value, dict) or list(found[name]) == list(value), name


def test_the_command_line_wins(tmp_path):
    path = tmp_path / "conf.yaml"
    path.write_text(
        "seed: 1\nmax_epoch: 7\nencoder: conformer\n"
        "encoder_conf: {output_size: 8, dropout_rate: 0.5, inner: {a: 1, b: 2}}\n"
        "keep_nbest_models: 3\ninit: null\nfold_length: [5]\nbest_model_criterion: [[valid, acc, max]]\n"
    )
    args = parse(
        *("--config", str(path), "--seed", "2", "--encoder_conf", "output_size=96"),
        *("--encoder_conf", "{num_blocks: 2}", "--encoder_conf", "inner.b=3", "--fold_length", "9"),
    )
    assert (args.seed, args.max_epoch, args.keep_nbest_models, args.fold_length) == (2, 7, [3], [9])
    wanted = {"output_size": 96, "dropout_rate": 0.5, "inner": {"a": 1, "b": 3}, "num_blocks": 2}
    assert args.encoder_conf == wanted
    assert args.best_model_criterion == [["valid", "acc", "max"]]
    assert parse("--best_model_criterion", "train,loss,min").best_model_criterion == [["train", "loss", "min"]]


def test_files_of_data_are_lists(tmp_path):
    wanted = [["a/wav.scp", "speech", "sound"], ["a/text", "text", "text"]]
    path = tmp_path / "conf.yaml"
    path.write_text(yaml.safe_dump({"train_data_path_and_name_and_type": wanted}))
    assert parse("--config", str(path)).train_data_path_and_name_and_type == wanted
    option = "--train_data_path_and_name_and_type"
    found = parse(option, "a/wav.scp,speech,sound", option, "a/text,text,text")
    assert found.train_data_path_and_name_and_type == wanted


def test_a_written_configuration_is_read_again(tmp_path):
    args = parse(
        "--encoder", "conformer", "--encoder_conf", "output_size=8", "--train_shape_file", "a", "--patience", "3"
    )
    config = config_of(ASRTask, args)
    assert config["required"] == ["output_dir", "token_list"]
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config))
    again = parse("--config", str(path))
    assert config_of(ASRTask, again) | {"config": None} == config


FIXED = [option for option in COMMON if option.fixed]
OTHERS = {bool: "true", str: "other", int: "77", float: "77.5", dict: "a=1", list: "other", type(None): "77"}


@pytest.mark.parametrize("option", FIXED, ids=[option.name for option in FIXED])
def test_what_is_not_supported_is_refused(option):
    other = "false" if option.default is True else OTHERS[type(option.default)]
    with pytest.raises(OptionError, match=f"{option.name}: expected .*, the only value known here, found"):
        parse(f"--{option.name}", other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("encoder_cnf: {}", r"expected options of training, found 'encoder_cnf'; did you mean 'encoder_conf'\?"),
        ("seed: many", "seed: expected a whole number, found 'many'"),
        ("seed: [1, 2]", "seed: expected one value, found several"),
        ("encoder_conf: [1]", r"encoder_conf: expected key=value, .*, found '\[1\]'"),
        ("encoder_conf: 1.5", "encoder_conf: expected key=value, .*, found '1.5'"),
        ("max_epoch: 0", "max_epoch: expected 1 or more, found 0"),
        ("grad_clip: -1", "grad_clip: expected a number above 0"),
        ("keep_nbest_models: [0]", "keep_nbest_models: expected 1 or more, found 0"),
        ("batch_type: catbel", "batch_type: expected one of unsorted, sorted, folded, length, numel, found 'catbel'"),
        ("optim: lamb", "optim: expected one of adam, adamw, .*, found 'lamb'"),
        ("best_model_criterion: [[valid, acc, most]]", "criterion: expected a phase, a statistic, and min or max"),
        ("early_stopping_criterion: [test, acc, max]", "criterion: expected train or valid"),
        ("train_data_path_and_name_and_type: [[a, b]]", "expected path,name,type, found"),
        ("use_deepspeed: true", "use_deepspeed: expected False, the only value known here, found True"),
        *(
            (f"{name}: null", f"{name}: expected a value, such as .*, found null")
            for name in ("grad_clip", "max_epoch", "seed", "accum_grad", "batch_size", "early_stopping_criterion")
        ),
        ("seed: -1", "seed: expected 0 or more, found -1"),
        ("seed: 9999999999", "seed: expected 2147483648 or less"),
        ("valid_batch_size: 0", "valid_batch_size: expected 1 or more, found 0"),
        ("valid_batch_bins: 0", "valid_batch_bins: expected 1 or more, found 0"),
        ("- a", "expected a mapping of options"),
    ],
)
def test_bad_values_are_named(tmp_path, text, message):
    path = tmp_path / "conf.yaml"
    path.write_text(text)
    with pytest.raises((OptionError, ConfigError), match=message):
        parse("--config", str(path))


def test_choices_are_stored_as_they_are_spelled():
    args = parse("--train_dtype", "Float32", "--dist_launcher", "SLURM", "--encoder", "Conformer", "--optim", "ADAM")
    assert (args.train_dtype, args.dist_launcher, args.encoder, args.optim) == ("float32", "slurm", "conformer", "adam")


def test_what_is_empty_in_yaml(tmp_path):
    path = tmp_path / "conf.yaml"
    path.write_text("encoder_conf:\ntrain_shape_file:\ninit:\npatience:\nspecaug:\n")
    args = parse("--config", str(path), "--train_shape_file", "a")
    assert (args.encoder_conf, args.train_shape_file) == ({}, ["a"])
    assert args.init is args.patience is args.specaug is None


@pytest.mark.parametrize("argument", ["just words", "a: [", "{a"])
def test_mappings_that_are_none_are_refused(argument, capsys):
    with pytest.raises(SystemExit):
        parse("--encoder_conf", argument)
    assert "expected key=value" in capsys.readouterr().err
