"""Class methods of tasks that scripts and notebooks call."""

import io
from argparse import Namespace

import numpy as np
import pytest
import torch
import yaml

from espnet2.interface.errors import ConfigError, OptionError
from espnet2.interface.families import FAMILIES, task_class
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.arguments import to_yaml
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.asr_transducer import ASRTransducerTask
from espnet2.tasks.choices import Choices
from espnet2.tasks.lm import LMTask
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.collate_fn import CommonCollateFn

TASKS = [AbsTask, ASRTask, LMTask, ASRTransducerTask]


@pytest.mark.parametrize("task", TASKS)
def test_a_printed_configuration_is_read(task, tmp_path, capsys):
    text = io.StringIO()
    task.print_config(text)
    task.print_config()
    assert capsys.readouterr().out == text.getvalue()
    (tmp_path / "config.yaml").write_text(text.getvalue())
    task.get_parser().parse_args(["--config", str(tmp_path / "config.yaml")])
    config = task.get_default_config()
    assert yaml.safe_load(text.getvalue()) == yaml.safe_load(yaml.safe_dump(config))
    assert not set(task.exclude_opts()) & set(config)


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"vocoder", "src_lm", "asvspoof"}))
def test_a_printed_configuration_leaves_the_preprocessor_what_the_task_gives(name, tmp_path, monkeypatch):
    task, built = task_class(name), []
    (tmp_path / "config.yaml").write_text(to_yaml(task.get_default_config()))
    args = task.get_parser().parse_args(["--config", str(tmp_path / "config.yaml")])
    args.spk_num = args.lang_num = 2
    monkeypatch.setattr(Choices, "build", lambda self, choice, conf, **given: built.append((conf, given)))
    monkeypatch.setattr("espnet2.tasks.cls.CommonPreprocessor", lambda *args, **given: built.append(({}, given)))
    task.build_preprocess_fn(args, train=True)
    ((conf, given),) = built
    assert given and not set(conf or {}) & set(given)


