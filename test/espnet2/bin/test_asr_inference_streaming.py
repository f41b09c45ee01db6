"""Streams on PyTorch: every cut gives what the whole utterance gives; upstream's class and its command."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch
import yaml

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.bin.asr_align import CTCSegmentation
from espnet2.bin.asr_inference import Speech2Text
from espnet2.bin.asr_inference_streaming import Speech2TextStreaming, main
from espnet2.bin.lm_inference import GenerateText
from espnet2.interface.errors import ArchiveError, OptionError
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.compare import difference
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.runtime.stream_encoder import StreamEncoder
from espnet2.tasks.asr import ASRTask

TOKENS = ["<blank>", "<unk>", "a", "b", "<space>", "<sos/eos>"]
CONFIG = {
    "token_list": TOKENS,
    "token_type": "char",
    "frontend_conf": {"fs": 8000, "n_fft": 128, "hop_length": 64, "n_mels": 20},
    "normalize": None,
    "encoder": "contextual_block_conformer",
    "encoder_conf": {
        "output_size": 16,
        "attention_heads": 2,
        "linear_units": 8,
        "num_blocks": 2,
        "cnn_module_kernel": 5,
        "block_size": 10,
        "hop_size": 4,
        "look_ahead": 4,
    },
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "model_conf": {"ctc_weight": 0.5},
}
SEARCHES = {
    "greedy": {"ctc_greedy": True},
    "beam": {"ctc_weight": 0.5, "beam_size": 2, "maxlenratio": -6.0},
    "growing": {"ctc_weight": 0.5, "beam_size": 2, "maxlenratio": -6.0, "disable_repetition_detection": True},
}
SECOND = 8000
GENERATOR = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return ASRTask.build_model(CONFIG).eval()


def noise(length: int) -> np.ndarray:
    return (0.1 * GENERATOR.standard_normal(length)).astype(np.float32)


def recognizer(model, **options) -> StreamingRecognizer:
    graphs = {c.name: TorchGraph(m.eval(), c) for m, c in model.streaming_parts()}
    special = {"blank": 0, "sos": 5, "eos": 5}
    section = SearchSection(16000, TOKENS, special, streaming=model.streaming())
    return StreamingRecognizer(SearchModel(graphs, section), DecodeOptions(**options))


CUTS = st.lists(st.one_of(st.just(1), st.integers(0, 300), st.integers(0, 10 * SECOND)), max_size=25)


@settings(max_examples=15)
@given(length=st.one_of(st.integers(700, 20000), st.just(11 * SECOND)), cuts=CUTS)
def test_cuts_do_not_change_what_is_encoded(model, length, cuts):
    speech = noise(length)
    with torch.inference_mode():
        encoded, lengths = model.encode_speech(torch.from_numpy(speech)[None], torch.tensor([length]))
    module, component = model.streaming_parts()[0]
    encoder = StreamEncoder(TorchGraph(module.eval(), component), model.streaming())
    state, found, edges = encoder.begin(), [], [*np.minimum(np.cumsum([0, *cuts]), length).tolist(), length]
    for start, end in itertools.pairwise(edges):
        (frames,), (state,) = encoder.advance([state], [speech[start:end]], [False])
        found.append(frames)
    (frames,), _ = encoder.advance([state], [speech[:0]], [True])
    assert difference(encoded[0, : lengths[0]].numpy(), np.concatenate([*found, frames])) < 1e-5


def test_the_shortest_stream(model):
    module, component = model.streaming_parts()[0]
    encoder = StreamEncoder(TorchGraph(module.eval(), component), model.streaming())
    assert encoder.shortest == model.geometry().whole.shortest()
    (frames,), _ = encoder.advance([encoder.begin()], [noise(encoder.shortest)], [True])
    assert len(frames) == 1


@pytest.mark.parametrize("search", SEARCHES)
@settings(max_examples=8)
@given(length=st.integers(700, 20000), cuts=CUTS)
def test_cuts_do_not_change_the_text(model, search, length, cuts):
    found = recognizer(model, **SEARCHES[search])
    speech = noise(length)
    whole = found(speech)
    session = found.session()
    edges = [*np.minimum(np.cumsum([0, *cuts]), length).tolist(), length]
    for start, end in itertools.pairwise(edges):
        session(speech[start:end], False)
    results = session(speech[:0], True)
    assert [r.token_int for r in results] == [r.token_int for r in whole]
    assert [float(r.hypothesis.score) for r in results] == pytest.approx(
        [float(r.hypothesis.score) for r in whole], abs=1e-4
    )


def test_streams_of_other_lengths_do_not_see_each_other(model):
    found = recognizer(model, ctc_greedy=True)
    speeches = [noise(length) for length in (900, 7000, 16000)]
    expected = [found.session()(speech)[0] for speech in speeches]
    sessions = [found.session() for _ in speeches]
    results = {}
    for start in range(0, 16000, 1500):
        active = [i for i, speech in enumerate(speeches) if start < len(speech)]
        pieces = [(sessions[i], speeches[i][start : start + 1500], start + 1500 >= len(speeches[i])) for i in active]
        results |= dict(zip(active, found.advance(pieces), strict=True))
    for index, other in enumerate(expected):
        assert results[index][0].token_int == other.token_int
        assert results[index][0].hypothesis.score == pytest.approx(other.hypothesis.score, abs=1e-4)


@pytest.fixture
def files(model, tmp_path):
    """Config and weights of the model."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    torch.save(model.state_dict(), tmp_path / "model.pth")
    return {"asr_train_config": tmp_path / "config.yaml", "asr_model_file": tmp_path / "model.pth"}


def test_upstreams_class(model, files):
    speech2text = Speech2TextStreaming(**files, ctc_weight=0.5, beam_size=2, maxlenratio=-6.0, nbest=2)
    speech = noise(9000)
    whole = speech2text(speech)
    assert len(whole) == 2
    speech2text(speech[:4000], is_final=False)
    again = speech2text(torch.from_numpy(speech[4000:]), is_final=True)
    assert [r.token_int for r in again] == [r.token_int for r in whole]
    with pytest.raises(OptionError, match="decoder_text_length_limit: expected 0, the only value known here"):
        Speech2TextStreaming(**files, decoder_text_length_limit=3)
    with pytest.raises(OptionError, match="beams: expected an option of recognition, found an unknown name"):
        Speech2TextStreaming(**files, beams=3)


@pytest.mark.parametrize("kind", [Speech2Text, Speech2TextStreaming, GenerateText, CTCSegmentation])
def test_a_tag_may_be_a_path(kind, monkeypatch):
    def download(tag, cache_dir=None):
        raise ArchiveError(f"tag {tag!r}")

    monkeypatch.setattr("espnet2.main_funcs.pretrained.download", download)
    with pytest.raises(ArchiveError, match="tag 'a/b'"):
        kind.from_pretrained(Path("a/b"))


def test_the_command(files, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", noise(9000), SECOND)
    options = [f"--{name}={path}" for name, path in files.items()]
    search = ["--ctc_greedy", "true", "--sim_chunk_length", "640"]
    assert main([*options, *search, str(tmp_path / "a.wav"), "--output_dir", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "1best_recog" / "token_int").read_text(encoding="utf-8").startswith("a ")
    assert main([*options, "--sim_chunk_length=-1", str(tmp_path / "a.wav")]) == 2
    assert "--sim_chunk_length: expected a number of samples, or 0, found -1" in capsys.readouterr().err
