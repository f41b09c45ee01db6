"""Packed models: what upstream packs is unpacked, what is unsafe is refused, nothing half-written stays."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from espnet2.bin.pack import main as pack_command
from espnet2.interface.errors import ArchiveError, MissingPackageError, OptionError
from espnet2.main_funcs import pack_funcs
from espnet2.main_funcs.pack_funcs import pack, unpack
from espnet2.main_funcs.pretrained import find_model

META = {"files": {"asr_model_file": "exp/asr/model.pth"}, "yaml_files": {"asr_train_config": "exp/asr/config.yaml"}}
FILES = {
    "meta.yaml": yaml.safe_dump(META).encode(),
    "exp/asr/model.pth": b"weights",
    "exp/asr/config.yaml": b"encoder: conformer",
}


def zip_of(path, files, modes=None):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)
    return path


def tar_of(path, files, links=None):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path


MAKERS = {"zip": zip_of, "tar.gz": tar_of}


def test_configs_of_another_task_are_not_packed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("pooling: mean\n")
    assert pack_command(["tts", "--outpath", "m.zip", "--train_config", "config.yaml", "--model_file", "m.pth"]) == 2
    assert "--train_config: config.yaml: expected a config of text-to-speech (TTS), found" in capsys.readouterr().err
    assert not Path("m.zip").exists()


@pytest.mark.parametrize("kind", MAKERS)
def test_unpacked_files_are_found_by_their_names(tmp_path, kind):
    archive = MAKERS[kind](tmp_path / f"model.{kind}", FILES)
    found = unpack(archive, tmp_path / "out")
    assert found == {
        "asr_model_file": str(tmp_path / "out/exp/asr/model.pth"),
        "asr_train_config": str(tmp_path / "out/exp/asr/config.yaml"),
    }
    (tmp_path / "out/exp/asr/model.pth").write_bytes(b"kept")
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/exp/asr/model.pth").read_bytes() == b"kept"
    unpack(archive, tmp_path / "out", use_cache=False)
    assert (tmp_path / "out/exp/asr/model.pth").read_bytes() == b"weights"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"model.{kind}", "out"]


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", ["../evil", "exp/../../evil", "/tmp/evil", "C:\\evil", "exp\\..\\evil"])
def test_paths_out_of_the_directory_are_refused(tmp_path, kind, name):
    archive = MAKERS[kind](tmp_path / f"model.{kind}", {**FILES, name: b"x"})
    with pytest.raises(ArchiveError, match="expected relative paths inside the archive"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [f"model.{kind}"]


def test_links_are_refused(tmp_path):
    archives = [
        zip_of(tmp_path / "a.zip", {**FILES, "link": b"/etc/passwd"}, {"link": stat.S_IFLNK | 0o777}),
        tar_of(tmp_path / "a.tar.gz", FILES, {"link": "/etc/passwd"}),
    ]
    for archive in archives:
        with pytest.raises(ArchiveError, match="expected files only, found a link or device, 'link'"):
            unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("limit", ["UNPACKED_BYTES", "UNPACKED_FILES"])
def test_size_is_bounded(tmp_path, monkeypatch, limit):
    monkeypatch.setenv(f"ESPNET_{limit}", "2" if limit == "UNPACKED_FILES" else "50")
    with pytest.raises(ArchiveError, match=r"expected at most .* found more at"):
        unpack(zip_of(tmp_path / "a.zip", FILES), tmp_path / "out")


def _truncated(path):
    content = zip_of(path, FILES).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _damaged(path):
    content = zip_of(path, FILES).read_bytes()
    path.write_bytes(content.replace(b"weights", b"changed"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "expected a packed model, found no such file"),
        (lambda path: path.write_text("hello"), "expected a zip or tar archive, found something else"),
        (_truncated, "expected a zip or tar archive"),
        (_damaged, "expected a zip or tar archive that can be read, found: Bad CRC"),
        (lambda path: zip_of(path, {"a.txt": b""}), "expected a packed model with meta.yaml"),
        (
            lambda path: zip_of(path, {"meta.yaml": FILES["meta.yaml"]}),
            "yaml_files.asr_train_config: expected a file of the archive, found no file",
        ),
        (
            lambda path: zip_of(path, {"meta.yaml": b"files: {asr_model_file: ../../x}"}),
            "expected relative paths inside the archive, found '../../x'",
        ),
        (lambda path: zip_of(path, {"meta.yaml": b"files: [a]"}), "files: expected names and paths, found list"),
        (lambda path: zip_of(path, {"meta.yaml": b"yaml_files: a"}), "yaml_files: expected names and paths, found str"),
        (
            lambda path: zip_of(path, {"meta.yaml": b"files: {a: [b]}"}),
            "files.a: expected a file of the archive, found no file",
        ),
        (lambda path: zip_of(path, {"meta.yaml": b"- a"}), r"model.zip: meta.yaml: .* found list; it names the files"),
        (lambda path: zip_of(path, {"m/meta.yaml": b"a: [1"}), r"model.zip: m/meta.yaml: expected plain YAML, found"),
        (lambda path: zip_of(path, {"m/meta.yaml": b"", "n/a": b""}), r"model.zip: meta.yaml: .* found none"),
    ],
)
def test_what_is_no_packed_model_is_refused(tmp_path, make, message):
    make(tmp_path / "model.zip")
    with pytest.raises(ArchiveError, match=message):
        unpack(tmp_path / "model.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_files_are_not_replaced(tmp_path):
    """A downloader keeps the archive where it is unpacked."""
    (tmp_path / "out" / "exp").mkdir(parents=True)
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(ArchiveError, match="expected a new or empty directory, found one that has 'exp' already"):
        unpack(zip_of(tmp_path / "a.zip", FILES), tmp_path / "out")
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["exp", "thesis.txt"]
    (tmp_path / "out" / "exp").rmdir()
    for _ in range(2):
        files = unpack(tmp_path / "a.zip", tmp_path / "out")
        assert files["asr_model_file"] == str(tmp_path / "out" / "exp" / "asr" / "model.pth")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


CHANGED = {**FILES, "meta.yaml": FILES["meta.yaml"] + b"espnet: changed", "exp/asr/model.pth": b"others"}


@pytest.mark.parametrize("outpath", ["out", "."])
def test_a_changed_archive_replaces_its_own_files_alone(tmp_path, monkeypatch, outpath):
    root = tmp_path / "work" / outpath
    root.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    (root / "thesis.txt").write_text("mine")
    unpack(zip_of(tmp_path / "a.zip", FILES), outpath)
    (root / "exp/asr/notes.txt").write_text("mine, too")
    unpack(zip_of(tmp_path / "a.zip", CHANGED), outpath)
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert files == {**CHANGED, "thesis.txt": b"mine", "exp/asr/notes.txt": b"mine, too"}


@pytest.mark.parametrize("taken", ["exp/asr/model.pth/notes.txt", "exp"])
def test_a_changed_archive_replaces_no_others(tmp_path, taken):
    path = tmp_path / "out" / taken
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    (tmp_path / "out/meta.yaml").write_bytes(FILES["meta.yaml"])
    with pytest.raises(ArchiveError, match="expected a new or empty directory, found one that has 'exp' already"):
        unpack(zip_of(tmp_path / "a.zip", CHANGED), tmp_path / "out")
    assert path.read_text() == "mine" and (tmp_path / "out/meta.yaml").read_bytes() == FILES["meta.yaml"]


def test_a_file_is_not_replaced(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ArchiveError, match="out: expected a new or empty directory, found a file"):
        unpack(zip_of(tmp_path / "a.zip", FILES), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("exp/asr/model.pth/x", "'exp/asr/model.pth/x': expected a file that can be written, found: File exists"),
        ("exp", "'exp': expected a file that can be written, found: Is a directory"),
        (
            "exp/asr/model.pth/x/y",
            "'exp/asr/model.pth/x/y': expected a file that can be written, found: Not a directory",
        ),
        ("a" * 300, "aaa': expected a file that can be written, found: File name too long"),
    ],
)
def test_a_member_that_cannot_be_written_is_named(tmp_path, kind, name, found):
    archive = MAKERS[kind](tmp_path / f"model.{kind}", {**FILES, name: b"x"})
    with pytest.raises(ArchiveError, match=found) as error:
        unpack(archive, tmp_path / "out")
    assert str(error.value).startswith(f"{archive}: '") and "unpacked" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_models_are_cached_by_content(tmp_path):
    first = find_model(zip_of(tmp_path / "a.zip", FILES), cache_dir=tmp_path / "cache")
    assert find_model(tmp_path / "a.zip", cache_dir=tmp_path / "cache") == first
    assert find_model(model_tag=str(tmp_path / "a.zip"), cache_dir=tmp_path / "cache") == first
    other = find_model(zip_of(tmp_path / "a.zip", {**FILES, "x": b""}), cache_dir=tmp_path / "cache")
    assert other.keys() == first.keys() and other != first
    directory = next((tmp_path / "cache").iterdir())
    assert find_model(directory).keys() == first.keys()


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ArchiveError, match=r"cache: expected a directory to unpack in, found: File exists"):
        find_model(zip_of(tmp_path / "a.zip", FILES), cache_dir=tmp_path / "cache")


def test_files_of_an_unpacked_model(tmp_path):
    files = unpack(zip_of(tmp_path / "a.zip", FILES), tmp_path / "a")
    assert pack_funcs.get_dict_from_cache(tmp_path / "a" / "meta.yaml") == files
    (tmp_path / "a" / "exp" / "asr" / "model.pth").unlink()
    assert pack_funcs.get_dict_from_cache(tmp_path / "a" / "meta.yaml") is None
    assert pack_funcs.get_dict_from_cache(tmp_path / "b" / "meta.yaml") is None


def test_the_hub_gives_a_directory(tmp_path, monkeypatch):
    unpack(zip_of(tmp_path / "a.zip", FILES), tmp_path / "snapshot")

    class Hub:
        @staticmethod
        def snapshot_download(tag, revision, cache_dir):
            if tag != "someone/model":
                raise OSError("404")
            return str(tmp_path / "snapshot")

    monkeypatch.setattr("espnet2.fileio.hub.importlib.import_module", lambda name: Hub)
    assert find_model(model_tag="someone/model")["asr_model_file"] == str(tmp_path / "snapshot/exp/asr/model.pth")
    with pytest.raises(ArchiveError, match=r"model_tag nobody/model: expected a repository .* found OSError: 404"):
        find_model(model_tag="nobody/model")


def _missing(name):
    raise ImportError(name)


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("espnet2.fileio.hub.importlib.import_module", _missing)
    with pytest.raises(MissingPackageError, match="pip install huggingface_hub"):
        find_model(model_tag="someone/model")
    with pytest.raises(ArchiveError, match="found no such file"):
        find_model(tmp_path / "none.zip")
    with pytest.raises(OptionError, match="expected either model_file or model_tag"):
        find_model()


def _weights():
    file = io.BytesIO()
    torch.save({"weight": torch.ones(2)}, file)
    return file.getvalue()


WEIGHTS = _weights()


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Two experiments in the working directory."""
    files = {
        "exp/asr/config.yaml": "normalize_conf: {stats_file: exp/stats/feats_stats.npz}\nbpemodel: data/bpe.model\n",
        "exp/asr/valid.acc.ave.pth": WEIGHTS,
        "exp/stats/feats_stats.npz": "statistics",
        "data/bpe.model": "pieces",
        "exp/lm/config.yaml": "bpemodel: lm.model\nnon_linguistic_symbols: null\n",
        "exp/lm/lm.model": "pieces of its own, named from its directory",
        "exp/lm/valid.loss.ave.pth": WEIGHTS,
        "exp/asr/images/loss.png": "picture",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    link = tmp_path / "exp/lm/valid.loss.ave.pth"
    link.rename(link.with_name("valid.loss.ave_2best.pth"))
    link.symlink_to("valid.loss.ave_2best.pth")
    monkeypatch.chdir(tmp_path)
    return {name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()}


MODEL = ["--asr_train_config", "exp/asr/config.yaml", "--asr_model_file", "exp/asr/valid.acc.ave.pth"]
LM = ["--lm_train_config", "exp/lm/config.yaml", "--lm_file", "exp/lm/valid.loss.ave.pth"]


@pytest.mark.parametrize(("value", "wanted"), [
    ({"a": ["foo/path.npy"], "b": 3, "foo/path.npy": 1}, {"a": ["bar/x"], "b": 3, "foo/path.npy": 1}),
    (("foo//path.npy", "./foo/path.npy", "x foo/path.npy", None), ["bar/x", "bar/x", "x foo/path.npy", None]),
    ("foo/./path.npy", "bar/x"),
    (["foo/path.npy/", {"c": "foo/../foo/path.npy"}], ["bar/x", {"c": "foo/../foo/path.npy"}]),
])  # fmt: skip
def test_a_path_is_changed_wherever_it_is(value, wanted):
    assert pack_funcs.find_path_and_change_it_recursive(value, "foo/path.npy", "bar/x") == wanted


@pytest.mark.parametrize("ending", pack_funcs.ARCHIVES)
def test_what_is_packed_is_unpacked(trained, tmp_path, ending):
    assert pack_command(["asr", "--outpath", f"model{ending}", *MODEL, *LM, "--option", "exp/asr/images"]) == 0
    found = unpack(f"model{ending}", tmp_path / "out")
    root = tmp_path / "out"
    assert found == {
        "asr_train_config": str(root / "exp/asr/config.yaml"),
        "asr_model_file": str(root / "exp/asr/valid.acc.ave.pth"),
        "lm_train_config": str(root / "exp/lm/config.yaml"),
        "lm_file": str(root / "exp/lm/valid.loss.ave.pth"),
    }
    unpacked = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
    assert set(unpacked) == {*trained, "meta.yaml"}
    assert {name: path.read_bytes() for name, path in unpacked.items() if name in trained} == trained


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--outpath", "model.rar"], "model.rar: expected a name ending in .zip, .tar, .tar.gz"),
        (["--outpath", "m.zip", "--option", "none.md"], "none.md: expected a file to pack, found none"),
        (["--outpath", "m.zip", "--option", __file__], "where this runs, found another"),
    ],
)
def test_what_cannot_be_packed_leaves_no_archive(trained, tmp_path, capsys, options, message):
    assert pack_command(["asr", *options, *MODEL]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("m*"))


