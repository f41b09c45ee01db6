"""Utilities that scripts import: sizes in memory, options as data classes, YAML without references, sizes in words."""

import dataclasses
import io
import multiprocessing
import sys
from argparse import ArgumentParser, Namespace

import numpy as np
import pytest
import yaml

from espnet2.utils import config_argparse
from espnet2.utils.build_dataclass import build_dataclass
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.sized_dict import SizedDict, get_size
from espnet2.utils.types import humanfriendly_parse_size_or_none
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump


def test_a_size_counts_everything_once():
    array = np.zeros(10)
    assert get_size({"a": array}) == sys.getsizeof({"a": 0}) + sys.getsizeof("a") + sys.getsizeof(array)
    assert get_size([array, (array, array)]) == sum(map(sys.getsizeof, ([0, 0], (0, 0), array)))
    loop: list = []
    loop.append(loop)
    assert get_size(loop) == sys.getsizeof(loop)


def test_a_sized_dict_knows_what_it_holds():
    sized = SizedDict(data={"first": 1})
    assert (sized["first"], len(sized), list(sized), "first" in sized, sized.size) == (1, 1, ["first"], True, 0)
    sized["a"], sized["b"] = np.zeros(10), "text"
    sized["a"] = np.zeros(3)
    assert sized.size == sum(map(sys.getsizeof, ("a", "b", "text", np.zeros(3))))
    del sized["a"]
    assert sized.size == sum(map(sys.getsizeof, ("b", "text")))


def test_a_shared_dict_is_that_of_every_process():
    sized = SizedDict(shared=True)
    process = multiprocessing.get_context("spawn").Process(target=SizedDict.__setitem__, args=(sized, "child", 7))
    process.start()
    process.join()
    assert sized["child"] == 7


@dataclasses.dataclass
class Options:
    a: str
    b: int


def test_a_dataclass_is_made_of_options():
    assert build_dataclass(Options, Namespace(a="x", b=1, c=2)) == Options("x", 1)
    with pytest.raises(ValueError, match="Options: expected the options a, b, found no b"):
        build_dataclass(Options, Namespace(a="x"))


def test_yaml_has_no_references():
    inner = (1, 2)
    text = yaml_no_alias_safe_dump({"a": inner, "b": inner})
    assert yaml.safe_load(text) == {"a": [1, 2], "b": [1, 2]} and "&" not in text
    stream = io.StringIO()
    yaml_no_alias_safe_dump({"a": 1}, stream, sort_keys=False)
    assert stream.getvalue() == "a: 1\n"


@pytest.mark.parametrize("word", ["xx", "", "-3", "3 x", "9" * 400, f"{'9' * 300}p"])
def test_words_that_are_no_size(word):
    with pytest.raises(ValueError, match="expected a size such as 300"):
        humanfriendly_parse_size_or_none(word)


def test_an_option_with_a_number_as_default_takes_a_mapping():
    parser = ArgumentParser()
    parser.add_argument("--conf", action=NestedDictAction, default=3)
    assert parser.parse_args([]).conf == 3
    assert parser.parse_args(["--conf", "c.d=4", "--conf", "a=3"]).conf == {"c": {"d": 4}, "a": 3}


@pytest.fixture
def parser():
    parser = config_argparse.ArgumentParser("tool")
    parser.add_argument("--foo")
    parser.add_argument("--baz", action="store_true")
    parser.add_argument("--count", action="count")
    return parser


def test_switches_and_counts_of_a_file(parser, tmp_path):
    (tmp_path / "a.yaml").write_text("{foo: '2', baz: true, count: 3}")
    args = parser.parse_args(["--config", str(tmp_path / "a.yaml")])
    assert (args.foo, args.baz, args.count) == ("2", True, 3)


@pytest.mark.parametrize("text", [None, "[1, 2]", "{dummy: 1}"])
def test_a_file_that_cannot_be_used_ends_a_script(parser, tmp_path, text, capsys):
    if text is not None:
        (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(["--config", str(tmp_path / "a.yaml")])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("tool: ")
