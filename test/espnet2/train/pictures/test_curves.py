"""Curves show the numbers that they are given, and no others."""

import math
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from espnet2.interface.errors import MissingPackageError
from espnet2.train.pictures.curves import CurvePlots, figures, plot_curves
from espnet2.utils.figure import BLUE, DPI, VERMILLION, as_image, file_name

HISTORY = {
    1: {"train": {"loss": 3.0, "acc": 0.2, "optim0_lr0": 1e-3}, "valid": {"loss": 3.5, "acc": 0.1}},
    2: {"train": {"loss": 2.0, "acc": 0.4, "optim0_lr0": 5e-4}},
    4: {"train": {"loss": 1.0, "acc": math.nan}, "valid": {"loss": 2.5, "acc": 0.3, "cer_ctc": math.inf}},
    3: {"train": {"loss": None, "acc": 0.5}, "valid": {"loss": 2.25, "acc": 0.6}},
}


def lines(figure):
    (axes,) = figure.axes
    return {line.get_label(): (list(line.get_xdata()), np.asarray(line.get_ydata(), float)) for line in axes.lines}


def test_lines():
    drawn = figures(HISTORY)
    assert list(drawn) == ["loss", "acc", "optim0_lr0"]  # a statistic without a finite number has no picture
    found = lines(drawn["loss"])
    assert list(found) == ["train", "valid", "best valid: 2.25 (epoch 3)"]
    for label, values in {"train": [3.0, 2.0, math.nan, 1.0], "valid": [3.5, math.nan, 2.25, 2.5]}.items():
        assert found[label][0] == [1, 2, 3, 4]
        np.testing.assert_array_equal(found[label][1], values)
    assert found["best valid: 2.25 (epoch 3)"] == ([3], [2.25])


@pytest.mark.parametrize(
    "name, best",
    [("acc", "best valid: 0.6 (epoch 3)"), ("optim0_lr0", None), ("loss", "best valid: 2.25 (epoch 3)")],
)
def test_best(name, best):
    labels = [label for label in lines(figures(HISTORY)[name]) if label.startswith("best")]
    assert labels == ([] if best is None else [best])


@pytest.mark.parametrize(
    "name, best", [("cer_ctc", 2), ("acc_mlm", 1), ("ppl", 2), ("accumulated", None), ("iter_time", None)]
)
def test_best_by_name(name, best):
    history = {epoch: {"train": {name: value}} for epoch, value in ((1, 0.9), (2, 0.5), (3, 0.5))}
    found = [x for label, (x, _) in lines(figures(history)[name]).items() if label.startswith("best train")]
    assert found == ([] if best is None else [[best]])


def test_colours():
    (axes,) = figures(HISTORY)["loss"].axes
    assert [line.get_color() for line in axes.lines] == [BLUE, VERMILLION, VERMILLION]


def test_files(tmp_path):
    (tmp_path / "loss.png").write_text("of an earlier epoch")
    paths = plot_curves(HISTORY, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(paths) == [tmp_path / f"{n}.png" for n in ("acc", "loss", "optim0_lr0")]
    image = as_image(figures(HISTORY)["loss"])
    assert image.shape == (4.0 * DPI, 6.4 * DPI, 3) and image.dtype == np.uint8
    assert paths[0].read_bytes()[16:24] == b"".join(size.to_bytes(4, "big") for size in (768, 480))


def test_one_epoch(tmp_path):
    (path,) = plot_curves({1: {"valid": {"loss": 2.0}}}, tmp_path / "new" / "images")
    assert path == tmp_path / "new" / "images" / "loss.png" and path.is_file()


@pytest.mark.parametrize("history", [{}, {1: {}}, {1: {"train": {}, "valid": {"loss": None}}}])
def test_nothing(history, tmp_path):
    assert plot_curves(history, tmp_path) == [] == list(tmp_path.iterdir())


def test_what_an_earlier_picture_was_stays_when_writing_fails(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def fail(figure, file, **_):
        file.write(b"half")
        raise OSError("no space left on device")

    (tmp_path / "loss.png").write_text("of an earlier epoch")
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="no space"):
        plot_curves({1: {"train": {"loss": 1.0}}}, tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "loss.png"]
    assert (tmp_path / "loss.png").read_text() == "of an earlier epoch"


@pytest.mark.parametrize("name, expected", [("loss", "loss"), ("a/b\\c", "a_b_c"), ("../x", "__x"), ("日本", "日本")])
def test_file_name(name, expected):
    assert file_name(name) == expected


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match="expected the package matplotlib"):
        plot_curves(HISTORY, tmp_path)


@pytest.mark.parametrize("share, drawn_again", [(math.inf, True), (1e-9, False)])
def test_curves_are_drawn_as_often_as_time_allows(share, drawn_again, tmp_path):
    plots = CurvePlots(tmp_path, share)
    plots(HISTORY)
    (tmp_path / "loss.png").unlink()
    plots(HISTORY)
    assert (tmp_path / "loss.png").is_file() == drawn_again
    assert (tmp_path / "acc.png").is_file()
