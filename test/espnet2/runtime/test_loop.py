"""The loop over items that are no recordings, results that are no hypotheses, and what becomes of failures."""

import logging
from dataclasses import dataclass

import pytest

from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.inputs import select
from espnet2.runtime.loop import Report, Wording, process, process_to
from espnet2.utils.lock import only_one

WORDING = Wording("double", "doubled", "numbers", "doubling")


@dataclass(frozen=True)
class Number:
    """An item that is a number as text."""

    name: str
    text: str

    @property
    def place(self):
        return f"numbers:{self.name}"

    def read(self):
        if not self.text:
            raise DataError(f"{self.place}: expected a number, found none")
        return self.text


class Double:
    """Doubles numbers, and keeps the sizes of the groups."""

    shows_progress = False

    def __init__(self, batch_size=1):
        self.batch_size = batch_size
        self.groups = []

    def run(self, items, report):
        self.groups.append(len(items))
        report.compute += 0.5 * len(items)
        return [self.double(item, report) for item in items]

    def double(self, item, report):
        text = report.read(item, item.read)
        return None if text is None else report.attempt(item, lambda: 2 * int(text))


class DoubleFiles:
    """A file for each result."""

    def __init__(self, directory):
        self.directory = directory
        self.outdated = set(directory.glob("*.double"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __call__(self, name, result):
        if result is not None:
            path = self.directory / f"{name}.double"
            path.write_text(str(result), encoding="utf-8")
            self.outdated.discard(path)


def numbers(**texts):
    return [Number(name, text) for name, text in texts.items()]


@pytest.mark.parametrize(
    ("items", "status", "summary", "failures"),
    [
        (numbers(a="1", b="2"), 0, "doubled 2 of 2 numbers: 1.0 s", []),
        (
            numbers(a="1", b="", c="x"),
            1,
            "doubled 1 of 3 numbers: 1.5 s",
            [
                "2 of 3 numbers could not be doubled:",
                "  b: numbers:b: expected a number, found none",
                "  c: numbers:c: expected what the model can compute, found: "
                "invalid literal for int() with base 10: 'x'",
            ],
        ),
        (
            numbers(a=""),
            2,
            "doubled 0 of 1 numbers: 0.5 s",
            ["1 of 1 numbers could not be doubled:", "  a: numbers:a: expected a number, found none"],
        ),
    ],
)
def test_status_and_summary(items, status, summary, failures, capsys, caplog):
    caplog.set_level(logging.INFO)
    found = {}
    assert process(items, Double(), found.__setitem__, WORDING) == status
    assert list(found) == [item.name for item in items]
    assert found["a"] == (2 if items[0].text else None)
    assert caplog.messages[-1] == summary
    assert capsys.readouterr().err.endswith("".join(f"{line}\n" for line in failures))


def test_groups():
    runner, found = Double(batch_size=2), {}
    assert process(numbers(a="1", b="2", c="3"), runner, found.__setitem__, WORDING) == 0
    assert runner.groups == [2, 1]
    assert found == {"a": 2, "b": 4, "c": 6}


def test_files_of_an_earlier_run_go_when_the_next_one_is_complete(tmp_path):
    out = tmp_path / "out"
    assert process_to(out, numbers(a="1", b=""), Double(), DoubleFiles, WORDING) == 1
    (out / "kept").touch()
    assert sorted(path.name for path in out.iterdir()) == ["a.double", "failures", "kept"]
    assert (out / "failures").read_text(encoding="utf-8") == "b\tnumbers:b: expected a number, found none\n"
    assert process_to(out, numbers(b="2"), Double(), DoubleFiles, WORDING) == 0
    assert sorted(path.name for path in out.iterdir()) == ["b.double", "kept"]


def test_a_directory_has_one_writer(tmp_path):
    with (
        only_one(tmp_path, "doubling"),
        pytest.raises(DataError, match="expected no other doubling that writes there"),
    ):
        process_to(tmp_path, numbers(a="1"), Double(), DoubleFiles, WORDING)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("too\n long"), "numbers:a: expected what the model can compute, found: too long"),
        (DataError("numbers:a: too long"), "numbers:a: too long"),
        (OSError(28, "No space", ".partial-a"), "numbers:a: expected to read and write files, found: no space"),
        (KeyError(), "numbers:a: expected what the model can compute, found: KeyError"),
        (MemoryError("4 GB"), "numbers:a: expected memory enough for it, found too little: 4 GB"),
    ],
)
def test_a_failure_names_the_place_once(error, sentence):
    def fail():
        raise error

    report = Report()
    assert report.attempt(Number("a", "1"), fail) is None
    assert report.failures == [("a", sentence)]


@pytest.mark.parametrize(("method", "error"), [("attempt", TypeError), ("read", OptionError)])
def test_a_mistake_that_is_none_of_the_item_ends_the_run(method, error):
    def fail():
        raise error

    with pytest.raises(error):
        getattr(Report(), method)(Number("a", "1"), fail)


def test_selected_items_have_the_order_of_the_key_file(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("c\na\n", encoding="utf-8")
    assert [item.name for item in select(numbers(a="1", b="2", c="3"), keys)] == ["c", "a"]
    keys.write_text("d\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected utterances among the 1 numbers, found 'd'"):
        select(numbers(a="1"), keys, "numbers")
