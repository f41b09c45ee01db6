"""Export of a tiny recogniser with a language model."""

import json

import numpy as np
import pytest
import torch
import yaml

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from espnet2.bin.export_onnx import main  # noqa: E402
from espnet2.tasks.asr import ASRTask  # noqa: E402
from espnet2.tasks.lm import LMTask  # noqa: E402

TOKENS = ["<blank>", "<unk>", "a", "b", "<sos/eos>"]
SMALL = {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 1}
FRONTEND = {"fs": 16000, "n_fft": 128, "hop_length": 64, "n_mels": 20}


def trained(task, directory, **options):
    """Write the configuration of an untrained model; return it and the options."""
    (directory / "tokens").write_text("\n".join(TOKENS) + "\n")
    command = {
        "dry_run": "true",
        "output_dir": str(directory),
        "token_list": str(directory / "tokens"),
        "token_type": "char",
        **{k: v if isinstance(v, str) else json.dumps(v) for k, v in options.items()},
    }
    task.main(cmd=[f"--{key}={value}" for key, value in command.items()])
    return str(directory / "config.yaml")


@pytest.fixture(scope="module")
def asr_config(tmp_path_factory):
    decoder = {"attention_heads": 2, "linear_units": 8, "num_blocks": 1}
    return trained(
        ASRTask,
        tmp_path_factory.mktemp("asr"),
        encoder="conformer",
        encoder_conf={**SMALL, "cnn_module_kernel": 3},
        decoder="transformer",
        decoder_conf=decoder,
        frontend_conf=FRONTEND,
        normalize="utterance_mvn",
    )


@pytest.fixture(scope="module")
def lm_config(tmp_path_factory):
    conf = {"unit": 8, "nlayers": 1}
    return trained(LMTask, tmp_path_factory.mktemp("lm"), lm="seq_rnn", lm_conf=conf)


@pytest.fixture(scope="module")
def bundle(asr_config, lm_config, tmp_path_factory):
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("export") / "bundle"
    options = {"asr_train_config": asr_config, "lm_train_config": lm_config}
    main([f"--{k}={v}" for k, v in {**options, "output_dir": directory}.items()])
    return directory


def test_the_manifest_describes_the_graphs(bundle):
    manifest = yaml.safe_load((bundle / "bundle.yaml").read_text())
    assert set(manifest["components"]) == {"encoder", "ctc", "decoder_step", "lm_step"}
    assert manifest["asr"]["tokens"] == TOKENS
    assert manifest["asr"]["special"] == {"blank": 0, "sos": 4, "eos": 4}
    for entry in manifest["components"].values():
        session = onnxruntime.InferenceSession(str(bundle / entry["file"]))
        interface = entry["interface"]
        wanted = [item["name"] for item in interface["inputs"]]
        wanted += [state["input"]["name"] for state in interface["states"]]
        assert [value.name for value in session.get_inputs()] == wanted


def test_speech_becomes_probabilities_at_any_length(bundle):
    encoder, ctc = (
        onnxruntime.InferenceSession(str(bundle / f"{name}.onnx"))
        for name in ("encoder", "ctc")
    )
    for samples in (1000, 7777, 50000):
        lengths = np.array([samples, samples // 2 + 400])
        speech = np.random.default_rng(0).standard_normal((2, samples))
        feeds = {"speech": speech.astype(np.float32), "speech_lengths": lengths}
        encoder_out, frames = encoder.run(None, feeds)
        assert encoder_out.shape[1] == frames.max() > 0
        (log_probs,) = ctc.run(None, {"encoder_out": encoder_out})
        np.testing.assert_allclose(np.exp(log_probs).sum(-1), 1, rtol=1e-5)


def test_other_directories_are_kept(asr_config, tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(SystemExit, match="expected a new directory or a bundle"):
        main([f"--output_dir={tmp_path}", f"--asr_train_config={asr_config}"])
    assert (tmp_path / "notes").read_text() == "mine"
