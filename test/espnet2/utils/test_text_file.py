"""Text files and consoles of other systems: byte order marks, ends of lines, other encodings."""

import os
import subprocess
import sys

import pytest

from espnet2.fileio.audio import read_audio
from espnet2.fileio.read_text import load_num_sequence_text, read_2columns_text
from espnet2.fileio.sound_list import read_segments
from espnet2.interface.errors import DataError, OptionError
from espnet2.text.symbols import read_symbols
from espnet2.text.token_id_converter import read_token_list
from espnet2.utils.config_argparse import read_yaml_mapping
from espnet2.utils.text_file import read_text

READERS = {
    "table": (read_2columns_text, "utt1 é\nutt2 x y\n", {"utt1": "é", "utt2": "x y"}),
    "numbers": (load_num_sequence_text, "utt1 1,2\nutt2 3\n", {"utt1": [1, 2], "utt2": [3]}),
    "segments": (read_segments, "utt1 r 0 1\n", {"utt1": ("r", 0, 1)}),
    "tokens": (read_token_list, "<blank>\n \na\u2028b\né\n", ["<blank>", " ", "a\u2028b", "é"]),
    "symbols": (read_symbols, "<noise>\n\né\n", ["<noise>", "é"]),
    "options": (read_yaml_mapping, "beam_size: 3\nkey_file: é\n", {"beam_size": 3, "key_file": "é"}),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "mark"])
@pytest.mark.parametrize(("read", "text", "expected"), READERS.values(), ids=READERS)
def test_files_of_other_editors(tmp_path, read, text, expected, mark, end):
    path = tmp_path / "file"
    path.write_bytes((mark + text).replace("\n", end).encode())
    assert read(path) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("read", "text"), [case[:2] for case in READERS.values()], ids=READERS)
def test_other_encodings_are_named(tmp_path, read, text, encoding):
    path = tmp_path / "file"
    path.write_bytes(text.encode(encoding))
    with pytest.raises((DataError, OptionError), match=r"file: expected .*(UTF-16|zero bytes|can't decode)") as error:
        read(path)
    assert len(str(error.value).removeprefix(str(path))) < 200


def test_what_is_no_text_is_said(tmp_path):
    (tmp_path / "latin").write_bytes("utt1 é\n".encode("latin-1"))
    with pytest.raises(DataError, match="latin: expected a list, found 'utf-8' codec can't decode byte 0xe9"):
        read_text(tmp_path / "latin", "a list", DataError)
    with pytest.raises(DataError, match="none: expected a list, found No such file or directory"):
        read_text(tmp_path / "none", "a list", DataError)


COMMAND = """
import argparse, sys
from espnet2.utils.cli import run
def command(args):
    print("日é" + sys.stdin.read() + chr(0xd800))
    print("日", file=sys.stderr)
sys.exit(run(argparse.ArgumentParser("prog"), command, []))
"""


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_output_is_utf_8_whatever_the_console_has(encoding, repo_dir):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(repo_dir), "PYTHONUTF8": "0"}
    run = subprocess.run(
        [sys.executable, "-c", COMMAND], input="\ufeff語".encode(), capture_output=True, env=environment, check=False
    )
    assert (run.returncode, run.stdout.decode().rstrip()) == (0, "日é語\\ud800"), run.stderr
    assert run.stderr.decode().rstrip() == "日"


def test_a_name_that_is_no_text(tmp_path):
    """A file name of bytes that are no UTF-8 is named in the sentence all the same."""
    with pytest.raises(ValueError, match="expected a recording"):
        read_audio(os.fsdecode(b"\xff.wav"), 16000)