@pytest.mark.parametrize(("task", "cmd", "status", "said"), [
    (ASRTask, ["--help"], 0, "--encoder"),
    (ASRTask, ["--print_config"], 0, "encoder: rnn"),
    (LMTask, [], 2, "token_list: expected a file of tokens"),
    (AbsTask, [], 2, "output_dir: expected the experiment's directory, found none"),
    (ASRTask, ["--seed", "x"], 2, "argument --seed: invalid int value: 'x'"),
    (ASRTask, ["--sed", "1"], 2, "unrecognized arguments: --sed 1"),
    (ASRTask, ["--patience", "x"], 2, "argument --patience: expected a whole number or none, found 'x'"),
    (ASRTask, ["--use_amp", "x"], 2, "argument --use_amp: expected one of y, yes, t, true, on, 1"),
    (ASRTask, ["--train_data_path_and_name_and_type", "a,b"], 2, "name_and_type: expected path,name,type, found 'a,b'"),
])  # fmt: skip
def test_a_command_line_ends_a_script(task, cmd, status, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        task.main(cmd=cmd)
    assert stopped.value.code == status
    assert said in "".join(capsys.readouterr())


def test_options_as_python_has_them_raise():
    with pytest.raises(OptionError, match="token_list: expected a file of tokens"):
        ASRTask.main(args=ASRTask.get_parser().parse_args([]))


@pytest.mark.parametrize(("task", "missing"), [(ASRTask, "--output_dir, --token_list"), (AbsTask, "--output_dir")])
def test_required_options(task, missing, capsys):
    with pytest.raises(SystemExit):
        task.check_required_command_args(Namespace(output_dir=None))
    assert f"found no {missing}" in capsys.readouterr().err
    task.check_required_command_args(Namespace(output_dir="a", token_list="b"))


class Fields:
    def __init__(self, *names):
        self.names = lambda: names


@pytest.mark.parametrize(("names", "inference", "message"), [
    (("speech",), False, "expected a file named text, found"),
    (("speech", "text", "other"), False, "expected names of speech, text, .*, found 'other'"),
    (("text",), True, "expected a file named speech, found"),
])  # fmt: skip
def test_fields_of_the_data(names, inference, message):
    with pytest.raises(OptionError, match=message):
        ASRTask.check_task_requirements(Fields(*names), False, True, inference)
    ASRTask.check_task_requirements(Fields("speech", "text_spk2"), False, False, inference=True)
    ASRTask.check_task_requirements(Fields("speech", "text", "other"), True, True)


OPTIONS = {"token_type": "char", "token_list": ["<blank>", "a", "b", "<space>", "<unk>"], "bpemodel": None}
OPTIONS |= {"non_linguistic_symbols": None, "cleaner": None, "g2p": None}


@pytest.mark.parametrize("task", TASKS[1:])
def test_preprocessing_of_some_options(task):
    preprocess = task.build_preprocess_fn(Namespace(**OPTIONS, use_preprocessor=True), train=True)
    assert preprocess("utt", {"text": "ab a"})["text"].tolist() == [1, 2, 3, 1]
    assert task.build_preprocess_fn(Namespace(**OPTIONS, use_preprocessor=False), train=True) is None
    with pytest.raises(ConfigError, match="use_nlp_prompt: expected False"):
        task.build_preprocess_fn(Namespace(**OPTIONS, use_nlp_prompt=True), train=True)


def test_collation_pads_as_the_task_does():
    items = [("a", {"text": np.array([1, 2])}), ("b", {"text": np.array([3])})]
    for task, padding in ((ASRTask, -1), (LMTask, 0), (ASRTransducerTask, -1)):
        assert task.build_collate_fn(Namespace(), train=True)(items)[1]["text"].tolist() == [[1, 2], [3, padding]]


def test_utterances_come_in_order(tmp_path):
    text = tmp_path / "text"
    text.write_text("u1 ab\nu2 a\nu3 b a\n")
    (tmp_path / "keys").write_text("u3\nu1\n")
    files = [(str(text), "text", "text")]
    preprocess = LMTask.build_preprocess_fn(Namespace(**OPTIONS), train=False)
    collate = LMTask.build_collate_fn(Namespace(), train=False)

    def names(**options):
        return [
            uids for uids, _ in LMTask.build_streaming_iterator(files, preprocess, collate, num_workers=0, **options)
        ]

    assert names() == [["u1"], ["u2"], ["u3"]]
    assert names(batch_size=2) == [["u1", "u2"], ["u3"]]
    assert names(batch_size=2, key_file=str(tmp_path / "keys"), dtype="float64") == [["u3", "u1"]]
    with pytest.raises(OptionError, match="multi_task_dataset: expected False, found True"):
        names(multi_task_dataset=True)
    with pytest.raises(OptionError, match="batch_size: expected at least 1, found 0"):
        names(batch_size=0)


class Model(AbsESPnetModel):
    """Says how far a weight is from numbers."""

    def __init__(self, size):
        super().__init__()
        self.layer = torch.nn.Linear(1, size)

    def parts(self):
        return ()

    def collect_feats(self, **batch):
        return {}

    def forward(self, x, x_lengths):
        loss = (self.layer(x[..., None]) ** 2).mean()
        return force_gatherable((loss, {"loss": loss.detach()}, len(x)), x.device)


class OwnTask(AbsTask):
    """A task of a user."""

    @classmethod
    def add_task_arguments(cls, parser):
        parser.add_argument("--size", type=int, default=3)

    @classmethod
    def build_preprocess_fn(cls, args, train):
        return None

    @classmethod
    def build_collate_fn(cls, args, train):
        return CommonCollateFn()

    @classmethod
    def required_data_names(cls, train=True, inference=False):
        return ("x",)

    @classmethod
    def build_model(cls, args):
        return Model(args.size)

    @classmethod
    def build_optimizers(cls, args, model):
        return [torch.optim.SGD(model.parameters(), lr=0.01)]


def command(directory, *options):
    (directory / "numbers").write_text("a 1 2 3\nb 4 5\n")
    (directory / "shapes").write_text("a 3\nb 2\n")
    files = [f"--{phase}_data_path_and_name_and_type={directory}/numbers,x,text_float" for phase in ("train", "valid")]
    shapes = [f"--{phase}_shape_file={directory}/shapes" for phase in ("train", "valid")]
    logs = ["--use_tensorboard=false", "--use_matplotlib=false", "--num_att_plot=0", "--num_workers=0"]
    return ["--output_dir", str(directory / "exp"), *files, *shapes, *logs, "--batch_type=unsorted", *options]


def test_a_users_task_trains_and_loads(tmp_path):
    (tmp_path / "own.yaml").write_text("size: 2\nmax_epoch: 1\n")
    OwnTask.main(cmd=command(tmp_path, "--config", str(tmp_path / "own.yaml")))
    model, args = OwnTask.build_model_from_file(None, tmp_path / "exp" / "valid.loss.ave.pth")
    assert args.size == 2 and model.layer.weight.shape == (2, 1)
    state = torch.load(tmp_path / "exp" / "1epoch.pth", weights_only=True)
    assert torch.equal(model.layer.weight, state["layer.weight"])


def test_a_users_task_says_what_is_wrong(tmp_path, capsys):
    (tmp_path / "own.yaml").write_text("sise: 2\n")
    with pytest.raises(SystemExit):
        OwnTask.main(cmd=command(tmp_path, "--config", str(tmp_path / "own.yaml")))
    assert "expected options of training, found 'sise'; did you mean 'size'?" in capsys.readouterr().err


class Larger(LMTask):
    """A task with an option more."""

    @classmethod
    def add_task_arguments(cls, parser):
        super().add_task_arguments(parser)
        parser.add_argument("--extra", default="x")


def test_a_task_may_extend_another():
    config = Larger.get_default_config()
    assert config == {**LMTask.get_default_config(), "extra": "x"}
    assert Larger.required_data_names() == ("text",)


def test_batches_of_an_epoch(tmp_path):
    args = OwnTask.get_parser().parse_args(command(tmp_path, "--batch_size=2"))
    factory = OwnTask.build_iter_factory(args, None, "valid")
    assert [uids for uids, _ in factory.build_iter(1)] == [["a", "b"]]
    rank = Namespace(dist_rank=1, dist_world_size=2)
    assert [uids for uids, _ in OwnTask.build_iter_factory(args, rank, "valid").build_iter(1)] == [["b"]]
    single = OwnTask.build_iter_factory(args, None, "valid", {"batch_size": 1})
    assert [uids for uids, _ in single.build_iter(1)] == [["a"], ["b"]]
