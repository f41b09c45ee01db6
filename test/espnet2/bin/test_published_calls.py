"""Calls as model cards, tutorials and other packages make them, of both `Speech2Text` classes."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")

from espnet2.bin.asr_inference import Speech2Text as TorchSpeech2Text  # noqa: E402
from espnet2.bin.asr_inference_streaming import Speech2TextStreaming  # noqa: E402
from espnet2.fileio.audio import read_audio  # noqa: E402
from espnet2.interface.errors import AudioError, OptionError  # noqa: E402
from espnet2.runtime import Speech2Text  # noqa: E402

ADDRESS = "https://huggingface.co/someone/digits/tree/main"


@pytest.fixture(scope="module")
def snapshot(demo_dir, tmp_path_factory) -> Path:
    """A repository of the hub with the demo model, as upstream packs it."""
    path = tmp_path_factory.mktemp("snapshot")
    for name in ("exp", "data"):
        if (demo_dir / name).exists():
            (path / name).symlink_to(demo_dir / name)
    meta = {
        "espnet": "202511",
        "files": {"asr_model_file": "exp/asr/valid.acc.ave.pth", "lm_file": "exp/lm/valid.loss.ave.pth"},
        "yaml_files": {"asr_train_config": "exp/asr/config.yaml", "lm_train_config": "exp/lm/config.yaml"},
    }
    (path / "meta.yaml").write_text(yaml.safe_dump(meta))
    return path


@pytest.fixture(params=["torch", "onnx"])
def from_pretrained(request, snapshot, demo_bundle, monkeypatch):
    """`from_pretrained` of each class, and a hub that has the model, or its bundle."""
    kind, path = {"torch": (TorchSpeech2Text, snapshot), "onnx": (Speech2Text, demo_bundle)}[request.param]
    hub = types.ModuleType("huggingface_hub")
    hub.snapshot_download = lambda name, revision=None, cache_dir=None: str(path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    return kind.from_pretrained


@pytest.fixture(scope="module")
def speech(demo_dir) -> np.ndarray:
    return read_audio(sorted((demo_dir / "recordings").glob("*.flac"))[0], 16000)


def test_a_model_card(from_pretrained, speech):
    speech2text = from_pretrained(ADDRESS, beam_size=2, batch_size=0, device="cpu", lm_weight=0, nbest=2)
    nbests = speech2text(torch.from_numpy(speech))
    text, *_ = nbests[0]
    assert text == "six three zero five eight three eight"
    text, tokens, token_ids, hypothesis = nbests[0]
    assert isinstance(tokens[0], str) and isinstance(token_ids[0], int)
    assert hypothesis.score == pytest.approx(
        sum(hypothesis.scores[n] * w for n, w in {"decoder": 0.5, "ctc": 0.5}.items())
    )
    assert [token for token in hypothesis.yseq.tolist()[1:-1]] == token_ids
    assert speech2text(speech.astype(np.float64))[0].text == speech2text(speech.astype(np.float16))[0].text == text


def test_options_of_an_old_notebook(from_pretrained, speech):
    speech2text = from_pretrained(
        model_tag=ADDRESS,
        maxlenratio=0.0,
        minlenratio=0.0,
        beam_size=2,
        ctc_weight=0.3,
        lm_weight=0.5,
        penalty=0.0,
        nbest=1,
        transducer_conf=None,
        token_type=None,
        bpemodel=None,
        dtype="float32",
        streaming=False,
        enh_s2t_task=False,
        quantize_asr_model=False,
        quantize_lm=False,
        quantize_modules=["Linear"],
        quantize_dtype="qint8",
        hugging_face_decoder=False,
        hugging_face_decoder_conf={},
        time_sync=False,
        multi_asr=False,
    )
    assert speech2text(speech[:30000])[0].text
    assert isinstance(speech2text(np.zeros(10000, np.float32))[0][0], str)  # a warm-up


def test_several_utterances(from_pretrained, speech):
    speech2text = from_pretrained(ADDRESS, beam_size=2, lm_weight=0.0)
    utterances = [speech[:30000], speech[:20000], speech[8000:25000]]
    alone = [[(r.text, r.hypothesis.score) for r in speech2text(utterance)] for utterance in utterances]
    padded = np.stack([np.pad(utterance, (0, 30000 - len(utterance))) for utterance in utterances])
    lengths = [len(utterance) for utterance in utterances]
    for found in (
        speech2text(utterances),
        speech2text.batch_decode(utterances),
        speech2text.batch_decode(padded, lengths),
        speech2text.batch_decode(torch.from_numpy(padded), torch.tensor(lengths)),
    ):
        assert [[(r.text, r.hypothesis.score) for r in nbest] for nbest in found] == alone
    assert speech2text([]) == []


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda s, x: s.batch_decode(x[None]),
            "speech_lengths: expected the length of each utterance, since speech is",
        ),
        (
            lambda s, x: s.batch_decode(x[None], [3, 4]),
            "speech_lengths: expected 1 integers from 0 to 4000, found [3, 4]",
        ),
        (
            lambda s, x: s.batch_decode(x[None], [4001]),
            "speech_lengths: expected 1 integers from 0 to 4000, found [4001]",
        ),
        (
            lambda s, x: s.batch_decode(x, [4000]),
            "speech: expected several utterances, (B, T), or a list of them, found",
        ),
        (lambda s, x: s([x, x[:5]]), "speech 2: expected at least"),
        (lambda s, x: s(x.tolist()), "speech 1: expected a numpy array, found float"),
        (
            lambda s, x: s((x * 9).astype(np.int16)),
            "speech: expected floating point numbers in [-1, 1), found int16; divide",
        ),
    ],
)
def test_what_is_no_speech(demo_bundle, speech, call, sentence):
    with pytest.raises(AudioError) as error:
        call(Speech2Text(demo_bundle, num_threads=1), speech[:4000])
    assert str(error.value).startswith(sentence)


def test_attributes_that_scripts_set_and_read(from_pretrained, speech):
    speech2text = from_pretrained(ADDRESS, beam_size=20, lm_weight=0.0)
    speech2text.beam_search.beam_size, speech2text.nbest = 2, 2
    assert (speech2text.maxlenratio, speech2text.minlenratio, speech2text.batch_size) == (0.0, 0.0, 1)
    assert len(speech2text(speech[:20000])) == 2
    speech2text.maxlenratio = -1
    assert len(speech2text(speech[:20000])[0].token_int) <= 1
    tokens = speech2text.tokenizer.text2tokens("six three")
    assert speech2text.converter.ids2tokens(speech2text.converter.tokens2ids(tokens)) == tokens


def test_what_the_model_is_asked_beside(snapshot, speech):
    """As a package that cuts long recordings at CTC's blanks does."""
    model = TorchSpeech2Text.from_pretrained(snapshot)
    samples = torch.tensor(speech).unsqueeze(0).to(device=model.device, dtype=getattr(torch, model.dtype))
    lengths = samples.new_full([1], dtype=torch.long, fill_value=samples.size(1))
    probabilities = model.asr_model.ctc.softmax(model.asr_model.encode(samples, lengths)[0])
    best = probabilities.detach().squeeze(0).cpu().numpy()
    assert best.shape[1] == len(model.asr_model.token_list) and best.argmax(1)[0] == model.asr_model.blank_id
    assert model.asr_train_args.token_type == "bpe"
    assert sum(parameter.numel() for parameter in model.asr_model.parameters()) > 1000


