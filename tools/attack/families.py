"""Rows of commands for bundles and vocoders of all families, and for the verbs of `espnet`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "test"))

_SEARCHED = "--maxlenratio -4 --beam_size 2 SPEECH"
# Of each family the command on a bundle, and its input.
_COMMANDS = {
    "asr_transducer": ("asr_inference_onnx", "SPEECH"),
    "s2t": ("s2t_inference_onnx", _SEARCHED),
    "s2t_ctc": ("s2t_inference_ctc_onnx", "SPEECH"),
    "st": ("st_inference_onnx", _SEARCHED),
    "mt": ("mt_inference_onnx", "--maxlenratio -4 --beam_size 2 'abc de'"),
    "slu": ("slu_inference_onnx", f"--transcript play {_SEARCHED}"),
    "spk": ("spk_inference_onnx", "SPEECH"),
    "lid": ("lid_inference_onnx", "SPEECH"),
    "cls": ("cls_inference_onnx", "SPEECH"),
    "asvspoof": ("asvspoof_inference_onnx", "SPEECH"),
    "tts": ("tts_inference_onnx", "--output speech.wav abc"),
    "gan_tts": ("tts_inference_onnx", "--output speech.wav abc"),
    "tts2": ("tts_inference_onnx", "--output_dir out abc"),
    "jets": ("tts_inference_onnx", "--output speech.wav abc"),
    "joint": ("tts_inference_onnx", "--output speech.wav abc"),
}
_VOCODED = "--vocoder_file VOCODER --vocoder_config VOCODER_CONFIG"
_UNITS = "--vocoder_file UNIT_VOCODER --vocoder_config UNIT_VOCODER_CONFIG"
FILES = {
    **{f"{task.upper()}_BUNDLE": f"{task}/bundle" for task in _COMMANDS},
    "DEMO": "demo/bundle",
    "VOCODER": "vocoder/checkpoint-1steps.pkl",
    "VOCODER_CONFIG": "vocoder/config.yml",
    "VOCODED_CONFIG": "vocoder/tts/config.yaml",
    "VOCODED": "vocoder/tts/model.pth",
    "VOCODER_BUNDLE": "vocoder/bundle",
    "UNIT_VOCODER": "unit_vocoder/checkpoint-1steps.pkl",
    "UNIT_VOCODER_CONFIG": "unit_vocoder/config.yml",
    "UNITS_CONFIG": "unit_vocoder/tts/config.yaml",
    "UNITS": "unit_vocoder/tts/model.pth",
    "UNIT_VOCODER_BUNDLE": "unit_vocoder/bundle",
}
ROWS: Mapping[str, str] = {
    **{
        f"bundle_{task}": f"{command} --bundle {task.upper()}_BUNDLE --num_threads 1 --log_level ERROR {words}"
        for task, (command, words) in _COMMANDS.items()
    },
    "bundle_demo": f"asr_inference_onnx --bundle DEMO --num_threads 1 --log_level ERROR {_SEARCHED}",
    "vocoder": f"tts_inference --train_config VOCODED_CONFIG --model_file VOCODED {_VOCODED} --output speech.wav abc",
    "vocoder_of_units": f"tts2_inference --train_config UNITS_CONFIG --model_file UNITS {_UNITS} --output_dir out abc",
    "vocoder_bundle": "tts_inference_onnx --bundle VOCODER_BUNDLE --output speech.wav abc",
    "vocoder_bundle_of_units": "tts_inference_onnx --bundle UNIT_VOCODER_BUNDLE --output_dir out abc",
    "export_vocoder": f"export_onnx --tts_train_config VOCODED_CONFIG --tts_model_file VOCODED {_VOCODED} "
    "--output_dir out",
    "transcribe": "cli transcribe --num_threads 1 BUNDLE SPEECH",
    "transcribe_to": "cli transcribe --num_threads 1 --output_dir out --format json BUNDLE SPEECH",
    "transcribe_stream": "cli transcribe --num_threads 1 STREAMS SPEECH",
    "translate": "cli translate --num_threads 1 ST_BUNDLE SPEECH",
    "align_verb": "cli align --num_threads 1 --text abc BUNDLE SPEECH",
    "synthesize": "cli synthesize --num_threads 1 --output speech.wav TTS_BUNDLE abc",
    "batches": "asr_inference_onnx --bundle BUNDLE --batch_size 4 --maxlenratio -4 --beam_size 2 --output_dir out "
    "--data_path_and_name_and_type LIST,speech,sound",
}
_KINDS = {"vocoder": ("hifigan", "TTS", {}), "unit_vocoder": ("units", "TTS2", {"sampling_rate": 12000})}


def make(work: Path, place: str) -> None:
    """Make files of `FILES`: a vocoder, its synthesiser and the bundle of both, or a link to the demo."""
    if place == "demo":
        (work / place).mkdir(exist_ok=True)
        (work / place / "bundle").symlink_to(ROOT / "build/demo/bundle")
        return
    import vocoder_files
    from zoo_kind import attribute

    from espnet2.export.make_bundle import make_bundle
    from espnet2.tts.utils.parallel_wavegan_pretrained_vocoder import GENERATORS, UNUSED

    kind, model, keys = _KINDS[place]
    directory: Path = work / place
    (directory / "tts").mkdir(parents=True, exist_ok=True)
    name, params, _ = vocoder_files.KINDS[kind]
    own: dict[str, Any] = {key: value for key, value in params.items() if key not in UNUSED}
    path = vocoder_files.write(directory, attribute(GENERATORS[name])(**own), False, kind, **keys)
    files = vocoder_files.write_synthesiser(directory / "tts", getattr(vocoder_files, model))
    options = {"tts_train_config": files["train_config"], "tts_model_file": files["model_file"]}
    make_bundle(directory / "bundle", **options, vocoder_file=path)
