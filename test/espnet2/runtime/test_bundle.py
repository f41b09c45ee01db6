"""Writing and reading bundles: what is written comes back, nothing is half-written, what is wrong is said."""

import dataclasses
import os
import shutil

import pytest
import yaml
from manifests import with_section

from espnet2.interface.errors import BundleError
from espnet2.interface.families import family_of
from espnet2.runtime import bundle as bundle_module
from espnet2.runtime import bundle_replacement
from espnet2.runtime.bundle import MANIFEST, Bundle, Manifest


@pytest.fixture
def files():
    return {"encoder.onnx": b"encoder", "ctc.onnx": b"ctc"}


@pytest.fixture
def written(tmp_path, manifest, files):
    Bundle.write(tmp_path / "b", manifest, files)
    return tmp_path / "b"


def edit(path, **changes):
    data = yaml.safe_load((path / MANIFEST).read_text(encoding="utf-8"))
    for name, value in changes.items():
        data[name] = value
    kept = {name: value for name, value in data.items() if value != "REMOVE"}
    (path / MANIFEST).write_text(yaml.safe_dump(kept, sort_keys=False), encoding="utf-8")


def test_round_trip(tmp_path, manifest, files):
    manifest = dataclasses.replace(
        manifest,
        files={"bpemodel": {"file": "bpe.model"}, "ngram": {"file": "ngram.bin"}},
        quantized={"int8": {"ctc": {"file": "ctc.int8.onnx"}}},
        provenance={"torch": "2.13", "file": "not a file of the bundle"},
        verification={"encoder": 1e-6},
    )
    source = tmp_path / "source"
    source.write_bytes(b"int8")
    files |= {"bpe.model": b"bpe", "ngram.bin": b"ngram", "ctc.int8.onnx": source}
    made = Bundle.write(tmp_path / "b", manifest, files)
    loaded = Bundle.load(tmp_path / "b", family_of("asr"))
    assert loaded == made
    assert list(loaded.section.tokens) == manifest.section.tokens
    assert loaded.components == {name: entry["interface"] for name, entry in manifest.components.items()}
    assert loaded.file(loaded.manifest.quantized["int8"]["ctc"]).read_bytes() == b"int8"
    assert loaded.manifest.provenance == manifest.provenance
    assert "日" in (tmp_path / "b" / MANIFEST).read_text(encoding="utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "source"]


@pytest.mark.parametrize("movable", [True, False])
def test_files_of_a_scratch_directory_are_moved(tmp_path, manifest, files, monkeypatch, movable):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "encoder.onnx").write_bytes(b"large")
    if not movable:  # as on another file system
        monkeypatch.setattr(bundle_module, "_moved", lambda source, target: False)
    made = Bundle.write(tmp_path / "b", manifest, {**files, "encoder.onnx": scratch / "encoder.onnx"}, scratch)
    assert (made.path / "encoder.onnx").read_bytes() == b"large"
    assert (scratch / "encoder.onnx").exists() is not movable


@pytest.mark.parametrize("exchanges", [True, False])
def test_an_older_bundle_is_replaced(tmp_path, manifest, files, written, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(bundle_replacement, "exchange", lambda one, other: False)
    Bundle.write(written, manifest, {**files, "ctc.onnx": b"new"})
    assert (written / "ctc.onnx").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_an_empty_directory_is_taken(tmp_path, manifest, files):
    (tmp_path / "b").mkdir()
    Bundle.write(tmp_path / "b", manifest, files)
    assert Bundle.load(tmp_path / "b")


def test_another_directory_is_kept(tmp_path, manifest, files):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.tex").touch()
    with pytest.raises(BundleError, match="b: expected a new directory or an older bundle, found something else"):
        Bundle.write(tmp_path / "b", manifest, files)
    assert os.listdir(tmp_path / "b") == ["thesis.tex"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_write_leaves_nothing(tmp_path, manifest, files, monkeypatch, error):
    def stop(path):
        raise error

    monkeypatch.setattr(bundle_module, "sha256", stop)
    with pytest.raises(error):
        Bundle.write(tmp_path / "b", manifest, files)
    assert not list(tmp_path.iterdir())


def test_a_failed_replacement_keeps_the_older_bundle(manifest, files, written, monkeypatch):
    monkeypatch.setattr(bundle_replacement, "exchange", lambda one, other: False)
    rename = type(written).rename

    def fail(self, target):
        if self.name.endswith(".work"):
            raise OSError("disk full")
        return rename(self, target)

    monkeypatch.setattr(type(written), "rename", fail)
    with pytest.raises(BundleError, match="b: expected a directory that can be written, found: disk full"):
        Bundle.write(written, manifest, {**files, "ctc.onnx": b"new"})
    assert Bundle.load(written).file({"file": "ctc.onnx"}).read_bytes() == b"ctc"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"encoder.onnx": b""}, "files: expected ctc.onnx, encoder.onnx, found encoder.onnx"),
        ({"encoder.onnx": b"", "ctc.onnx": b"", "x": b""}, "found ctc.onnx, encoder.onnx, x"),
    ],
)
def test_files_that_the_manifest_does_not_have(tmp_path, manifest, files, sentence):
    with pytest.raises(BundleError) as error:
        Bundle.write(tmp_path / "b", manifest, files)
    assert sentence in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "..", "", "a\\b", "c:x", "bundle.yaml"])