def test_what_is_no_checkpoint_is_not_packed(trained, tmp_path, capsys):
    (tmp_path / "exp/asr/valid.acc.ave.pth").write_text("weights")
    assert pack_command(["asr", "--outpath", "m.zip", *MODEL]) == 2
    assert "valid.acc.ave.pth: expected a checkpoint, found a file that is truncated" in capsys.readouterr().err
    assert not list(tmp_path.glob("m*"))


def test_a_vocoder_is_packed_with_what_lies_beside_it(trained, tmp_path):
    (tmp_path / "voc").mkdir()
    state = {"model": {"generator": {"w": torch.ones(2)}, "discriminator": {}}, "steps": 1}
    torch.save(state, "voc/checkpoint-1steps.pkl")
    for name in ("config.yml", "stats.npy"):
        (tmp_path / "voc" / name).write_text("")
    assert pack_command(["vocoder", "--outpath", "m.zip", "--vocoder_file", "voc/checkpoint-1steps.pkl"]) == 0
    assert unpack("m.zip", tmp_path / "out")["vocoder_file"] == str(tmp_path / "out/voc/checkpoint-1steps.pkl")
    assert {path.name for path in tmp_path.glob("out/voc/*")} == {"checkpoint-1steps.pkl", "config.yml", "stats.npy"}


