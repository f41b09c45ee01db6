"""Training from the command line: the experiment's directory, going on after a kill, and what is refused."""

import contextlib
import multiprocessing
import os
import shutil
import signal
import warnings

import pytest
import torch
import yaml
from tiny_training import make_corpus

from espnet2.bin.asr_train import main
from espnet2.tasks.asr import ASRTask
from espnet2.train import checkpoint_io
from espnet2.train.checkpoint_io import read_checkpoint
from espnet2.train.experiment import Experiment
from espnet2.train.training_module import TrainingModule
from espnet2.utils.lock import only_one


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    return directory, make_corpus(directory)


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """A directory of a training of three epochs that nothing has disturbed."""
    directory = tmp_path_factory.mktemp("exp") / "asr"
    assert main([*corpus[1], "--output_dir", str(directory)]) == 0
    return directory


def weights(path):
    return torch.load(path, weights_only=True)


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_the_directory_has_upstreams_files(trained):
    history = read_checkpoint(trained / "checkpoint.pth")["reporter"]["stats"]
    best = max(history, key=lambda epoch: history[epoch]["valid"]["acc"])
    assert (trained / "latest.pth").readlink().name == "3epoch.pth"
    assert (trained / "valid.acc.best.pth").readlink().name == f"{best}epoch.pth"
    assert (trained / "valid.acc.ave.pth").readlink().name == "valid.acc.ave_2best.pth"
    kept = {path.name for path in trained.glob("*epoch.pth")}
    assert kept >= {"3epoch.pth", f"{best}epoch.pth"}
    assert not list(trained.glob(".partial*"))
    lines = [line for line in (trained / "train.log").read_text().splitlines() if "epoch results: [train] " in line]
    assert [line.split("INFO: ")[1].split()[0] for line in lines] == ["1epoch", "2epoch", "3epoch"]
    wanted = ["iter_time", "forward_time", "loss_ctc", "loss_att", "acc", "loss", "backward_time", "grad_norm", "clip"]
    wanted += ["loss_scale", "optim_step_time", "optim0_lr0", "train_time", "time", "total_count"]
    found = list(history[1]["train"])
    assert sorted(found) == sorted(wanted)
    assert found[:2] == wanted[:2] and found[6:] == wanted[6:]
    assert history[3]["train"]["total_count"] == 9


