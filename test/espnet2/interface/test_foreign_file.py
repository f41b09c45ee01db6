"""Files that are none, that have no end, or that are too large, are refused before they are read."""

import os
import socket
import threading

import pytest

from espnet2.interface.errors import DataError, OptionError, printable
from espnet2.interface.foreign_file import open_foreign, read_foreign, require_file
from espnet2.interface.limits import LIMITS, limit
from espnet2.utils.text_file import read_text

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="devices and pipes of Unix"),
    pytest.mark.usefixtures("within_bounds"),
]


def _socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _large(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk


HOSTILE = {
    "nothing": (lambda path: None, "No such file or directory"),
    "a directory": (lambda path: path.mkdir(), "Is a directory"),
    "zeros without end": (lambda path: path.symlink_to("/dev/zero"), "a device"),
    "random numbers": (lambda path: path.symlink_to("/dev/urandom"), "a device"),
    "links in a circle": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "a socket": (_socket, "a socket"),
    "a pipe without a writer": (os.mkfifo, "a named pipe to which no program writes"),
    "a terabyte": (_large, "more than 8388608 bytes; set ESPNET_DOCUMENT_BYTES to allow more"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    monkeypatch.setenv("ESPNET_PIPE_SECONDS", "0")
    make, found = HOSTILE[name]
    path = tmp_path / "x"
    make(path if make is not _socket else path.relative_to(tmp_path))
    with pytest.raises(DataError) as error:
        read_foreign(path, "a list", DataError, "DOCUMENT_BYTES")
    assert str(error.value) == f"{path}: expected a list, found {found}"
    with pytest.raises(DataError, match="x: expected a list, found "):
        read_text(path, "a list", DataError, largest="DOCUMENT_BYTES")
    with pytest.raises(DataError, match="x: expected a list, found "):
        require_file(path, "a list", DataError, "DOCUMENT_BYTES")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "d/" * 3000 + "x"])
def test_names_that_no_file_has(name):
    with pytest.raises(DataError, match="expected a list, found ") as error:
        read_foreign(name, "a list", DataError, "DOCUMENT_BYTES")
    assert len(str(error.value)) <= 400


def test_the_null_device_is_an_empty_file():
    assert read_foreign(os.devnull, "a list", DataError, "DOCUMENT_BYTES") == b""


@pytest.mark.parametrize("content", [b"", b"a b\n", b"x" * 3_000_000])
def test_a_pipe_with_a_writer(tmp_path, content):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    assert read_foreign(path, "a list", DataError, "DOCUMENT_BYTES") == content
    writer.join()


def test_a_pipe_that_gives_too_much(tmp_path, monkeypatch):
    monkeypatch.setenv("ESPNET_DOCUMENT_BYTES", "1000")
    reader, writer = os.pipe()
    os.write(writer, b"x" * 2000)
    os.close(writer)
    with pytest.raises(DataError, match="found more than 1000 bytes"):
        read_foreign(f"/dev/fd/{reader}", "a list", DataError, "DOCUMENT_BYTES")
    os.close(reader)


def test_lines_have_an_end(tmp_path, monkeypatch):
    monkeypatch.setenv("ESPNET_LINE_CHARACTERS", "10")
    (tmp_path / "a").write_text("123456789\n" + "x" * 100)
    with pytest.raises(DataError, match="a: expected a list, found a line of more than 10 characters"):
        read_text(tmp_path / "a", "a list", DataError)


def test_errors_inside_keep_their_class(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(OptionError), open_foreign(tmp_path / "a", "a list", DataError, "DOCUMENT_BYTES"):
        raise OptionError("x")


@pytest.mark.parametrize("value", ["", "-1", "1e3", "many", "9" * 30])
def test_a_limit_that_is_no_number(monkeypatch, value):
    monkeypatch.setenv("ESPNET_DOCUMENT_DEPTH", value)
    with pytest.raises(OptionError, match="ESPNET_DOCUMENT_DEPTH: expected a whole number"):
        limit("DOCUMENT_DEPTH")


def test_limits_are_documented(repo_dir):
    page = (repo_dir / "doc" / "security.md").read_text(encoding="utf-8")
    for name, (default, meaning) in LIMITS.items():
        assert f"| `ESPNET_{name}` | {default} | {meaning} |" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Ja", "\\x1b[2Ja"),
        ("a\nb\r\nc\u2028d", "a b c d"),
        ("\u202eevil", "\\u202eevil"),
        (
            "na\u00efve \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "na\u00efve \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("\udc80", "\\udc80"),
    ],
)
def test_messages_show_control_characters(text, shown):
    assert printable(text) == shown
    assert str(DataError(text)) == shown
