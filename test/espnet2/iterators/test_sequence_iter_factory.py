"""Order of batches in epochs, processes that load them, and what is random in them."""

import json

import data_cases
import numpy as np
import pytest

from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.iterators.sequence_iter_factory import SequenceIterFactory
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.dataset import ESPnetDataset

NAMED = [(str(index),) for index in range(data_cases.BATCHES)]
PAIRS = [(f"utt{index}", f"utt{index + 1}") for index in range(0, 12, 2)]


class Noisy:
    """A preprocessor that adds noise, and loads what `broken` names never."""

    def __init__(self, broken=""):
        self.broken = broken

    def reseed(self, key):
        self.rng = np.random.default_rng(key)

    def __call__(self, uid, data):
        if uid == self.broken:
            raise AudioError(f"{uid}: expected a recording, found something else")
        return {name: value + self.rng.standard_normal(len(value)) for name, value in data.items()}


@pytest.fixture
def numbers(tmp_path):
    lines = [f"utt{index} {' '.join('1' * (index + 1))}\n" for index in range(12)]
    (tmp_path / "numbers").write_text("".join(lines))

    def dataset(**options):
        return ESPnetDataset([(str(tmp_path / "numbers"), "x", "text_float")], Noisy(**options))

    return dataset


def loaded(dataset, epoch, **options):
    factory = SequenceIterFactory(dataset, PAIRS, collate_fn=CommonCollateFn(), shuffle=True, **options)
    return [(names, batch["x"].numpy(), batch["x_lengths"].tolist()) for names, batch in factory.build_iter(epoch)]


def same(left, right):
    return all(
        one[0] == other[0] and np.array_equal(one[1], other[1]) and one[2] == other[2]
        for one, other in zip(left, right, strict=True)
    )


def test_orders_are_upstreams(repo_dir):
    golden = json.loads((repo_dir / "test" / "golden" / "data" / "orders.json").read_text())
    for (options, epoch), expected in zip(data_cases.EPOCHS, golden, strict=True):
        epochs = SequenceIterFactory(data_cases.Echo(), NAMED, **options).build_iter(epoch)
        assert [int(name) for (name,) in epochs] == expected, (options, epoch)
        assert len(epochs) == len(expected)


def test_shuffle_of_an_epoch_goes_before_that_of_the_factory():
    factory = SequenceIterFactory(data_cases.Echo(), NAMED, shuffle=True)
    assert [name for (name,) in factory.build_iter(1, shuffle=False)] == [name for (name,) in NAMED]


def test_random_values_depend_on_seed_and_epoch_alone(numbers):
    dataset = numbers()
    first = loaded(dataset, 2, seed=1)
    assert same(first, loaded(dataset, 2, seed=1))
    assert same(first, loaded(numbers(), 2, seed=1, num_workers=1))
    assert same(first, loaded(numbers(), 2, seed=1, num_workers=2))
    by_name = {tuple(names): values for names, values, _ in first}
    others = loaded(dataset, 3, seed=1) + loaded(dataset, 2, seed=2)
    assert not any(np.array_equal(by_name[tuple(names)], values) for names, values, _ in others)


def test_processes_that_train_together_share_each_batch(numbers):
    parts = [loaded(numbers(), 1, rank=rank, world_size=2) for rank in (0, 1)]
    whole = loaded(numbers(), 1)
    assert [left[0] + right[0] for left, right in zip(*parts, strict=True)] == [names for names, _, _ in whole]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_errors_of_workers_arrive_as_they_are(numbers, num_workers):
    with pytest.raises(AudioError) as error:
        loaded(numbers(broken="utt5"), 1, num_workers=num_workers)
    assert str(error.value) == "utt5: expected a recording, found something else"


REFUSED = [
    ({"num_iters_per_epoch": 0}, OptionError, "num_iters_per_epoch: expected at least 1, found 0"),
    ({"rank": 2, "world_size": 2}, OptionError, "rank: expected 0 to 1 of 2 processes, found 2"),
    (
        {"world_size": 3},
        OptionError,
        "min_batch_size: expected batches of at least 3 utterances for 3 processes, found one of 2",
    ),
    ({"batches": []}, DataError, "batches: expected at least one, found none"),
    ({"batches": [("utt1", "x", "y"), ("z", "u")]}, DataError, "found none for x, y, z and 1 more"),
]


@pytest.mark.parametrize(("options", "kind", "sentence"), REFUSED)
def test_options_that_are_refused(numbers, options, kind, sentence):
    with pytest.raises(kind) as error:
        SequenceIterFactory(**{"dataset": numbers(), "batches": PAIRS} | options)
    assert sentence in str(error.value)
