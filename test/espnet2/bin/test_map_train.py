"""Models of languages, classes and spoofed speech are trained by the same trainer, and used by their commands."""

import pytest
import tone_corpus
import yaml

from espnet2.bin import asvspoof_inference, asvspoof_train, cls_inference, cls_train, lid_inference, lid_train

FRONTEND = {"frontend": "default", "frontend_conf": {"n_fft": 64, "hop_length": 32, "n_mels": 8}}
BLOCKS = {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 1, "dropout_rate": 0.0}
ENCODER = {**FRONTEND, "encoder": "transformer", "encoder_conf": BLOCKS, "decoder": "linear"}
TDNN = {"encoder": "xvector", "encoder_conf": {"ndim": 8, "output_size": 8}, "pooling": "stats"}
TASKS = {
    "lid": (lid_train, lid_inference, ("low", "high"), {
        **FRONTEND, **TDNN, "projector": "xvector", "projector_conf": {"output_size": 5}, "loss": "aamsoftmax",
        "loss_conf": {"margin": 0.0, "scale": 10}, "lang_num": 2, "target_duration": 0.2,
    }),
    "cls": (cls_train, cls_inference, ("low", "high"), {
        **ENCODER, "model_conf": {"mixup_probability": 0.3},
    }),
    "asvspoof": (asvspoof_train, asvspoof_inference, ("0", "1"), {
        **ENCODER, "losses": [{"name": "oc_softmax_loss", "conf": {}}],
    }),
}  # fmt: skip
OPTIONS = {"lid": "lid", "cls": "classification", "asvspoof": "asvspoof"}
FIELDS = {"lid": ("lid_labels", "text"), "cls": ("label", "text"), "asvspoof": ("label", "text_int")}


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


def test_two_classes_are_told_apart(task, tmp_path, capsys):
    train, inference, names, keys = TASKS[task]
    corpus, exp, field = tmp_path / "corpus", tmp_path / "exp", FIELDS[task]
    corpus.mkdir()
    tone_corpus.write(corpus, names)
    (corpus / "lang2utt").write_text("low a\nhigh b\n")
    (corpus / "tokens").write_text("low\nhigh\n<unk>\n")
    lists = {"lid": {"lang2utt": str(corpus / "lang2utt")}, "cls": {"token_list": str(corpus / "tokens")}}
    listed = lists.get(task, {})
    config = {**keys, **listed, **tone_corpus.LOOP, **tone_corpus.data(corpus, *field)}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    assert train.main(["--config", str(tmp_path / "train.yaml"), "--output_dir", str(exp)]) == 0
    capsys.readouterr()
    option = OPTIONS[task]
    files = [f"--{option}_train_config", str(exp / "config.yaml"), f"--{option}_model_file"]
    recordings = [str(corpus / "valid" / f"{index}.wav") for index in (0, 1)]
    assert inference.main([*files, str(exp / "valid.loss.ave.pth"), *recordings]) == 0
    low, high = capsys.readouterr().out.split("\n")[:2]
    if task == "asvspoof":
        assert float(low) < float(high)
    else:
        assert (low.split(" ")[0], high.split(" ")[0]) == names
    assert inference.main([*files, str(tmp_path / "none.pth"), recordings[0]]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()[-1:]
    assert "_model_file: expected a file, found no such file" in sentence
