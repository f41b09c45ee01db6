"""Tags of models: the repository of the hub that each names, or one sentence that says what to do instead."""

import sys
import types

import pytest

from espnet2.fileio.hub import HubName, download, hub_name
from espnet2.interface.errors import ArchiveError, MissingPackageError, OptionError

NEWEST, MAIN = HubName("someone/some_model"), HubName("someone/some_model", "main")


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("someone/some_model", NEWEST),
        ("someone/some_model/", NEWEST),
        ("someone/some_model@main", MAIN),
        ("someone/some_model@refs/pr/1", HubName("someone/some_model", "refs/pr/1")),
        ("https://huggingface.co/someone/some_model", NEWEST),
        ("https://huggingface.co/someone/some_model/tree/main", MAIN),
        ("https://huggingface.co/someone/some_model/?library=espnet", NEWEST),
        ("huggingface.co/someone/some_model", NEWEST),
        ("https://hf.co/someone/some_model/tree/feature%2Fx", HubName("someone/some_model", "feature/x")),
        ("some_model", HubName("some_model")),
    ],
)
def test_what_a_tag_names(tag, name):
    assert hub_name(tag) == name


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        (
            "Some One/model",
            "model_tag 'Some One/model': expected a repository on the Hugging Face hub, found a tag of upstream's "
            "model zoo; download the zip that the zoo names, and give it as --model_file",
        ),
        (
            "https://zenodo.org/record/1/files/model.zip?download=1",
            "model_tag 'https://zenodo.org/record/1/files/model.zip?download=1': expected a repository on the Hugging "
            "Face hub, found an address at zenodo.org; download its zip from there, and give it as --model_file",
        ),
        ("a/b/c", "model_tag 'a/b/c': expected a repository on the Hugging Face hub, found a tag of"),
        ("", "model_tag '': expected a repository on the Hugging Face hub, found a tag of"),
        ("http://[::1", "model_tag 'http://[::1': expected a repository on the Hugging Face hub, found an address"),
    ],
)
def test_what_is_no_repository(tag, sentence):
    with pytest.raises(OptionError) as error:
        hub_name(tag)
    assert str(error.value).startswith(sentence)
    assert len(str(error.value)) < 400


class Hub(types.ModuleType):
    """Stands for huggingface_hub: gives a directory, or raises."""

    def __init__(self, result) -> None:
        super().__init__("huggingface_hub")
        self.result, self.calls = result, []

    def snapshot_download(self, repo_id, revision=None, cache_dir=None):
        self.calls.append((repo_id, revision, cache_dir))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def hub(monkeypatch):
    def make(result) -> Hub:
        module = Hub(result)
        monkeypatch.setitem(sys.modules, "huggingface_hub", module)
        return module

    return make


def test_the_hub_is_asked_for_a_revision(hub, tmp_path):
    asked = hub(str(tmp_path))
    assert download("https://huggingface.co/someone/some_model/tree/main", "cache") == tmp_path
    assert download("someone/some_model") == tmp_path
    assert asked.calls == [("someone/some_model", "main", "cache"), ("someone/some_model", None, None)]


def error_of(*names: str) -> Exception:
    """An error of a class of that name, whose bases are those that follow."""
    kind: type = OSError
    for name in reversed(names):
        kind = type(name, (kind,), {})
    return kind("one line\n\nand another " + "x" * 1000)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["RepositoryNotFoundError", "HfHubHTTPError"], "found none, or a private one"),
        (["GatedRepoError", "RepositoryNotFoundError"], "found one whose terms have to be accepted there"),
        (["RevisionNotFoundError", "HfHubHTTPError"], "found no such revision"),
        (["LocalEntryNotFoundError"], "found no copy in the cache, and the hub cannot be reached"),
        (["OfflineModeIsEnabled"], "found no copy in the cache while offline"),
        (["HfHubHTTPError"], "found HfHubHTTPError: one line and another xxx"),
    ],
)
def test_what_cannot_be_downloaded(hub, names, found):
    hub(error_of(*names))
    with pytest.raises(ArchiveError) as error:
        download("someone/some_model@v1")
    start = "model_tag someone/some_model (revision v1): expected a repository that can be downloaded from the Hugging "
    assert str(error.value).startswith(f"{start}Face hub, {found}")
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)


def test_the_clients_errors_have_these_names():
    errors = pytest.importorskip("huggingface_hub.errors")
    from espnet2.fileio.hub import ERRORS

    assert [name for name in ERRORS if not hasattr(errors, name)] == []


def test_without_the_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPackageError, match="expected the package huggingface_hub, found none"):
        download("someone/some_model")
