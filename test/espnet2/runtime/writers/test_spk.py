"""The archive of embeddings: names of its members."""

import numpy as np
import pytest

from espnet2.runtime.writers.spk import EMBEDDINGS, EmbeddingFiles
from espnet2.utils.file_name import FileNameError


def test_members_stay_within_the_directory(tmp_path):
    embedding = np.ones(3, np.float32)
    with EmbeddingFiles(tmp_path) as write:
        write("id1/a", embedding)
        for name in ("../x", "/x", "a/../../x"):
            with pytest.raises(FileNameError, match="--output_dir: expected a name that stays within"):
                write(name, embedding)
    with np.load(tmp_path / EMBEDDINGS) as found:
        assert list(found) == ["id1/a"]


def test_where_nothing_is_embedded_earlier_files_stay(tmp_path):
    (tmp_path / "scores").write_text("mine")
    with EmbeddingFiles(tmp_path) as files:
        files("a", np.ones(2, np.float32))
    assert not files.outdated  # scores of another program
    with EmbeddingFiles(tmp_path) as files:
        files("a", None)
    assert list(np.load(tmp_path / "embeddings.npz")) == ["a"]
    with EmbeddingFiles(tmp_path) as files:
        files("b", np.ones(2, np.float32))
    assert files.outdated == {tmp_path / "scores"}
