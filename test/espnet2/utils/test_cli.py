"""Exit of commands, and the types of their options."""

import argparse
import re

import pytest

from espnet2.interface.errors import AudioError, OptionError
from espnet2.utils.cli import EXTRAS, run
from espnet2.utils.config_argparse import ArgumentParser, PlainArgumentParser
from espnet2.utils.types import mapping_or_none, str2bool, str2triple_str, str_or_none


def fail(error):
    def command(args):
        raise error

    return command


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (lambda args: None, 0, ""),
        (lambda args: 1, 1, ""),
        (fail(AudioError("a.wav: expected speech, found none")), 2, "prog: a.wav: expected speech, found none\n"),
        (
            fail(PermissionError(13, "Permission denied", "out/text")),
            2,
            "prog: out/text: expected to read or write it, found: permission denied\n",
        ),
        (
            fail(OSError(28, "No space left on device")),
            2,
            "prog: a file: expected to read or write it, found: no space left on device\n",
        ),
        (fail(KeyboardInterrupt()), 130, "prog: interrupted\n"),
        (
            fail(ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")),
            2,
            'prog: expected the package torch, found none; pip install ".[export]"\n',
        ),
        (
            fail(ModuleNotFoundError("No module named 'jiwer'", name="jiwer")),
            2,
            'prog: expected the package jiwer, found none; pip install ".[train]"\n',
        ),
        (
            fail(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")),
            2,
            "prog: expected memory enough for it, found too little: DefaultCPUAllocator: can't allocate memory: you "
            "tried to allocate 9 bytes\n",
        ),
        (fail(ModuleNotFoundError("x", name="x")), 2, "prog: expected the package x, found none; pip install x\n"),
        (fail(ModuleNotFoundError("Requirement 'y' not met.")), 2, "prog: Requirement 'y' not met.\n"),
    ],
)
def test_exit_status(capsys, command, status, said):
    assert run(argparse.ArgumentParser("prog"), command, []) == status
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError(), ModuleNotFoundError("x", name="espnet2.x")])
def test_other_errors_are_not_hidden(error):
    with pytest.raises(type(error)):
        run(argparse.ArgumentParser("prog"), fail(error), [])


def test_a_parser_that_cannot_be_made_is_told_of(capsys):
    error = ModuleNotFoundError("No module named 'torch'", name="torch")
    assert run(lambda: fail(error)(None), fail(ZeroDivisionError()), []) == 2
    assert 'expected the package torch, found none; pip install ".[export]"' in capsys.readouterr().err


@pytest.mark.parametrize("extra", EXTRAS)
def test_extras_are_those_of_the_installation(repo_dir, extra):
    listed = re.search(
        rf"^{extra.upper()} = \[(.*)\]$", (repo_dir / "setup.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert listed is not None and tuple(re.findall(r'"(\w+)', listed[1])) == EXTRAS[extra]


@pytest.mark.parametrize(("word", "value"), [("true", True), ("Yes", True), ("1", True), ("0", False), ("off", False)])
def test_str2bool(word, value):
    assert str2bool(word) is value


@pytest.mark.parametrize(("word", "value"), [("none", None), ("NULL", None), ("nil", None), ("x", "x")])
def test_str_or_none(word, value):
    assert str_or_none(word) == value


@pytest.mark.parametrize("word", ["a,b,c", "(a,b,c)", "[a, b, c]", "'a', 'b', \"c\""])
def test_str2triple_str(word):
    assert str2triple_str(word) == ("a", "b", "c")


@pytest.mark.parametrize(("kind", "word"), [(str2bool, "maybe"), (str2triple_str, "a,b"), (str2triple_str, "a,b,c,d")])
def test_words_that_are_not_of_a_type(kind, word):
    with pytest.raises(ValueError, match="expected"):
        kind(word)


def test_config_fills_in_required_options_and_checks_choices(tmp_path, capsys):
    parser = ArgumentParser("prog")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--kind", choices=["a", "b"])
    config = tmp_path / "c.yaml"
    config.write_text("size: '3'\n", encoding="utf-8")
    seen = []
    assert run(parser, lambda args: seen.append(args.size), ["--config", str(config)]) == 0
    assert seen == [3]
    config.write_text("kind: c\n", encoding="utf-8")
    assert run(parser, lambda args: 0, ["--config", str(config)]) == 2
    assert "kind: expected one of ['a', 'b'], found 'c'" in capsys.readouterr().err


def test_config_keeps_what_is_in_lists_and_mappings(tmp_path):
    parser = ArgumentParser("prog")
    parser.add_argument("--search", type=mapping_or_none)
    parser.add_argument("--names", nargs="*")
    parser.add_argument("--sizes", nargs="+", type=int)
    config = tmp_path / "c.yaml"
    config.write_text(
        "search: {kind: maes, nbest: null, norm: true, é: [1, null]}\nnames: [a b, 'no']\nsizes: 3\n", "utf-8"
    )
    args = parser.parse_args(["--config", str(config)])
    assert args.search == {"kind": "maes", "nbest": None, "norm": True, "é": [1, None]}
    assert args.names == ["a b", "no"]
    assert args.sizes == [3]


def test_long_messages_are_shortened(tmp_path, capsys):
    parser = ArgumentParser("prog")
    for number in range(99):
        parser.add_argument(f"--option_{number}")
    config = tmp_path / "c.yaml"
    config.write_text("option_98x: 1\n", encoding="utf-8")
    with pytest.raises(OptionError, match="found 'option_98x'; known ones: option_98, "):
        parser.parse_known_args(["--config", str(config)])
    config.write_text("x" * 900 + ": 1\n", encoding="utf-8")
    for command in (["--config", str(config)], ["y" * 900]):
        with pytest.raises(SystemExit):
            parser.parse_args(command)
    assert run(parser, fail(PermissionError(13, "Permission denied", "z" * 900)), []) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 400 for line in lines)
    assert "known ones: option_0, " in lines[0]


def test_an_abbreviation_stands_for_all_spellings_of_an_option(capsys):
    parser = PlainArgumentParser(prog="tool")
    parser.add_argument("--output_dir", "--output-dir", dest="output_dir")
    parser.add_argument("--output_type", "--output-type", dest="output_type")
    assert parser.parse_args(["--output_d", "a"]).output_dir == parser.parse_args(["--output-d=a"]).output_dir == "a"
    with pytest.raises(SystemExit):
        parser.parse_args(["--output", "a"])
    assert "ambiguous option: --output could match --output_dir, --output_type" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["--size", "a"], ["--other"], []])
def test_a_wrong_command_line_is_one_sentence(command, capsys):
    parser = PlainArgumentParser(prog="tool")
    parser.add_argument("--size", type=int, required=True)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(command)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("tool: ") and said.count("\n") == 1
