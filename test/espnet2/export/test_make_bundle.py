"""From a checkpoint to a bundle, and what keeps a bundle from being written."""

import json
import shutil
from pathlib import Path

import onnx
import pytest
import torch
import yaml

from espnet2.bin import benchmark_onnx, export_onnx, verify_onnx
from espnet2.export import make_bundle as module
from espnet2.export import trace
from espnet2.export.acceptance import require_accepted
from espnet2.export.compare import compare_results
from espnet2.export.make_bundle import make_bundle
from espnet2.export.trace import export_component
from espnet2.export.verify_bundle import verify_bundle
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import DataError, OptionError, VerificationError
from espnet2.interface.families import family_of
from espnet2.interface.spec import Component
from espnet2.runtime import session
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.session import OnnxGraph

GRAPHS = {"encoder", "ctc", "decoder_start", "decoder_step", "lm_step"}


def options(files: dict) -> list[str]:
    return [part for name, path in files.items() for part in (f"--{name}", str(path))]


def test_bundle_holds_all_graphs_and_what_was_measured(exported):
    manifest = Bundle.load(exported).manifest
    assert set(manifest.components) == GRAPHS
    assert set(manifest.quantized["int8"]) == GRAPHS
    assert manifest.section.tokenizer == {"token_type": "char"}
    assert manifest.defaults["beam_size"] == 20
    assert manifest.section.special == {"blank": 0, "sos": 6, "eos": 6}
    measured = manifest.verification["fp32"]
    assert set(measured) == GRAPHS | {"decode"}
    assert all(0 <= row["max_difference"] <= row["tolerance"] for row in measured.values())
    assert manifest.verification["int8"]["recordings"] == 1
    assert {"torch", "onnx", "opset", "asr_model_file_sha256", "lm_file_sha256"} <= set(manifest.provenance)


