"""A task without tokens: one class declares its keys, and reading, command line and preprocessing follow from it."""

from argparse import Namespace
from dataclasses import replace
from types import MappingProxyType

import pytest

from espnet2.interface.errors import ConfigError, OptionError
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import FRONTEND
from espnet2.tasks.choices import Choices
from espnet2.tasks.config import check_config
from espnet2.tasks.detect import TASKS
from espnet2.tasks.files import Places
from espnet2.tasks.options import UNREAD, Key, Option
from espnet2.tasks.shared import INIT, NORMALIZE, USE_PREPROCESSOR
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.utils.types import int_or_none, str_or_none


class Cut:
    """Cuts speech to a duration."""

    def __init__(self, train: bool, seconds: float, fs: int = 16000, margin: float = 0.5):
        self.samples = int(seconds * fs)

    def __call__(self, uid, data):
        return {name: value[: self.samples] for name, value in data.items()}


CUT = Choices("preprocessor", {"cut": f"{__name__}:Cut"}, default="cut", part_of_model=False)


class FeatureTask(AbsTask):
    """Features of speech."""

    name = "features"
    rows = (
        INIT,
        USE_PREPROCESSOR,
        Option("seconds", float, 3.0, "of speech in training", key=UNREAD),
        Option("num_labels", int_or_none, None),
        Option("levels", int, [], nargs="+"),
        Option("legacy", str_or_none, None, key=Key(offered=False)),
        replace(FRONTEND, default=None),
        replace(NORMALIZE, default="global_mvn"),
        CUT,
    )
    required_data = ("speech", "labels")
    optional_data = ("speech2",)
    inference_data = ("speech",)
    preprocessor = CUT
    preprocessor_options = MappingProxyType({"seconds": "seconds"})

    @classmethod
    def assemble(cls, config):
        raise ConfigError(f"num_labels: expected a number, found {config.num_labels}")


def read(**keys):
    return check_config(keys, FeatureTask, Places("x"))


def test_the_keys_of_a_model_have_their_defaults():
    assert vars(read()) == {
        **{"num_labels": None, "levels": [], "legacy": None, "frontend": None, "frontend_conf": {}},
        **{"normalize": "global_mvn", "normalize_conf": {}, "preprocessor": "cut", "preprocessor_conf": {}},
    }
    assert read(num_labels=3, levels=[1, 2], seconds=9.0, legacy="a", rir_scp="b", optim="adam").levels == [1, 2]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"num_lables": 1}, r"x: expected known keys, found the unknown key 'num_lables'; did you mean 'num_labels'\?"),
        ({"num_labels": "a"}, "x: num_labels: expected int or null, found str 'a'"),
        ({"levels": [1, "a"]}, "x: levels: expected list of int, found str 'a' as item 2 of 2"),
        (
            {"normalize_conf": {"stats_file": "none.npz"}},
            "x: normalize_conf.stats_file: expected a file .*, found no file 'none.npz'",
        ),
        ({"ctc_conf": {}}, "x: expected a config of features, found one of speech recognition"),
    ],
)
def test_mistakes_in_a_config_are_named(monkeypatch, keys, message):
    monkeypatch.setitem(TASKS, "features", "features")
    with pytest.raises(ConfigError, match=message):
        read(**keys)


def test_options_follow_the_rows():
    args = FeatureTask.get_parser().parse_args(["--levels", "1", "2", "--seconds", "0.5"])
    assert (args.levels, args.seconds, args.normalize, args.frontend) == ([1, 2], 0.5, "global_mvn", None)
    assert not hasattr(args, "legacy") and not hasattr(args, "token_list")
    assert FeatureTask.get_default_config()["preprocessor_conf"] == {"fs": 16000, "margin": 0.5}
    assert [choices.section for choices in FeatureTask.choices()] == ["frontend", "normalize"]


def test_preprocessing_is_the_tasks_own():
    args = FeatureTask.get_parser().parse_args(["--preprocessor_conf", "fs=4", "--seconds", "0.5"])
    assert FeatureTask.build_preprocess_fn(args, train=True)("a", {"speech": [1, 2, 3]}) == {"speech": [1, 2]}
    assert isinstance(FeatureTask.build_collate_fn(Namespace(), train=True), CommonCollateFn)


def test_training_asks_for_no_tokens():
    with pytest.raises(OptionError, match="output_dir: expected the experiment's directory"):
        FeatureTask.main(FeatureTask.get_parser().parse_args([]))
    with pytest.raises(ConfigError, match="num_labels: expected a number, found 5"):
        FeatureTask.main(FeatureTask.get_parser().parse_args(["--output_dir", "exp", "--num_labels", "5"]))