def test_names_that_lead_out_of_the_bundle(tmp_path, manifest, written, name):
    outside = dataclasses.replace(manifest, files={"ngram": {"file": name}})
    files = {"encoder.onnx": b"encoder", "ctc.onnx": b"ctc", name: b""}
    with pytest.raises(BundleError, match="file: expected a plain file name, found"):
        Bundle.write(tmp_path / "c", outside, files)
    edit(written, files={"ngram": {"file": name, "sha256": "0"}})
    with pytest.raises(BundleError, match="file: expected a plain file name, found"):
        Bundle.load(written)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format_version": 3}, "format_version: expected 2, found 3; the bundle is newer than this runtime"),
        ({"format_version": "REMOVE"}, "format_version: expected 2, found None"),
        ({"task": "cooking"}, "task: expected one of asr"),
        ({"task": ["asr"]}, "task: expected one of asr"),
        ({"task": "REMOVE"}, "expected the key 'task', found keys components"),
        ({"asr": "REMOVE"}, "expected the key 'asr', found keys task, components"),
        ({"asr": 3}, "asr: expected a mapping, found 3"),
        ({"colour": "red"}, "expected keys task, components"),
        ({"files": 3}, "files: expected files by role, found 3"),
        ({"components": {}}, "components: expected files by name, found {}"),
        ({"components": {"ctc": {}}}, "components: expected files by name, found {'ctc': {}}"),
        ({"components": {"ctc": {"file": "ctc.onnx"}}}, "components.ctc.interface: expected the interface of a graph"),
        ({"quantized": {"int8": {"lm": {"file": "x"}}}}, "quantized.int8: expected files of encoder, ctc"),
        ({"format_version": "2"}, "format_version: expected 2, found '2'"),
        ({"components": {"ctc": {"file": "/etc/passwd"}}}, "components.ctc.file: expected a plain file name"),
        ({"quantized": []}, "quantized: expected components by kind, found []"),
        ({"defaults": 3}, "defaults: expected a mapping, found 3"),
        ({"files": {"bpemodel": "m"}}, "files.bpemodel: expected a mapping with the name"),
        (
            {"files": {"ngram": {"file": 3}}},
            "files.ngram: expected a mapping with the name of a file, found",
        ),
        ({"components": {"ctc": {"file": "x", "data": 3}}}, "components.ctc.data: expected a mapping with the name"),
    ],
)
def test_a_manifest_that_cannot_be_used(written, changes, sentence):
    edit(written, **changes)
    with pytest.raises(BundleError) as error:
        Bundle.load(written)
    assert sentence in str(error.value)
    assert str(written / MANIFEST) in str(error.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tokens": "REMOVE"}, "asr: expected the key 'tokens', found keys sample_rate, special"),
        ({"tokens": [1, 2]}, "asr.tokens: expected a list of strings, found [1, 2]"),
        ({"colour": "red"}, "asr: expected keys sample_rate, tokens"),
        ({"sample_rate": "16k"}, "asr.sample_rate: expected a rate in Hz, found 16k"),
        ({"special": {"blank": 0, "sos": 5, "eos": 6}}, "asr.special.eos: expected an index of the 6 tokens, found 6"),
        ({"special": None}, "asr.special.blank: expected an index of the 6 tokens, found None"),
        ({"tokenizer": "bpe"}, "asr.tokenizer: expected a mapping or null, found bpe"),
        ({"tokenizer": {}}, "asr.tokenizer.token_type: expected one of bpe, char, word, phn, hugging_face"),
        ({"tokenizer": {"token_type": ["bpe"]}}, "asr.tokenizer.token_type: expected one of"),
    ],
)
def test_a_section_that_cannot_be_used(written, changes, sentence):
    section = yaml.safe_load((written / MANIFEST).read_text(encoding="utf-8"))["asr"] | changes
    edit(written, asr={name: value for name, value in section.items() if value != "REMOVE"})
    with pytest.raises(BundleError) as error:
        Bundle.load(written)
    assert sentence in str(error.value)
    assert str(written / MANIFEST) in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tokens: [", "expected plain YAML, found: did not find"),
        ("!!python/object/apply:os.system [echo]", "expected plain YAML, found: could not determine a constructor"),
        ("- a", "expected a mapping, found ['a']"),
    ],
)
def test_a_manifest_that_cannot_be_read(written, text, sentence):
    (written / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(BundleError) as error:
        Bundle.load(written)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dtype": "bfloat16"}, "expected a dtype of float32, float64"),
        ({"axes": [["batch"]]}, "expected a name and axes of strings and sizes"),
        ({"axes": ["batch", -1]}, "expected a name and axes of strings and sizes"),
        ({"name": 3}, "expected a name and axes"),
        ({"axes": 5}, "a value of another kind than its key has"),
    ],
)
def test_an_interface_that_cannot_be_used(written, change, sentence):
    components = yaml.safe_load((written / MANIFEST).read_text(encoding="utf-8"))["components"]
    components["ctc"]["interface"]["inputs"][0] |= change
    edit(written, components=components)
    with pytest.raises(BundleError) as error:
        Bundle.load(written)
    assert "components.ctc.interface: expected the interface of a graph, found" in str(error.value)
    assert sentence in str(error.value)


