"""Texts found in a recording that is made of two: on a bundle and on PyTorch, as a class and as a command."""

import importlib.util
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from espnet2.bin.asr_align import CTCSegmentation, ctc_align, get_parser, main
from espnet2.interface.errors import DataError, MissingPackageError, OptionError
from espnet2.runtime import Speech2Text
from espnet2.runtime.segmentation import CTCSegmentationTask, Segmentation
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.cleaner import TextCleaner

NEEDS_PACKAGE = pytest.mark.skipif(
    importlib.util.find_spec("ctc_segmentation") is None, reason="needs ctc-segmentation"
)
NEEDS_TORCH = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
TOKENS = ["<blank>", "a", "b", "c", "<space>", "<unk>", "<sos/eos>"]


@pytest.fixture
def joined(demo_dir, tmp_path, monkeypatch):
    """Two recordings with half a second between them and their texts; the seconds where the second begins."""
    monkeypatch.chdir(tmp_path)
    recordings = demo_dir / "recordings"
    lines = (recordings / "text").read_text(encoding="utf-8").splitlines()[:2]
    parts = [soundfile.read(recordings / f"{line.split()[0]}.flac")[0] for line in lines]
    pause = np.random.default_rng(0).standard_normal(8000) * 1e-4
    soundfile.write("both.wav", np.concatenate([parts[0], pause, parts[1]]), 16000)
    (tmp_path / "text").write_text("\n".join(lines), encoding="utf-8")
    return lines, len(parts[0]) / 16000, (len(parts[0]) + 8000) / 16000


def checked(text, joined):
    """Lines of segments, after a look at names, texts and times."""
    lines, first_ends, second_begins = joined
    found = [line.split(" ", 5) for line in text.splitlines()]
    assert [f"{name} {words}" for name, *_, words in found] == lines
    assert {line[1] for line in found} == {"both"}
    (start, end), (second, last) = [[float(number) for number in line[2:4]] for line in found]
    # CTC says when a word is known, which is before it ends, and a text begins where the one before it is known.
    assert 0 <= start < end <= first_ends and end <= second < last
    assert first_ends - 0.8 < second < second_begins + 0.5
    assert all(-8 < float(line[4]) <= 0 for line in found)
    return found


@NEEDS_PACKAGE
def test_segments_of_a_bundle(demo_bundle, joined, capsys):
    options = ["--bundle", str(demo_bundle), "--audio", "both.wav", "--text", "text", "--min_window_size", "50"]
    assert main(options) == 0
    found = checked(capsys.readouterr().out, joined)
    assert main([*options, "--output", "segments", "--print_utt_text=false", "--print_utt_score=false"]) == 0
    with open("segments", encoding="utf-8") as file:
        assert file.read().splitlines() == [" ".join(line[:4]) for line in found]


@NEEDS_PACKAGE
@NEEDS_TORCH
def test_segments_of_a_model(demo_dir, demo_bundle, joined):
    model = [demo_dir / "exp" / "asr" / name for name in ("config.yaml", "valid.acc.ave.pth")]
    with open("text", encoding="utf-8") as text, open("out", "w", encoding="utf-8") as output:
        ctc_align(*model, audio="both.wav", text=text, output=output, min_window_size=50)
    with open("out", encoding="utf-8") as file:
        found = checked(file.read(), joined)
    speech, rate = soundfile.read("both.wav")
    aligner = CTCSegmentation(bundle=demo_bundle, kaldi_style_text=False, min_window_size=50)
    task = aligner(speech, [words for *_, words in found], fs=rate, name="both")
    assert [line.split()[2:4] for line in str(task).splitlines()] == [line[2:4] for line in found]
    assert [line.split()[0] for line in str(task).splitlines()] == ["both_0000", "both_0001"]


