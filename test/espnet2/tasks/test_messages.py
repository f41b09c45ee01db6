"""Messages have at most 400 characters, name the item, and no temporary file."""

import re
import tempfile
import zipfile

import numpy as np
import pytest
import torch
import yaml

from espnet2.interface.errors import LISTED, LONGEST, EspnetError, listed, shortened
from espnet2.main_funcs.pack_funcs import pack, unpack
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask
from espnet2.torch_utils import size_limit
from espnet2.torch_utils.checkpoint import load_state
from espnet2.torch_utils.load_pretrained_model import load_pretrained_model

TOKENS = ["<blank>", "<unk>", "a", "<sos/eos>"]
SMALL = {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 1}
ASR = {
    **{"token_list": TOKENS, "token_type": "char", "ctc_conf": {}, "frontend": None, "input_size": 20},
    **{"normalize": None, "encoder": "transformer", "encoder_conf": SMALL, "model_conf": {"ctc_weight": 1.0}},
}
LONG = "x" * 5000


def _build(**change):
    """Read and build a config with other keys; those of a section are added to it."""
    data = {**ASR}
    for key, value in change.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) and isinstance(data.get(key), dict) else value
    with open("config.yaml", "w", encoding="utf-8") as file:
        yaml.safe_dump(data, file)
    ASRTask.build_model_from_file("config.yaml")


def _filled(**change):
    """The same, with a file of few weights."""
    torch.save({"weight": torch.zeros(1)}, "model.pth")
    with open("config.yaml", "w", encoding="utf-8") as file:
        yaml.safe_dump({**ASR, **change}, file)
    ASRTask.build_model_from_file("config.yaml", "model.pth")


def _text(text):
    with open("config.yaml", "w", encoding="utf-8") as file:
        file.write(text)
    ASRTask.build_model_from_file("config.yaml")


