"""Every search that an option asks for finds the same on PyTorch and on the exported demo model."""

import numpy as np
import pytest

from espnet.nets.ctc_greedy import greedy_text
from espnet2.bin.asr_inference import Speech2Text as TorchSpeech2Text
from espnet2.fileio.audio import read_audio
from espnet2.interface.errors import OptionError
from espnet2.runtime import Speech2Text
from espnet2.runtime.families.search import compare_nbest

OPTIONS = [
    {"time_sync": True, "nbest": 4},
    {"time_sync": True, "nbest": 4, "ctc_weight": 1.0},
    {"ctc_greedy": True},
    {"partial_ar": True, "threshold_probability": 0.999, "max_seq_len": 6},
    {"ctc_weight": 1.0, "nbest": 4, "beam_size": 1},
]


@pytest.fixture(scope="module")
def model(demo_dir):
    asr, lm = demo_dir / "exp" / "asr", demo_dir / "exp" / "lm"
    return {"asr_model_file": asr / "valid.acc.ave.pth", "lm_file": lm / "valid.loss.ave.pth"}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_same_hypotheses(model, demo_bundle, demo_dir, options):
    shared = {"beam_size": 4, "ctc_weight": 0.3, "lm_weight": 0.2, **options}
    reference, candidate = TorchSpeech2Text(**model, **shared), Speech2Text(demo_bundle, num_threads=1, **shared)
    for path in sorted((demo_dir / "recordings").glob("*.flac"))[:3]:
        speech = read_audio(path, reference.sample_rate)
        expected, found = reference(speech), candidate(speech)
        assert expected
        assert [result.text for result in found] == [result.text for result in expected]
        assert compare_nbest(expected, found, path.name).passed


def test_greedy_text_is_that_of_the_best_alignment(demo_bundle, demo_dir):
    recogniser = Speech2Text(demo_bundle, ctc_greedy=True, num_threads=1)
    speech = read_audio(next((demo_dir / "recordings").glob("*.flac")), recogniser.sample_rate)
    (encoder_out,) = recogniser.encode([speech])
    log_probs = recogniser.beam_search.ctc.log_softmax(encoder_out[None])[0]
    ((_, _, token_int, hypothesis),) = recogniser(speech)
    assert token_int == greedy_text(log_probs).tokens.tolist()
    assert hypothesis.score == pytest.approx(np.sort(log_probs, axis=1)[:, -1].sum(), rel=1e-5)


def test_a_decoder_without_weight_cannot_search_segments(demo_bundle):
    with pytest.raises(OptionError, match="partial_ar: expected a ctc_weight below 1, since the decoder searches"):
        Speech2Text(demo_bundle, partial_ar=True, ctc_weight=1.0)