def aligner(**options):
    def log_probs(speech):
        frames = np.full((len(speech) // 100, len(TOKENS)), -10.0, np.float32)
        frames[:, 0] = -0.1
        return frames

    return Segmentation(log_probs, TOKENS, CharTokenizer(), TextCleaner(), **options)


@NEEDS_PACKAGE
@pytest.mark.parametrize(("options", "message"), [
    ({"time_stamps": "x"}, "time_stamps: expected one of auto, fixed, found 'x'"),
    ({"text_converter": "x"}, "text_converter: expected one of tokenize, classic, found 'x'"),
    ({"bogus": 1}, "bogus: expected an option of CTC segmentation, one of time_stamps, fs"),
])  # fmt: skip
def test_options_that_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        aligner(**options)


@NEEDS_PACKAGE
def test_texts_that_cannot_be_aligned():
    with pytest.raises(DataError, match="text: expected at least one utterance, found none"):
        aligner()(np.zeros(1000), "\n \n")
    with pytest.raises(DataError, match="utt: expected a recording that has all texts, found 3 frames for "):
        aligner(kaldi_style_text=False)(np.zeros(300), "abcabcabc")
    with pytest.raises(OptionError, match="samples_to_frames_ratio: expected a number"):
        aligner().get_timing_config()


@NEEDS_PACKAGE
def test_frames_last_as_long_as_is_said():
    fixed = aligner(time_stamps="fixed", fs=8000)
    assert fixed.get_timing_config() == {"index_duration": fixed.estimate_samples_to_frames_ratio() / 8000}
    assert aligner(fs=8000).get_timing_config(1000, 10) == {"index_duration": 100 / 8000}


@NEEDS_PACKAGE
def test_options_that_do_not_go_together(caplog):
    found = aligner(gratis_blank=True, replace_spaces_with_blanks=True)
    assert found.warned_about_misconfiguration and "may misplace segments" in caplog.text


@pytest.mark.parametrize(("options", "message"), [
    ({"ngpu": 2}, "ngpu: expected 0 or 1, found 2"),
    ({"batch_size": 2}, "batch_size: expected 1, found 2"),
    ({"dtype": "float16"}, "dtype: expected float32, found 'float16'"),
])  # fmt: skip
def test_options_with_few_values(options, message):
    with pytest.raises(OptionError, match=message):
        CTCSegmentation("config.yaml", **options)


@pytest.mark.parametrize("name", ["asr_train_config", "asr_model_file", "model_tag", "token_type", "bpemodel"])
def test_a_bundle_has_its_own_model(demo_bundle, name):
    with pytest.raises(OptionError, match=f"{name}: expected none, since the model is that of the bundle, found 'x'"):
        CTCSegmentation(bundle=demo_bundle, **{name: "x"})


def test_a_bundle_is_run_where_the_device_says(demo_bundle):
    with pytest.raises(OptionError, match="device: expected one of cpu, cuda, found 'abacus'"):
        CTCSegmentation(bundle=demo_bundle, device="abacus")


class Bundle8k(Speech2Text):
    """A recogniser of speech at 8000 Hz."""

    given: ClassVar[dict] = {}

    def __init__(self, bundle, **options):
        self.given.update(options)
        super().__init__(bundle, **options)
        self.sample_rate = 8000


@NEEDS_PACKAGE
def test_the_rate_is_the_models_and_no_ngram_is_read(demo_bundle, monkeypatch):
    monkeypatch.setattr("espnet2.runtime.asr.Speech2Text", Bundle8k)
    assert CTCSegmentation(bundle=demo_bundle).fs == 8000
    assert CTCSegmentation(bundle=demo_bundle, fs=16000).fs == 16000
    assert Bundle8k.given["ngram_weight"] == 0


@NEEDS_TORCH
def test_the_command_takes_no_random_weights(demo_dir, joined, capsys):
    config = demo_dir / "exp" / "asr" / "config.yaml"
    assert main(["--asr_train_config", str(config), "-a", "both.wav", "-t", "text"]) == 2
    assert "--asr_model_file: expected a file" in capsys.readouterr().err


def test_a_task_prints_segments():
    task = CTCSegmentationTask(text=["a b", "c"], segments=[(0.0, 1.0, -0.5), (1.25, 2.0, -1.0)], name=None)
    assert str(task) == "utt_0000 utt 0.00 1.00 -0.5000 a b\nutt_0001 utt 1.25 2.00 -1.0000 c\n"
    task.set(utt_ids=["x", "y"], name="rec", print_utterance_text=False)
    assert str(task) == "x rec 0.00 1.00 -0.5000\ny rec 1.25 2.00 -1.0000\n"
    with pytest.raises(AttributeError, match="object has no attribute 'foo'"):
        task.set(foo=1)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ctc_segmentation", None)
    with pytest.raises(MissingPackageError, match="expected the package ctc-segmentation, found none; pip install"):
        aligner()


def test_a_command_without_a_recording(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "--audio" in capsys.readouterr().err
    assert get_parser().parse_args(["-a", "x", "-t", "y"]).output == "-"


def test_frames_of_a_long_recording_are_joined(demo_bundle, joined):
    speech = np.tile(soundfile.read("both.wav")[0], 7)
    whole, cut = (
        Speech2Text(demo_bundle, ctc_weight=1.0, long_form=mode).ctc_log_probs(speech) for mode in ("false", "true")
    )
    assert whole.shape == cut.shape
    assert (whole.argmax(1) == cut.argmax(1)).mean() > 0.95  # a part is all that attention sees


@NEEDS_PACKAGE
@NEEDS_TORCH
def test_segments_of_a_model_of_many_tasks(tmp_path, capsys):
    import s2t_ctc_cases as cases

    from espnet2.bin import s2t_ctc_align

    files = cases.write_model(tmp_path, "conditioned")
    soundfile.write(tmp_path / "u.wav", cases.recording(31.7), 16000, subtype="FLOAT")
    (tmp_path / "text").write_text("abc de\nfgh\n", encoding="utf-8")
    options = [word for name, value in files.items() for word in (f"--{name}", value)]
    options += ["--audio", f"{tmp_path}/u.wav", "--text", f"{tmp_path}/text", "--kaldi_style_text", "false"]
    assert s2t_ctc_align.main([*options, "--min_window_size", "50"]) == 0
    upstreams = ["u_0000 u 1.58 2.52 -2.9812 abc de", "u_0001 u 2.52 2.84 -3.1458 fgh"]
    assert capsys.readouterr().out.splitlines() == upstreams
    aligner = s2t_ctc_align.CTCSegmentation(**files, kaldi_style_text=False, time_stamps="fixed", min_window_size=50)
    assert aligner.samples_to_frames_ratio == 1280
    assert len(aligner.get_lpz(cases.recording(44.0))) == 825  # of three buffers, as upstream's
    with pytest.raises(OptionError, match="bpemodel: expected none, since the model is that of the bundle"):
        s2t_ctc_align.CTCSegmentation(bundle=tmp_path, bpemodel="a")