def test_the_model_loads_where_it_is_moved(trained, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(trained, moved, symlinks=True)
    model, config = ASRTask.build_model_from_file(None, moved / "valid.acc.ave.pth")
    assert config.token_list == yaml.safe_load((moved / "config.yaml").read_text())["token_list"]
    assert same(model.state_dict(), weights(moved / "valid.acc.ave.pth"))


def killed(options, patch):
    """Run a training in a child process that `patch` prepares to kill itself."""

    def child():
        patch()
        os._exit(main(options))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, none of which is needed here
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
    return process.exitcode


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def signal_in_second_epoch(number):
    def patch():
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
        step = TrainingModule.training_step

        def patched(self, batch, batch_idx):
            if self.trainer.current_epoch == 1 and batch_idx == 0:
                os.kill(os.getpid(), number)
            return step(self, batch, batch_idx)

        TrainingModule.training_step = patched

    return patch


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_training_is_none_that_is_finished(corpus, tmp_path, number, status):
    assert killed([*corpus[1], "--output_dir", str(tmp_path)], signal_in_second_epoch(number)) == status
    assert read_checkpoint(tmp_path / "checkpoint.pth")["reporter"]["epoch"] == 1
    assert not list(tmp_path.glob("*.ave*"))


def kill_in_second_epoch():
    step = TrainingModule.training_step

    def patched(self, batch, batch_idx):
        if self.trainer.current_epoch == 1 and batch_idx == 1:
            kill()
        return step(self, batch, batch_idx)

    TrainingModule.training_step = patched


def kill_in_second_checkpoint():
    class HalfWriter:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            self.file.write(bytes(data)[: len(data) // 2])
            self.file.flush()
            kill()

        def flush(self):
            pass

    write = torch.save

    def patched(state, file):
        second = "reporter" in state and state["reporter"]["epoch"] == 2
        write(state, HalfWriter(file) if second else file)

    checkpoint_io.torch.save = patched


@pytest.mark.parametrize("patch", [kill_in_second_epoch, kill_in_second_checkpoint])
def test_a_killed_training_ends_at_the_same_weights(corpus, trained, tmp_path, patch):
    options = [*corpus[1], "--output_dir", str(tmp_path), "--resume", "true"]
    assert killed(options, patch) == -signal.SIGKILL
    assert read_checkpoint(tmp_path / "checkpoint.pth")["reporter"]["epoch"] == 1
    assert main(options) == 0
    names = {path.name for path in trained.glob("*.pth")}
    assert {path.name for path in tmp_path.glob("*.pth")} == names
    for name in names - {"checkpoint.pth"}:
        assert same(weights(trained / name), weights(tmp_path / name)), name
    assert not list(tmp_path.glob(".partial*"))


def kill_before_weights_are_removed():
    prune = Experiment.prune
    Experiment.prune = lambda self: kill() if self.history.epoch == 3 else prune(self)


def test_a_training_that_is_killed_at_its_end_leaves_no_weights_that_others_are_better_than(corpus, tmp_path):
    options = [*corpus[1], "--output_dir", str(tmp_path), "--resume", "true", "--keep_nbest_models", "1"]
    options += ["--best_model_criterion", "train,total_count,max"]
    assert killed(options, kill_before_weights_are_removed) == -signal.SIGKILL
    assert read_checkpoint(tmp_path / "checkpoint.pth")["reporter"]["epoch"] == 3
    assert main(options) == 0
    assert [path.name for path in tmp_path.glob("*epoch.pth")] == ["3epoch.pth"]


def test_a_finished_training_stays_as_it_is(corpus, trained, tmp_path):
    directory = tmp_path / "asr"
    shutil.copytree(trained, directory, symlinks=True)
    assert main([*corpus[1], "--output_dir", str(directory), "--resume", "true"]) == 0
    assert same(weights(trained / "valid.acc.ave.pth"), weights(directory / "valid.acc.ave.pth"))


def snapshot(directory):
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.name != "train.log"}


RESUME, NEW = ["--resume", "true"], ["--output_dir", "{tmp}/new"]
NO_RECORDINGS = ["--train_data_path_and_name_and_type", "absent,more,text", "--allow_variable_data_keys", "true"]
REFUSED = {
    "another training": ([], "checkpoint.pth: expected no training here unless --resume true goes on with it"),
    "other sizes": (
        [*RESUME, "--encoder_conf", "output_size=16"],
        "expected encoder_conf to be as when training began, {'output_size': 8}, found {'output_size': 16}",
    ),
    "other tokens": (
        [*RESUME, "--token_list", "{corpus}/more.txt"],
        "expected token_list to be as when training",
    ),
    "another rate": ([*RESUME, "--optim_conf", "lr=0.5"], "expected optim_conf to be as when training"),
    "another schedule": ([*RESUME, "--scheduler_conf", "warmup_steps=7"], "expected scheduler_conf to be as when"),
    "other groups": ([*RESUME, "--exclude_weight_decay", "true"], "expected exclude_weight_decay to be as when"),
    "statistics": (["--collect_stats", "true"], "checkpoint.pth: expected no training where --collect_stats writes"),
    "no shape file": (
        [*RESUME, "--train_shape_file", "absent"],
        "train_shape_file: expected a file, found no file 'absent'",
    ),
    "no recordings": ([*RESUME, *NO_RECORDINGS], "absent: "),
    "no weights": ([*NEW, "--init_param", "absent.pth"], "init_param: expected a file, found no file 'absent.pth'"),
    "no parameter": ([*NEW, "--freeze_param", "encodre"], "freeze_param: expected names of parameters"),
    "no GPU": ([*NEW, "--ngpu", "64"], "ngpu: expected at most the"),
    "a typing error": ([*NEW, "--encoder_conf", "outputsize=3"], "encoder_conf.outputsize: expected an option of"),
    "no tokens": ([*NEW, "--token_list", "none"], "token_list: expected a file of tokens"),
    "no end": ([*NEW, "--token_list", "{corpus}/endless.txt"], "endless.txt: expected a line with '<sos/eos>'"),
    "no other end": ([*NEW, "--model_conf", "sym_eos=<eos>"], "tokens.txt: expected a line with '<eos>', the sym_eos"),
    "an unknown field": ([*NEW, "--valid_data_path_and_name_and_type", "x,y,text"], "expected names of speech, text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said_and_nothing_is_overwritten(corpus, trained, tmp_path, capsys, case):
    changes, message = REFUSED[case]
    directory = tmp_path / "asr"
    shutil.copytree(trained, directory, symlinks=True)
    (corpus[0] / "more.txt").write_text((corpus[0] / "tokens.txt").read_text().replace("c\n", "c\nd\n"))
    (corpus[0] / "endless.txt").write_text((corpus[0] / "tokens.txt").read_text().replace("<sos/eos>", "<eos/sos>"))
    before = snapshot(directory)
    changes = [change.format(corpus=corpus[0], tmp=tmp_path) for change in changes]
    assert main([*corpus[1], "--output_dir", str(directory), *changes]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert snapshot(directory) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["checkpoint.pth", "3epoch.pth"])
def test_a_damaged_file_is_named(corpus, trained, tmp_path, capsys, name):
    directory = tmp_path / "asr"
    shutil.copytree(trained, directory, symlinks=True)
    (directory / name).write_bytes((directory / name).read_bytes()[:1000])
    assert main([*corpus[1], "--output_dir", str(directory), "--resume", "true"]) == 2
    assert f"{directory / name}: expected a checkpoint" in capsys.readouterr().err.splitlines()[-1]


# Changes of a checkpoint, and what the sentence ends with.
CHANGED = {
    "schedules that are texts": ({"schedulers": ["x"], "lr_schedulers": ["x"]}, "one that does not fit it"),
    "loops that are texts": ({"loops": "x"}, "one that does not fit it"),
    "an optimiser without its averages": ({"optimizer_states": "exp_avg"}, "one that does not fit it"),
    "averages of another shape": ({"optimizer_states": "shape"}, "one that does not fit it: The size of tensor"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_checkpoint_that_does_not_fit_is_named(corpus, trained, tmp_path, capsys, name):
    directory = tmp_path / "asr"
    shutil.copytree(trained, directory, symlinks=True)
    checkpoint, (change, ending) = read_checkpoint(directory / "checkpoint.pth"), CHANGED[name]
    (states,) = checkpoint["optimizer_states"]
    for state in states["state"].values():
        if change.get("optimizer_states") == "exp_avg":
            del state["exp_avg"]
        if change.get("optimizer_states") == "shape":
            state["exp_avg"] = torch.zeros(7, 5, 3, 2)
    changed = {key: value for key, value in change.items() if key != "optimizer_states"}
    torch.save({**checkpoint, **changed}, directory / "checkpoint.pth")
    assert main([*corpus[1], "--output_dir", str(directory), "--resume", "true", "--max_epoch", "4"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"{directory}/checkpoint.pth: expected a checkpoint of this training, found {ending}" in line
    assert "object" not in line and not (directory / "4epoch.pth").exists()


def test_a_training_without_finite_gradients_stops(corpus, tmp_path, capsys, monkeypatch):
    forward = TrainingModule._forward

    def nan(self, batch):
        loss, *rest = forward(self, batch)
        return (loss * float("nan"), *rest)

    monkeypatch.setattr(TrainingModule, "_forward", nan)
    assert main([*corpus[1], "--output_dir", str(tmp_path)]) == 2
    assert "expected finite gradients, found none in epoch 1" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "1epoch.pth").exists()


PLATEAU = ["--scheduler", "reducelronplateau", "--val_scheduler_criterion", "valid", "bleu"]
NO_STATISTIC = {
    "best_model_criterion": ["--best_model_criterion", "valid,bleu,min"],
    "early_stopping_criterion": ["--patience", "1", "--early_stopping_criterion", "valid", "bleu", "min"],
    "val_scheduler_criterion": [*PLATEAU, "--config", "{tmp}/plateau.yaml"],
    "scheduler_conf": ["--scheduler", "onecyclelr", "--config", "{tmp}/onecycle.yaml"],
}
CONFS = {"plateau.yaml": {}, "onecycle.yaml": {"max_lr": 0.01, "total_steps": 2}}


@pytest.mark.parametrize("option", NO_STATISTIC)
def test_what_would_do_nothing_is_said_after_the_first_epoch(corpus, tmp_path, capsys, option):
    config = yaml.safe_load((corpus[0] / "config.yaml").read_text())
    for name, conf in CONFS.items():
        (tmp_path / name).write_text(yaml.safe_dump({**config, "scheduler_conf": conf}))
    changes = [word.format(tmp=tmp_path) for word in NO_STATISTIC[option]]
    assert main([*corpus[1], *changes, "--output_dir", str(tmp_path / "exp")]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"{option}: expected" in said and "Traceback" not in said
    assert not list((tmp_path / "exp").glob("*.pth"))


def test_a_step_without_finite_gradients_is_left_out(corpus, tmp_path, monkeypatch):
    forward, calls = TrainingModule._forward, []

    def first_is_nan(self, batch):
        loss, *rest = forward(self, batch)
        calls.append(loss)
        return (loss * float("nan") if len(calls) == 1 else loss, *rest)

    monkeypatch.setattr(TrainingModule, "_forward", first_is_nan)
    assert main([*corpus[1], "--output_dir", str(tmp_path), "--max_epoch", "1"]) == 0
    checkpoint = read_checkpoint(tmp_path / "checkpoint.pth")
    assert checkpoint["schedulers"][0]["last_epoch"] == 2
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path / "1epoch.pth").values())


def test_frozen_parameters_and_given_ones(corpus, trained, tmp_path):
    given = [f"{trained / '3epoch.pth'}:encoder:encoder", "--freeze_param", "encoder", "--max_epoch", "1"]
    assert main([*corpus[1], "--output_dir", str(tmp_path), "--init_param", *given]) == 0
    begun, ended = weights(trained / "3epoch.pth"), weights(tmp_path / "1epoch.pth")
    encoder = {name for name in begun if name.startswith("encoder.")}
    assert encoder and all(torch.equal(begun[name], ended[name]) for name in encoder)
    assert not same(begun, ended)


def test_a_dry_run_writes_the_configuration_only(corpus, tmp_path):
    assert main([*corpus[1], "--output_dir", str(tmp_path), "--dry_run", "true"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_two_trainings_do_not_mix(corpus, tmp_path, capsys):
    with only_one(tmp_path, "training"):
        assert main([*corpus[1], "--output_dir", str(tmp_path)]) == 2
    assert f"{tmp_path}: expected no other training that writes there, found one" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_is_printed(capsys):
    with contextlib.suppress(SystemExit):
        assert main(["--print_config", "--optim", "adam"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["optim_conf"]["betas"] == [0.9, 0.999]


# Options, and what they lead to in two epochs of three batches: steps of the optimiser, batches that were read, groups
# of parameters, and the dtype of weights.
OTHERS = {
    "accum_grad": (["--accum_grad", "2", "--grad_noise", "true"], (4, 6, 1, torch.float32)),
    "exclude_weight_decay": (
        ["--exclude_weight_decay", "true", "--scheduler", "reducelronplateau", "--scheduler_conf", "{patience: 1}"],
        (6, 6, 2, torch.float32),
    ),
    "train_dtype": (
        ["--train_dtype", "float64", "--scheduler", "steplr", "--scheduler_conf", "step_size=1"],
        (6, 6, 1, torch.float64),
    ),
    "num_iters_per_epoch": (
        ["--num_iters_per_epoch", "2", "--use_tensorboard", "true", "--nbest_averaging_interval", "1"],
        (4, 4, 1, torch.float32),
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_options_train(corpus, tmp_path, case):
    options, wanted = OTHERS[case]
    # A schedule that a case replaces leaves no options behind.
    rest = ["--scheduler", "none"] if "--scheduler" not in options else []
    config = {
        **yaml.safe_load((corpus[0] / "config.yaml").read_text()),
        "scheduler_conf": {},
        "optim_conf": {"lr": 0.01},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    arguments = ["--config", str(tmp_path / "config.yaml"), *corpus[1][2:], *rest, *options, "--max_epoch", "2"]
    directory = tmp_path / "exp"
    assert main([*arguments, "--output_dir", str(directory)]) == 0
    checkpoint = read_checkpoint(directory / "checkpoint.pth")
    assert checkpoint["reporter"]["epoch"] == 2
    (optimizer,) = checkpoint["optimizer_states"]
    steps = {int(state["step"]) for state in optimizer["state"].values()}
    batches = checkpoint["reporter"]["stats"][2]["train"]["total_count"]
    dtype = weights(directory / "latest.pth")["ctc.ctc_lo.weight"].dtype
    assert (*steps, batches, len(optimizer["param_groups"]), dtype) == wanted
    averaged = (directory / "valid.acc.ave.till1epoch.pth").is_symlink()
    assert averaged == ("--nbest_averaging_interval" in options)
    assert (directory / "tensorboard").is_dir() == ("--use_tensorboard" in options)
    if "steplr" in options:
        assert optimizer["param_groups"][0]["lr"] == pytest.approx(0.01 * 0.1**2)
