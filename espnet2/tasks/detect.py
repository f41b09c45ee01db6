"""Tell by its keys which task a config.yaml belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from espnet2.interface.errors import ConfigError

# Tasks by the name that they have in `espnet2.interface.families`, or would have, with their name in messages.
TASKS = {
    "aqa": "audio quality (AQA)",
    "asr": "speech recognition (ASR)",
    "asr_transducer": "a stand-alone transducer (ASR_TRANSDUCER)",
    "asvspoof": "detection of spoofed speech (ASVSPOOF)",
    "beats": "self-supervised pre-training (BEATs)",
    "cls": "classification (CLS)",
    "diar": "speaker diarisation (DIAR)",
    "enh": "speech enhancement (ENH)",
    "enh_s2t": "speech enhancement with recognition (ENH_S2T)",
    "enh_tse": "target speaker extraction (TSE)",
    "gan_codec": "a neural codec",
    "gan_tok": "a speech tokenizer",
    "gan_tts": "text-to-speech trained with discriminators (GAN_TTS)",
    "lid": "language identification (LID)",
    "lm": "a language model (LM)",
    "mt": "machine translation (MT)",
    "ps2st": "speech-to-text of a language model (PS2ST)",
    "rst": "speech restoration (RST)",
    "s2st": "speech-to-speech translation (S2ST)",
    "s2t": "speech to text of many tasks, as OWSM (S2T)",
    "s2t_ctc": "speech to text of many tasks by CTC, as OWSM-CTC (S2T_CTC)",
    "slu": "spoken language understanding (SLU)",
    "spk": "speaker identification (SPK)",
    "ssl": "self-supervised pre-training (SSL)",
    "st": "speech translation (ST)",
    "svs": "singing voice synthesis (SVS)",
    "tts": "text-to-speech (TTS)",
    "tts2": "text-to-speech over discrete units (TTS2)",
    "uasr": "unsupervised recognition (UASR)",
    "vocoder": "a vocoder of parallel_wavegan",
}
# Keys that tell a task from those further down: KEY, SECTION.KEY or KEY=VALUE; with `+` between keys, all of them.
MARKS = (
    ("codec", "gan_codec"),
    ("svs", "svs"),
    ("tts+generator_first", "gan_tts"),
    ("tts+discrete_feats_extract", "tts2"),
    ("tts", "tts"),
    ("s2st_type", "s2st"),
    ("subtask_series", "enh_s2t"),
    ("extractor", "enh_tse"),
    ("separator", "enh"),
    ("label_aggregator", "diar"),
    ("transcript_token_list", "slu"),
    ("promptencoder", "s2t_ctc"),
    ("preprocessor=s2t_ctc", "s2t_ctc"),
    ("model=espnet_ctc", "s2t_ctc"),
    ("model_conf.sym_na", "s2t"),
    ("preprocessor=s2t", "s2t"),
    ("model_name", "ps2st"),
    ("universa", "aqa"),
    ("quantizer", "gan_tok"),
    ("ssl_encoder", "rst"),
    ("vocoder_type", "rst"),
    ("waveform_input", "beats"),
    ("segmenter", "uasr"),
    ("lang2utt", "lid"),
    ("pooling", "spk"),
    ("extra_asr_decoder", "st"),
    ("src_token_list+normalize", "st"),
    ("src_token_list+rir_scp", "st"),
    ("src_token_list", "mt"),
    ("losses", "asvspoof"),
    ("enh", "enh"),
    ("joint_network_conf", "asr_transducer"),
    ("encoder_conf.body_conf", "asr_transducer"),
    ("generator_type", "vocoder"),
    ("num_classes", "ssl"),
    ("pred_masked_weight", "ssl"),
    ("decoder=linear", "cls"),
    ("lm", "lm"),
    ("ctc_conf", "asr"),
)


def detect(data: Mapping[str, Any]) -> str | None:
    """Return the name in `TASKS` of the task whose config this is; None where no key tells."""
    return next((task for marks, task in MARKS if all(_has(data, mark) for mark in marks.split("+"))), None)


def task_of(data: Mapping[str, Any], expected: Sequence[str], source: str) -> str:
    """Return the task of a config, one of `expected`; the first of them where no key tells.

    Raises:
        ConfigError: It is a config of another task; the message begins with `source`.
    """
    found = detect(data) or expected[0]
    if found not in expected:
        raise ConfigError(f"{source}: expected a config of {TASKS[expected[0]]}, found one of {TASKS[found]}")
    return found


def _has(data: Mapping[str, Any], mark: str) -> bool:
    """Whether a config has a key, a key in a section, or a key with a value."""
    key, _, value = mark.partition("=")
    section, _, inner = key.partition(".")
    if inner:
        return inner in (data[section] if isinstance(data.get(section), Mapping) else ())
    return str(data.get(key)).lower() == value if value else key in data