def test_graph_describes_itself_and_names_no_place(exported):
    model = onnx.load(exported / "encoder.onnx")
    properties = {item.key: item.value for item in model.metadata_props}
    assert Component.from_dict(json.loads(properties["interface"])).name == "encoder"
    assert not any(node.metadata_props for node in model.graph.node)
    assert b"make_bundle" not in (exported / "encoder.onnx").read_bytes()
    assert any(item.name == "encoder.embed.out.0.bias" for item in model.graph.initializer)
    axes = [[d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in model.graph.output]
    assert axes == [["batch", "out_frames", 8], ["batch"]]


def test_bundle_verifies_against_its_checkpoint(exported, trained_files, recording):
    checks = verify_bundle(exported, [recording], **trained_files)
    assert {check.subject for check in checks} == GRAPHS | {"decode", "int8 token errors"}
    assert all(check.passed for check in checks)


def as_format_1(manifest: dict) -> dict:
    """A manifest as bundles of format 1 have it."""
    section, data = manifest["asr"], {key: value for key, value in manifest.items() if key not in ("asr", "files")}
    for component in data["components"].values():
        interface = component["interface"]
        del interface["data_dependent"]
        attributes = interface.pop("attributes")
        defaults = {"candidates_only": False, "attention_heads": None, "longest": 0, "least_channels": 1}
        interface.update({key: attributes.get(key, value) for key, value in defaults.items()})
        interface["lengths"] = interface["lengths"][:1]
        states = [state[side] for state in interface["states"] for side in ("input", "output")]
        for tensor in [*interface["inputs"], *interface["outputs"], *states]:
            tensor.update({"length_of": tensor.get("length_of", ""), "below": tensor.get("below", 0)})
    return {**data, **section, "format_version": 1}


def test_a_bundle_of_format_1_verifies(exported, trained_files, tmp_path):
    shutil.copytree(exported, tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.yaml"
    former = as_format_1(yaml.safe_load(path.read_text(encoding="utf-8")))
    path.write_text(yaml.safe_dump(former), encoding="utf-8")
    checks = verify_bundle(tmp_path / "bundle", **trained_files)
    assert {check.subject for check in checks} >= GRAPHS
    assert all(check.passed for check in checks)
    former["components"]["ctc"]["interface"]["outputs"][0]["axes"][-1] += 1
    path.write_text(yaml.safe_dump(former), encoding="utf-8")
    with pytest.raises(VerificationError, match=r"found other interfaces of ctc$"):
        verify_bundle(tmp_path / "bundle", **trained_files)


def test_commands_succeed(exported, trained_files, recording, capsys):
    files = options(trained_files)
    assert verify_onnx.main(["--bundle", str(exported), *files, str(recording)]) == 0
    assert "decoder_step" in capsys.readouterr().out
    assert benchmark_onnx.main(["--bundle", str(exported), *files, "--repeat", "1", str(recording)]) == 0
    out = capsys.readouterr().out
    assert [line.split("  ")[0].strip() for line in out.splitlines()[1:]] == ["PyTorch", "ONNX fp32", "ONNX int8"]


def test_other_weights_do_not_verify(exported, trained_files, tmp_path, capsys):
    weights = torch.load(trained_files["asr_model_file"], weights_only=True)
    weights["ctc.ctc_lo.bias"] += 0.5
    weights["ctc.ctc_lo.bias"][0] -= 1.0
    torch.save(weights, tmp_path / "other.pth")
    files = {**trained_files, "asr_model_file": tmp_path / "other.pth"}
    assert verify_onnx.main(["--bundle", str(exported), *options(files)]) == 2
    assert "ctc (batch 1 frames 1): expected onnxruntime within" in capsys.readouterr().err


def test_failed_verification_leaves_no_bundle(trained_files, tmp_path, monkeypatch, capsys):
    def export_then_change(model, component, *args):
        path = export_component(model, component, *args)
        if component.name == "decoder_step":
            with torch.no_grad():
                model.output_layer.bias[3] += 0.01
        return path

    monkeypatch.setattr(module, "export_component", export_then_change)
    files = {name: path for name, path in trained_files.items() if not name.startswith("lm")}
    assert export_onnx.main([*options(files), "--output_dir", str(tmp_path / "bundle")]) == 2
    assert "decoder_step (batch 1 beam 1" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_int8_graphs_with_other_texts_leave_no_bundle(trained_files, recording, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("espnet2.export.acceptance.deviation", lambda *_, **__: 0.5)
    monkeypatch.setattr(module, "_export", lambda *_: {name: Path(name) for name in GRAPHS})
    monkeypatch.setattr(module, "OnnxGraph", lambda path, component: None)
    monkeypatch.setattr(module, "compare_all", lambda *_, **__: [])
    tried = []
    monkeypatch.setattr(module, "_quantize", lambda *given: tried.append(given[-1]) or {})
    command = [*options(trained_files), "--output_dir", str(tmp_path / "bundle"), "--quantize", "int8", str(recording)]
    assert export_onnx.main(command) == 2
    assert "--quantize int8: expected at most 2.0% token errors" in capsys.readouterr().err
    assert tried == [True, False]  # once more with output projections in fp32
    assert list(tmp_path.iterdir()) == []


def test_interrupted_export_keeps_the_old_bundle(exported, trained_files, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(exported, tmp_path / "bundle")
    before = (tmp_path / "bundle" / "bundle.yaml").read_text()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "export_component", interrupt)
    assert export_onnx.main([*options(trained_files), "--output_dir", str(tmp_path / "bundle")]) == 130
    assert (tmp_path / "bundle" / "bundle.yaml").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"asr_model_file": None}, "--asr_model_file: expected a file"),
        ({"lm_file": None}, "--lm_file: expected the weights of --lm_train_config, found none"),
        ({"ngram_file": "missing.arpa"}, "--ngram_file: expected a file, found no such file: missing.arpa"),
        ({"asr_model_file": "no.pth"}, "--asr_model_file: expected a file, found no such file: no.pth"),
        ({"vocoder_config": "v.yml"}, "--vocoder_config: expected none, since the model is a recogniser; found v.yml"),
        (
            {"asr_train_config": None, "asr_model_file": None, "family": family_of("tts")},
            "--lm_train_config: expected none, since the model has to be of speech synthesis; found",
        ),
    ],
)
def test_model_options_are_checked(trained_files, change, message):
    with pytest.raises(OptionError, match=message):
        load_trained(**{**trained_files, **change})


def test_a_language_model_of_other_tokens_is_refused(trained_files, tmp_path, capsys):
    text = trained_files["lm_train_config"].read_text().replace("- a\n", "- z\n")
    (tmp_path / "config.yaml").write_text(text)
    files = {**trained_files, "lm_train_config": tmp_path / "config.yaml"}
    assert export_onnx.main([*options(files), "--output_dir", str(tmp_path / "bundle")]) == 2
    assert "expected the recogniser's token list of 7 tokens, found another one of 7" in capsys.readouterr().err