def _archive(files):
    with zipfile.ZipFile("model.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    unpack("model.zip", "unpacked")


def _weights(state):
    load_state(torch.nn.Linear(2, 3), state, "model.pth")


def _start(state):
    torch.save(state, "start.pth")
    load_pretrained_model("start.pth", torch.nn.Linear(2, 3))


MANY = {f"{'deep.' * 30}x{index}": torch.zeros(1) for index in range(100)}
DEEP = 20_000
CASES = {
    "a token that is a number": (lambda: _build(token_list=[*TOKENS, *map(str, range(5000)), 7]), "int 7 as item 5005"),
    "a token that is a truth value": (lambda: _build(token_list=[*TOKENS, False]), "bool False as item 5 of 5"),
    "an unknown choice": (
        lambda: _build(encoder="conformr"),
        "encoder: expected one of conformer, .*, found 'conformr'",
    ),
    "a long choice": (lambda: _build(encoder=LONG), "encoder: expected one of .*, found 'xxx"),
    "an unknown option": (
        lambda: _build(encoder_conf={"attention_head": 2}),
        "encoder_conf.attention_head: expected an option .*, found an unknown name",
    ),
    "a long option": (lambda: _build(encoder_conf={LONG: 2}), r"config\.yaml: encoder_conf\.xxx"),
    "a long value": (lambda: _build(encoder_conf={"num_blocks": LONG}), "encoder_conf.num_blocks: expected int"),
    "a list for a number": (
        lambda: _build(encoder_conf={"num_blocks": [1] * 999}),
        "encoder_conf.num_blocks: expected",
    ),
    "truth as a size": (
        lambda: _build(input_size=None, frontend="default", frontend_conf={"n_fft": True}),
        "frontend_conf: expected values that DefaultFrontend can be built from, found: hann_window",
    ),
    "a long key": (lambda: _build(**{LONG: 1}), "unknown key 'xxx"),
    "null for a choice": (lambda: _build(encoder=None), "encoder: expected one of conformer"),
    "no YAML": (lambda: _text("a: [1, 2"), r"config\.yaml: expected plain YAML, found: .* line 2"),
    "a Python tag": (lambda: _text("a: !!python/object/apply:os.system ['true']"), "plain YAML, found: could not"),
    "brackets in brackets": (lambda: _text("a: " + "[" * DEEP + "]" * DEEP), "nesting|levels, line 1"),
    "mappings in mappings": (lambda: _text("{a: " * DEEP + "}" * DEEP), "more than 100 levels, line 1"),
    "lists in lists": (lambda: _text("a: \n" + "- " * DEEP + "x"), "more than 100 levels, line 2"),
    "indented lines": (lambda: _text("\n".join(" " * depth + "a:" for depth in range(500))), "more than 100 levels"),
    "another task": (lambda: _build(preprocessor="s2t"), "found one of .*S2T"),
    "front end s3prl": (
        lambda: _build(input_size=None, frontend="s3prl", frontend_conf={"frontend_conf": {"upstream": "wavlm"}}),
        "frontend s3prl: .* wavlm .* upstream ESPnet",
    ),
    "endless layers": (lambda: _build(encoder_conf={"num_blocks": 10**12}), "num_blocks: .* at most 1000, found 10000"),
    "more digits than can be printed": (lambda: _text(f"num: {'9' * 5000}"), "config.yaml: "),
    "a huge layer": (lambda: _build(encoder_conf={"linear_units": 10**9}), "linear_units: .* at most 100000"),
    "many large layers": (
        lambda: _build(encoder_conf={"output_size": 90_000, "linear_units": 100_000, "num_blocks": 9}),
        r"expected a model that the memory here \(.* GiB\) can hold",
    ),
    "a model larger than its weights": (
        lambda: _filled(encoder_conf={**SMALL, "output_size": 6000, "linear_units": 20_000}),
        r"expected a model that the weights, \d+ bytes, can fill, found a larger one",
    ),
    "statistics of no frames": (
        lambda: _build(normalize="global_mvn", normalize_conf={"stats_file": "stats.npz"}),
        r"stats\.npz: expected statistics of some frames, .* a count of 0",
    ),
    "no meta.yaml": (lambda: _archive({"a/b": b"", "c": b""}), r"model\.zip: meta\.yaml: expected a packed model"),
    "a nested meta.yaml that is no YAML": (
        lambda: _archive({"m/meta.yaml": b"a: ["}),
        r"model\.zip: m/meta\.yaml: .*YAML",
    ),
    "a meta.yaml that is a list": (lambda: _archive({"meta.yaml": b"- a"}), r"model\.zip: meta\.yaml: .* found list"),
    "a file that is not there": (
        lambda: _archive({"meta.yaml": f"files: {{asr_model_file: {LONG}}}"}),
        r"model\.zip: meta\.yaml: files\.asr_model_file: expected a file of the archive, found no file",
    ),
    "weights of another model": (lambda: _weights(MANY), "lacks 2: weight, bias; has left over 100: deep"),
    "weights to start from": (lambda: _start(MANY), "start.pth: expected tensors .* 100 others: deep"),
    "what is packed": (lambda: pack("out.zip", {"asr_model_file": "stats.npz"}, {}), r"stats\.npz: expected"),
    "another language model": (
        lambda: LMTask.build_model({"token_list": TOKENS, "lm": "rnn"}),
        "lm: expected one of .*seq_rnn.*, found 'rnn'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_message_is_short_and_names_the_item(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("stats.npz", count=0, sum=np.zeros(20), sum_square=np.zeros(20))
    make, expected = CASES[case]
    with pytest.raises(EspnetError) as caught:
        make()
    message = str(caught.value)
    assert re.search(expected, message), message
    assert len(message) <= LONGEST and "\n" not in message
    here = message.replace(f"{tmp_path}/", "")  # files of a config are told by their whole paths
    assert tempfile.gettempdir() not in here and "unpacked" not in here


def test_a_model_has_no_endless_number_of_tensors(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(size_limit, "MOST_TENSORS", 20)
    with pytest.raises(EspnetError, match="at most 20 tensors"):
        _build(encoder_conf={"num_blocks": 5})


@pytest.mark.parametrize(
    ("known", "found", "expected"),
    [
        (["a", "b"], "", "a, b"),
        (["transformer", "conformer"], "conformr", "conformer, transformer"),
        ([], "x", ""),
        ([f"option{index}" for index in range(100)], "zzz", "option0, option1"),
    ],
)
def test_lists_begin_with_what_is_near_and_end(known, found, expected):
    text = listed(known, found)
    assert text.startswith(expected)
    assert len(text) <= LISTED + 20
    assert (" more" in text) == (len(known) > 20)


def test_the_beginning_and_the_end_of_a_long_text_are_kept():
    text = shortened("begin " + "x" * 1000 + " end")
    assert text.startswith("begin x") and text.endswith("x end")
    assert len(text) <= LONGEST
    assert shortened("short") == "short"
