"""Averages of the best models have upstream's names and values."""

import pytest
import torch

from espnet2.interface.errors import CheckpointError
from espnet2.main_funcs.average_nbest_models import average_nbest_models
from espnet2.train.history import History

ACCURACIES = (0.1, 0.5, 0.3, 0.5)


@pytest.fixture
def trained(tmp_path):
    history = History()
    for epoch, accuracy in enumerate(ACCURACIES, 1):
        history.record(epoch, {"valid": {"acc": accuracy}}, {"valid": 1})
        half = torch.tensor([float(epoch)], dtype=torch.float16)
        state = {"a": torch.tensor([1.0, 2.0]) * epoch**2, "n": torch.tensor(epoch * 10), "h": half}
        torch.save(state, tmp_path / f"{epoch}epoch.pth")
    return tmp_path, history


# What upstream writes for these models, but for the second of several averages, which it begins with the first one.
CASES = [
    ([2, 3], None, ["ave_2best.pth", "ave_3best.pth"], "ave_3best.pth", [[10.0, 20.0], [29 / 3, 58 / 3]], [60, 90]),
    (2, None, ["ave_2best.pth"], "ave_2best.pth", [[10.0, 20.0]], [60]),
    ([2], "till4epoch", ["ave_2best.till4epoch.pth"], "ave_2best.till4epoch.pth", [[10.0, 20.0]], [60]),
    ([1], None, ["ave_1best.pth"], "ave_1best.pth", [[4.0, 8.0]], [20]),
    ([10], None, ["ave_1best.pth"], "ave_1best.pth", [[4.0, 8.0]], [20]),
]


@pytest.mark.parametrize(("nbest", "suffix", "names", "last", "means", "sums"), CASES)
def test_names_and_values(trained, nbest, suffix, names, last, means, sums):
    directory, history = trained
    average_nbest_models(directory, history, [("valid", "acc", "max"), ("valid", "cer", "min")], nbest, suffix)
    link = f"valid.acc.ave.{suffix}.pth" if suffix else "valid.acc.ave.pth"
    written = {path.name for path in directory.iterdir() if not path.name[0].isdigit()}
    assert written == {link, *(f"valid.acc.{name}" for name in names)}
    assert (directory / link).readlink().name == f"valid.acc.{last}"
    for name, mean, total in zip(names, means, sums, strict=True):
        found = torch.load(directory / f"valid.acc.{name}", weights_only=True)
        assert torch.allclose(found["a"], torch.tensor(mean))
        assert found["n"] == total and found["n"].dtype == torch.int64 and found["h"].dtype == torch.float16


@pytest.mark.parametrize("nbest", [1, 2])
def test_missing_weights_are_named_before_anything_is_written(trained, nbest):
    directory, history = trained
    (directory / "2epoch.pth").unlink()
    with pytest.raises(CheckpointError, match=r"2epoch\.pth: expected a checkpoint, found: no such file"):
        average_nbest_models(directory, history, [("valid", "acc", "max")], nbest)
    assert all(path.name[0].isdigit() for path in directory.iterdir())
