"""The demo synthesiser says what the demo recogniser recognises."""

from pathlib import Path

import numpy as np
import pytest

from espnet2.inference.tts_inference import Text2Speech
from espnet2.runtime import Speech2Text


@pytest.fixture(scope="module")
def speak(repo_dir: Path) -> Text2Speech:
    exp = repo_dir / "egs2/digits/tts1/demo/exp/tts"
    return Text2Speech(exp / "config.yaml", exp / "train.loss.ave.pth")


@pytest.mark.parametrize("text", ["zero", "one two three four five", "nine eight seven six"])
def test_digits_are_recognised(speak, demo_bundle, text):
    wav = speak(text)["wav"].numpy()
    recognise = Speech2Text(demo_bundle, num_threads=1)
    assert recognise(np.pad(wav, 1600))[0][0] == text