# Upstream's scores with these options, of the same recording.
PRECISIONS = [
    ({"dtype": "float64"}, -2.350140833812554, 1e-5),
    ({"dtype": "bfloat16"}, -2.328125, 0.05),
    ({"quantize_asr_model": True}, -2.3269500732421875, 0.05),
    ({"quantize_asr_model": True, "quantize_dtype": "float16"}, -2.3495702743530273, 1e-3),
    ({"quantize_asr_model": True, "quantize_modules": ["Linear", "LSTM"]}, -2.3269500732421875, 0.05),
]


@pytest.mark.parametrize(("options", "score", "tolerance"), PRECISIONS, ids=str)
def test_other_precisions_are_close_to_upstreams(demo_dir, speech, options, score, tolerance):
    directory = demo_dir / "exp" / "asr"
    speech2text = TorchSpeech2Text(
        directory / "config.yaml", directory / "valid.acc.ave.pth", beam_size=3, ctc_weight=0.3, **options
    )
    best = speech2text(speech)[0]
    assert best.text == "six three zero five eight three eight"
    assert best.hypothesis.score == pytest.approx(score, abs=tolerance)


def test_half_precision_and_a_small_language_model(snapshot, speech):
    speech2text = TorchSpeech2Text.from_pretrained(snapshot, beam_size=2, dtype="float16", quantize_lm=False)
    assert speech2text(speech[:20000])[0].text
    speech2text = TorchSpeech2Text.from_pretrained(snapshot, beam_size=2, quantize_lm=True, quantize_modules=["LSTM"])
    assert speech2text(speech[:20000])[0].text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"quantize_modules": ["Foo"]}, "quantize_modules: expected some of Linear, LSTM, .*, found 'Foo'"),
        ({"quantize_dtype": "int3"}, "quantize_dtype: expected one of qint8, float16, found 'int3'"),
    ],
)
def test_what_is_not_quantised(snapshot, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        TorchSpeech2Text.from_pretrained(snapshot, quantize_asr_model=True, **options)


def test_a_bundle_knows_devices(demo_bundle):
    with pytest.raises(OptionError, match="device: expected one of cpu, cuda, found 'mps'"):
        Speech2Text(demo_bundle, device="mps")
    with pytest.raises(OptionError, match=r"providers: expected some of .*, found 'CUDAExecutionProvider'"):
        Speech2Text(demo_bundle, device="cuda:0")
    with pytest.raises(OptionError, match="asr_model_file: expected none, since the model is that of the bundle"):
        Speech2Text(demo_bundle, asr_model_file="model.pth")


def test_a_config_without_weights_is_a_random_model(stream_exp, caplog):
    """As upstream's own tests, and tutorials before a training, make one."""
    speech2text = TorchSpeech2Text(asr_train_config=stream_exp / "config.yaml", beam_size=1)
    assert "expected weights, asr_model_file, found none: those of the recogniser are random" in caplog.text
    assert isinstance(speech2text(np.random.default_rng(0).standard_normal(20000))[0].text, str)


def test_a_streaming_demo(stream_exp):
    """The files as a downloader gives them, and the samples of a sound card in pieces."""
    files = {
        name: str(stream_exp / file)
        for name, file in (("asr_train_config", "config.yaml"), ("asr_model_file", "valid.acc.ave.pth"))
    }
    speech2text = Speech2TextStreaming(
        **files,
        token_type=None,
        bpemodel=None,
        maxlenratio=0.0,
        minlenratio=0.0,
        beam_size=2,
        ctc_weight=0.5,
        lm_weight=0.0,
        penalty=0.0,
        nbest=1,
        device="cpu",
        disable_repetition_detection=True,
        decoder_text_length_limit=0,
        encoded_feat_length_limit=0,
    )
    data = (3000 * np.random.default_rng(0).standard_normal(20000)).astype("int16")
    speech = data.astype(np.float16) / 32767.0
    for start in range(0, 20000, 8000):
        results = speech2text(speech=speech[start : start + 8000], is_final=start + 8000 >= 20000)
    nbests = [text for text, token, token_int, hypothesis in results]
    assert len(nbests) == 1