def edit_component(path, entry=(), **interface):
    components = yaml.safe_load((path / MANIFEST).read_text(encoding="utf-8"))["components"]
    components["ctc"] |= dict(entry)
    components["ctc"]["interface"] |= interface
    edit(path, components=components)


@pytest.mark.parametrize(
    ("entry", "interface", "sentence"),
    [
        (
            {},
            {"attributes": {"longest": "many"}},
            "ctc: attributes.longest: expected a value of type int, found 'many'",
        ),
        ({}, {"attributes": {"candidates_only": 1}}, "ctc: attributes.candidates_only: expected a value of type bool"),
        ({"sha256": None}, {}, "ctc.onnx: expected its sha256, found none"),
    ],
)
def test_a_component_that_cannot_be_used(written, entry, interface, sentence):
    edit_component(written, entry, **interface)
    with pytest.raises(BundleError) as error:
        Bundle.load(written)
    assert f"{written / MANIFEST}: " in str(error.value)
    assert sentence in str(error.value)


def test_a_bundle_that_is_gone(written):
    loaded = Bundle.load(written)
    shutil.rmtree(written)
    with pytest.raises(BundleError, match=r"encoder.onnx: expected a file of the bundle that was loaded, found none"):
        loaded.graph("encoder")


def test_a_directory_that_only_seems_writable(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(bundle_module, "work_directory", refuse)
    with pytest.raises(BundleError, match="expected a directory that can be written, found: No such file"):
        Bundle.require_writable(tmp_path / "b")


@pytest.mark.parametrize(
    "token", ["\x85", "a\x85b", "\u2028", "\x07", "\ufeff", " ", "#", "null", "日\x85", "\U0001f600"]
)
def test_tokens_survive(tmp_path, manifest, files, token):
    tokens = [*manifest.section.tokens, token]
    Bundle.write(tmp_path / "b", with_section(manifest, tokens=tokens), files)
    assert Bundle.load(tmp_path / "b").section.tokens == tokens


def test_a_token_that_yaml_cannot_hold(tmp_path, manifest, files):
    with pytest.raises(BundleError):
        Bundle.write(tmp_path / "b", with_section(manifest, tokens=[*manifest.section.tokens, "\ud800"]), files)
    assert not list(tmp_path.iterdir())


def test_files_of_others_are_kept(manifest, files, written):
    (written / "decode").mkdir()
    with pytest.raises(BundleError, match=r"decode: expected only files that bundle\.yaml lists, found another; it is"):
        Bundle.write(written, manifest, files)
    assert (written / "decode").is_dir()


def test_what_a_link_leads_to_is_written(tmp_path, manifest, files, written):
    (tmp_path / "link").symlink_to(written)
    Bundle.write(tmp_path / "link", manifest, {**files, "ctc.onnx": b"new"})
    assert (tmp_path / "link").is_symlink()
    assert (written / "ctc.onnx").read_bytes() == b"new"


def test_require_writable(tmp_path):
    Bundle.require_writable(tmp_path / "new" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match=r"b: expected a directory that can be written, found .*file, which cannot"):
        Bundle.require_writable(tmp_path / "file" / "b")


def test_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"bundle\.yaml: expected the manifest of a bundle, found No such file"):
        Bundle.load(tmp_path)


def test_a_changed_file(written):
    (written / "ctc.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match=r"ctc\.onnx: expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}; the file has"):
        Bundle.load(written)


@pytest.mark.skipif(os.name == "nt", reason="files with holes")
def test_a_graph_of_3_gigabytes_is_not_read(written, monkeypatch):
    os.truncate(written / "ctc.onnx", 3 << 30)
    monkeypatch.setattr("espnet2.fileio.checksum.sha256", lambda path: pytest.fail("read"))
    with pytest.raises(
        BundleError, match=r"ctc\.onnx: expected a graph, found more than 2147483647 bytes; set ESPNET_GRAPH"
    ):
        Bundle.load(written)


def test_a_missing_file(written):
    (written / "ctc.onnx").unlink()
    with pytest.raises(BundleError, match=r"ctc\.onnx: expected a file that bundle\.yaml lists, found none"):
        Bundle.load(written)


def test_another_task(written):
    class Other(type(family_of("asr"))):
        subject = "cooking"

    with pytest.raises(BundleError, match="b: expected a bundle of cooking, found one of speech recognition"):
        Bundle.load(written, Other())


def test_manifest_checks_what_it_is_made_of(manifest):
    with pytest.raises(BundleError, match="sample_rate"):
        with_section(manifest, sample_rate=0)
    assert Manifest.from_dict(manifest.to_dict()) == manifest