@pytest.mark.parametrize("beside", [{}, {"__MACOSX/my_model/._meta.yaml": b"x", ".DS_Store": b"x"}])
def test_a_folder_packed_as_a_whole_is_a_packed_model(tmp_path, beside):
    archive = zip_of(tmp_path / "a.zip", {**{f"my_model/{name}": data for name, data in FILES.items()}, **beside})
    expected = {key: name.removeprefix("my_model/") for key, name in unpack(archive, tmp_path / "out").items()}
    assert expected["asr_model_file"] == str(tmp_path / "out/exp/asr/model.pth")
    kept = Path(expected["asr_model_file"])
    before = kept.stat().st_mtime_ns
    assert unpack(archive, tmp_path / "out") == expected  # and it is used as it is
    assert kept.stat().st_mtime_ns == before


def test_files_that_a_configuration_names_have_to_be_there(trained, tmp_path):
    (tmp_path / "data/bpe.model").unlink()
    with pytest.raises(ArchiveError, match=r"data/bpe.model: expected a file to pack, found none"):
        pack("m.zip", {}, {"asr_train_config": "exp/asr/config.yaml"})


@pytest.mark.parametrize(
    ("token_type", "bpemodel", "packed"),
    [
        ("hugging_face", "data/bert", ["data/bert/tokenizer.json", "data/bert/tokenizer_config.json"]),
        ("hugging_face", "data/bert/tokenizer.json", ["data/bert/tokenizer.json"]),
        ("hugging_face", "bert-base", []),
        ("whisper_en", "whisper_en", []),
        ("whisper_multilingual", "data/bert", []),
    ],
)
def test_a_pretrained_vocabulary_is_packed_where_it_is_no_name(trained, tmp_path, token_type, bpemodel, packed):
    (tmp_path / "data/bert").mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "data/bert" / name).write_text("{}")
    config = "exp/asr/config.yaml"
    Path(config).write_text(yaml.safe_dump({"token_type": token_type, "bpemodel": bpemodel}))
    assert pack("m.zip", {}, {"asr_train_config": config}) == [config, *packed]
    unpack("m.zip", "out")
    assert [name for name in packed if not (tmp_path / "out" / name).is_file()] == []
