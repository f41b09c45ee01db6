"""Tiny models of every family, their bundles, and the commands that take them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

sys.path.append(str(Path(__file__).resolve().parents[2] / "test"))


class Command(NamedTuple):
    """Names of a family's commands in `espnet2.bin`, on PyTorch, on a bundle and of training, and of their input."""

    pytorch: str
    bundle: str
    train: str
    options: Sequence[str]


SPEECH = ("{work}/speech.wav",)
SHORT = ("--maxlenratio", "-4", "--beam_size", "2")
# A recogniser of samples, with CTC and a decoder; that of `ROUND_TRIP` reads features.
_BLOCKS = {"attention_heads": 2, "linear_units": 16, "num_blocks": 1}
RECOGNISER = {
    "token_list": ["<blank>", "<unk>", "<space>", "a", "b", "c", "<sos/eos>"],
    "token_type": "char",
    "frontend_conf": {"fs": 16000, "n_fft": 256, "hop_length": 128, "n_mels": 20},
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "encoder": "conformer",
    "encoder_conf": {**_BLOCKS, "output_size": 16, "cnn_module_kernel": 7},
    "decoder": "transformer",
    "decoder_conf": _BLOCKS,
    "model_conf": {"ctc_weight": 0.3},
}
_IN_BLOCKS = {
    "normalize": None,
    "encoder": "contextual_block_transformer",
    "encoder_conf": {**_BLOCKS, "output_size": 16, "block_size": 10, "hop_size": 4, "look_ahead": 3},
}
STREAMING = {**RECOGNISER, **_IN_BLOCKS}
LANGUAGE = {"token_list": RECOGNISER["token_list"], "token_type": "char", "lm": "transformer"}
LANGUAGE["lm_conf"] = {"embed_unit": 8, "att_unit": 16, "head": 2, "unit": 16, "layer": 1}
_FIRST = ("--asr_maxlenratio", "-4", "--asr_beam_size", "2")  # of the recognition of multi-decoder models
_ASR = Command("asr_inference", "asr_inference_onnx", "asr_train", (*SHORT, *SPEECH))
_TRANSDUCER = Command("asr_transducer_inference", "asr_inference_onnx", "asr_transducer_train", SPEECH)
_ST = Command("st_inference", "st_inference_onnx", "st_train", (*SHORT, *SPEECH))
_MT = Command("mt_inference", "mt_inference_onnx", "mt_train", (*SHORT, "abc de"))
_TTS = Command("tts_inference", "tts_inference_onnx", "tts_train", ("--output", "speech.wav", "abc"))
COMMANDS: Mapping[str, Command] = {
    "asr": _ASR,
    "asr_transducer": _TRANSDUCER,
    "s2t": Command("s2t_inference", "s2t_inference_onnx", "s2t_train", (*SHORT, *SPEECH)),
    "s2t_ctc": Command("s2t_inference_ctc", "s2t_inference_ctc_onnx", "s2t_train", SPEECH),
    "st": _ST,
    "mt": _MT,
    "slu": Command("slu_inference", "slu_inference_onnx", "slu_train", (*SHORT, "--transcript", "play", *SPEECH)),
    "spk": Command("spk_inference", "spk_inference_onnx", "spk_train", SPEECH),
    "lid": Command("lid_inference", "lid_inference_onnx", "lid_train", SPEECH),
    "cls": Command("cls_inference", "cls_inference_onnx", "cls_train", SPEECH),
    "asvspoof": Command("asvspoof_inference", "asvspoof_inference_onnx", "asvspoof_train", SPEECH),
    "tts": _TTS,
    "gan_tts": _TTS._replace(train="gan_tts_train"),
    "tts2": Command("tts2_inference", "tts_inference_onnx", "tts2_train", ("--output_dir", "out", "abc")),
    "jets": _TTS._replace(train="gan_tts_train"),
    "joint": _TTS,
    "streams": Command("asr_inference_streaming", "asr_inference_streaming_onnx", "asr_train", (*SHORT, *SPEECH)),
    "hybrid": _ASR._replace(options=SPEECH),
    **dict.fromkeys(("transducer_rnn", "transducer_mega", "transducer_rwkv"), _TRANSDUCER),
    "transducer_streams": Command(
        "asr_inference_streaming", "asr_inference_streaming_onnx", "asr_transducer_train", SPEECH
    ),
    "st_two": _ST._replace(options=(*_FIRST, *SHORT, *SPEECH)),
    "st_transducer": _ST._replace(options=SPEECH),
    "st_streams": Command("st_inference_streaming", "st_inference_streaming_onnx", "st_train", (*SHORT, *SPEECH)),
    "mt_texts": _MT,
    "mt_recurrent": _MT,
}
_TRANSDUCERS = ("transducer_rnn", "transducer_mega", "transducer_rwkv", "transducer_streams")
FAMILY_OF = {  # of other kinds of its models
    **{"jets": "gan_tts", "joint": "tts", "streams": "asr", "hybrid": "asr"},
    **dict.fromkeys(_TRANSDUCERS, "asr_transducer"),
    **dict.fromkeys(("st_two", "st_transducer", "st_streams"), "st"),
    **dict.fromkeys(("mt_texts", "mt_recurrent"), "mt"),
}
_STREAM: Mapping[str, Any] = {"streaming": True}
BUNDLED: Mapping[str, Mapping[str, Any]] = {  # options of bundles of streams
    "streams": _STREAM,
    "transducer_streams": {**_STREAM, "chunks": {"chunk_size": 8, "left_context": 4}},
    "st_streams": _STREAM,
}


