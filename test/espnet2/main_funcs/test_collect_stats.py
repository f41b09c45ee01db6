"""Statistics of the data, of all of it and of its parts."""

import numpy as np
import pytest
from tiny_training import make_corpus

from espnet2.bin import aggregate_stats_dirs
from espnet2.bin.asr_train import main


@pytest.fixture(scope="module")
def stats(tmp_path_factory):
    directory = tmp_path_factory.mktemp("stats")
    options = make_corpus(directory)
    command = [*options, "--collect_stats", "true", "--write_collected_feats", "true", "--batch_size", "1"]
    assert main([*command, "--output_dir", str(directory / "all")]) == 0
    return directory, command


def test_shapes_and_sums(stats, repo_dir):
    train = stats[0] / "all" / "train"
    shapes = [line.split() for line in (train / "speech_shape").read_text().splitlines()]
    assert shapes == [[f"train{index}", str(5000 + 400 * index)] for index in range(6)]
    assert [line.split()[1] for line in (train / "text_shape").read_text().splitlines()] == ["2", "3"] * 3
    assert (train / "batch_keys").read_text() == "speech\ntext\n"
    assert (train / "stats_keys").read_text() == "feats\nfeats_lengths\n"
    golden = np.load(repo_dir / "test" / "golden" / "trainer" / "collected_stats.npz")
    for name in ("feats_stats", "feats_lengths_stats"):
        found = np.load(train / f"{name}.npz")
        for key in ("count", "sum", "sum_square"):
            wanted = golden[f"{name}.{key}"]
            assert found[key].dtype == wanted.dtype
            np.testing.assert_allclose(found[key], wanted, rtol=1e-5)
    listed = [line.split() for line in (train / "collect_feats" / "feats.scp").read_text().splitlines()]
    assert sum(np.load(path).sum(0) for _, path in listed) == pytest.approx(np.load(train / "feats_stats.npz")["sum"])


def test_parts_are_joined(stats, tmp_path, capsys):
    directory, command = stats
    for part, keys in enumerate((range(4), range(4, 6))):
        path = tmp_path / f"keys{part}"
        path.write_text("".join(f"train{key}\n" for key in keys))
        valid = tmp_path / f"valid{part}"
        valid.write_text(f"valid{part}\n")
        shapes = ["--train_shape_file", str(path), "--valid_shape_file", str(valid)]
        begin = command[: command.index("--train_shape_file")]
        rest = [word for word in command if word not in begin and not word.endswith("_shape_file")]
        rest = [word for word in rest if not word.endswith("/text")]
        assert main([*begin, *_valid(command), *rest[-6:], *shapes, "--output_dir", str(tmp_path / str(part))]) == 0
    inputs = [word for part in "01" for word in ("--input_dir", str(tmp_path / part))]
    assert aggregate_stats_dirs.main([*inputs, "--output_dir", str(tmp_path / "both")]) == 0
    for phase in ("train", "valid"):
        for name in ("speech_shape", "text_shape", "batch_keys", "stats_keys"):
            assert (tmp_path / "both" / phase / name).read_text() == (directory / "all" / phase / name).read_text()
        found, wanted = (np.load(path / phase / "feats_stats.npz") for path in (tmp_path / "both", directory / "all"))
        assert all(np.allclose(found[key], wanted[key], rtol=1e-5) for key in ("count", "sum", "sum_square"))
    again = [*inputs, "--input_dir", str(tmp_path / "0"), "--output_dir", str(tmp_path / "twice")]
    assert aggregate_stats_dirs.main(again) == 2
    assert "expected each utterance in one part, found train0" in capsys.readouterr().err.splitlines()[-1]


def _valid(command):
    """The options of validation's data."""
    places = [place for place, word in enumerate(command) if word == "--valid_data_path_and_name_and_type"]
    return [word for place in places for word in command[place : place + 2]]