def test_a_damaged_tokenizer_is_found_before_export(trained_files, tmp_path, capsys):
    (tmp_path / "bpe.model").write_bytes(b"nonsense")
    config = tmp_path / "config.yaml"
    text = trained_files["asr_train_config"].read_text()
    config.write_text(text.replace("token_type: char", "token_type: bpe\nbpemodel: bpe.model"))
    files = {**trained_files, "asr_train_config": config}
    assert export_onnx.main([*options(files), "--output_dir", str(tmp_path / "bundle")]) == 2
    assert "bpe.model: expected a SentencePiece model" in capsys.readouterr().err


def test_signals_are_checked_before_export(trained_files, tmp_path, monkeypatch):
    def refuse(model, signal):
        raise DataError("signal")

    monkeypatch.setattr(family_of("asr"), "check_signal", refuse)
    monkeypatch.setattr(module, "export_component", None)
    with pytest.raises(DataError, match="signal"):
        make_bundle(tmp_path / "bundle", **trained_files)


def test_a_broken_ngram_model_is_found_before_export(trained_files, tmp_path, capsys):
    pytest.importorskip("kenlm")
    (tmp_path / "bad.arpa").write_text("\\data\\\n")
    files = {**trained_files, "ngram_file": tmp_path / "bad.arpa"}
    assert export_onnx.main([*options(files), "--output_dir", str(tmp_path / "bundle")]) == 2
    assert "bad.arpa: expected an n-gram model" in capsys.readouterr().err


def test_another_tokenizer_does_not_verify(exported, trained_files, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(trained_files["asr_train_config"].read_text().replace("token_type: char", "token_type: word"))
    with pytest.raises(VerificationError, match="tokenizer: expected that of"):
        verify_bundle(exported, **{**trained_files, "asr_train_config": config})


def test_large_graphs_keep_their_weights_apart(trained_files, tmp_path, monkeypatch):
    monkeypatch.setattr(trace, "EXTERNAL_DATA_BYTES", 100)
    trained = load_trained(**trained_files)
    (part,) = [part for part in trained.parts if part[1].name == "lm_step"]
    path = export_component(*part, tmp_path / "lm_step.onnx")
    data = path.name + session.EXTERNAL_DATA_SUFFIX
    assert {file.name for file in tmp_path.iterdir()} == {path.name, data}
    paths = {component.name: path for _, component in trained.parts}
    manifest, files = module._describe(trained, paths, {"lm_step": path}, {}, {})
    assert manifest.quantized["int8"]["lm_step"]["data"] == {"file": data}
    assert data in files
    OnnxGraph(path, part[1])


def test_int8_is_refused_by_its_text():
    require_accepted(0.01, family_of("asr"), 3)
    with pytest.raises(VerificationError, match=r"at most 2\.0% token errors .* found 10\.0%"):
        require_accepted(0.1, family_of("asr"), 3)


def test_decode_names_the_recording(trained_files):
    trained = load_trained(**trained_files)
    with pytest.raises(ValueError, match=r"bad\.wav: "):
        compare_results(trained, trained.graphs, {"bad.wav": torch.zeros(0).numpy()}, bounded=True)


def test_existing_directory_that_is_no_bundle_is_kept(trained_files, tmp_path, monkeypatch):
    (tmp_path / "precious").write_text("data")
    assert export_onnx.main([*options(trained_files), "--output_dir", str(tmp_path)]) == 2
    assert (tmp_path / "precious").read_text() == "data"


def test_make_bundle_is_what_the_command_calls(monkeypatch, tmp_path):
    called = {}
    monkeypatch.setattr(module, "make_bundle", lambda *args, **kwargs: called.update(args=args, **kwargs))
    assert export_onnx.main(["--model_file", "packed.zip", "--output_dir", "out", "--quantize", "int8", "a.wav"]) == 0
    assert called["args"] == ("out", ["a.wav"], "int8")
    assert called["model_file"] == "packed.zip"
    assert make_bundle is not module.make_bundle


def test_config_is_found_beside_the_weights(trained_files):
    trained = load_trained(asr_model_file=trained_files["asr_model_file"])
    assert trained.files["asr_train_config"] == trained_files["asr_model_file"].with_name("config.yaml")


def test_ngram_model_goes_along(exported, trained_files, tmp_path):
    arpa = tmp_path / "tiny.arpa"
    arpa.write_text("\\data\\\n")
    trained = load_trained(**trained_files, ngram_file=arpa)
    manifest, files = module._describe(
        trained, {c.name: exported / f"{c.name}.onnx" for _, c in trained.parts}, {}, {}, {}
    )
    assert manifest.files["ngram"] == {"file": "ngram.arpa"}
    assert files["ngram.arpa"] == arpa