def write_yaml(path: Path, data: Any) -> None:
    """Write plain YAML, with escapes for what is not ASCII."""
    path.write_text(yaml.dump(data, allow_unicode=False, sort_keys=False))


def keys_of(task: str) -> Mapping[str, Any]:
    """Keys of the configuration of a tiny model."""
    import tiny_tts
    import zoo
    import zoo_mt
    import zoo_st
    import zoo_transducer_model
    import zoo_tts
    import zoo_tts_jets
    import zoo_tts_joint

    transducer = {**zoo_transducer_model.WHOLE, "token_list": RECOGNISER["token_list"], "token_type": "char"}
    speech = zoo_st.DECODED["st-ctc"].keys
    mega = {"block_size": 8, "linear_size": 12, "qk_size": 4, "v_size": 8, "num_heads": 2, "num_blocks": 1}
    own: Mapping[str, Mapping[str, Any]] = {
        "asr": RECOGNISER,
        "streams": STREAMING,
        "hybrid": {
            **RECOGNISER,
            "decoder": "transducer",
            "decoder_conf": {"hidden_size": 12},
            "joint_net_conf": {"joint_space_size": 10},
        },
        "transducer_rnn": transducer,
        "transducer_mega": {**transducer, "decoder": "mega", "decoder_conf": mega},
        "transducer_rwkv": {
            **transducer,
            "decoder": "rwkv",
            "decoder_conf": {"block_size": 8, "num_blocks": 1},
        },
        "transducer_streams": {**transducer, "normalize": None, "encoder_conf": _chunked(transducer["encoder_conf"])},
        "st": speech,
        "st_two": zoo_st.DECODED["md-speech"].keys,
        "st_transducer": zoo_st.FURTHER["st-transducer"].keys,
        "st_streams": {**speech, **_IN_BLOCKS},
        "mt_texts": zoo_mt.DECODED["mt-plain"].keys,
        "mt_recurrent": zoo_mt.DECODED["mt-rnn"].keys,
        "tts": zoo_tts.MODEL,
        "gan_tts": {**tiny_tts.VITS, "token_list": tiny_tts.TOKENS},
        "jets": zoo_tts_jets.TRAINED.keys,
        "joint": {**zoo_tts.MODEL, "tts": zoo_tts_joint.JOINT, "tts_conf": zoo_tts_joint.DEFAULT},
    }
    return own[task] if task in own else zoo.ROUND_TRIP[task].keys


def _chunked(conf: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options of an encoder of a stand-alone transducer that takes chunks of a stream."""
    return {**conf, "main_conf": {"dynamic_chunk_training": True, "short_chunk_size": 4, "num_left_chunks": 1}}


def make_model(
    directory: Path, task: str, bundle: bool = True, keys: Mapping[str, Any] | None = None, **options: Any
) -> None:
    """Write configuration and weights of a tiny model of a family, and its bundle, made with these options.

    Its keys are those of `keys_of` where none are given.
    """
    import torch
    import zoo
    import zoo_calls
    import zoo_data

    from espnet2.export.make_bundle import make_bundle
    from espnet2.interface.families import FAMILIES

    torch.set_num_threads(1)
    directory.mkdir(exist_ok=True)
    keys, options = keys_of(task) if keys is None else keys, {**BUNDLED.get(task, {}), **options}
    task = FAMILY_OF.get(task, task)
    row = zoo_data.Row(f"attack-{task}", "", zoo_data.Config(zoo.ROUND_TRIP[task].task, keys), (), ())
    torch.save(zoo_calls.module_for(row, directory).state_dict(), directory / "model.pth")
    config = json.loads((directory / "config.yaml").read_text())
    write_yaml(directory / "config.yaml", config)
    if not bundle:
        return
    files = {FAMILIES[task].config: directory / "config.yaml", FAMILIES[task].weights: directory / "model.pth"}
    make_bundle(directory / "bundle", **options, **files)
