"""Make test/golden/vocabulary.json: upstream ESPnet's tokens for vocabularies of pretrained models.

Run in an environment with upstream ESPnet, transformers and openai-whisper 20230308 (upstream's tokenizer works with no
later release), from the repository's root: python tools/make_vocabulary_golden.py
Vocabularies are those of test/vocabulary_cases.py, in place of the package's.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import vocabulary_cases as cases  # noqa: E402
import whisper.tokenizer  # noqa: E402
from zoo_whisper_files import WhisperFile  # noqa: E402

from espnet2.bin.asr_inference import Speech2Text  # noqa: E402
from espnet2.bin.whisper_export_vocabulary import export_vocabulary  # noqa: E402
from espnet2.tasks.asr import ASRTask  # noqa: E402
from espnet2.tasks.lm import LMTask  # noqa: E402
from espnet2.text.hugging_face_token_id_converter import HuggingFaceTokenIDConverter  # noqa: E402
from espnet2.text.hugging_face_tokenizer import HuggingFaceTokenizer  # noqa: E402
from espnet2.text.whisper_token_id_converter import OpenAIWhisperTokenIDConverter  # noqa: E402
from espnet2.text.whisper_tokenizer import OpenAIWhisperTokenizer  # noqa: E402
from espnet2.train.preprocessor import CommonPreprocessor  # noqa: E402

# What upstream's tasks expect in a config.yaml that they read.
EMPTY = ("init", "input_size", "specaug", "normalize", "preencoder", "postencoder", "joint_net_conf")
SECTIONS = ("specaug", "normalize", "preencoder", "postencoder", "preprocessor")
COMPLETE: dict[str, Any] = {name: None for name in EMPTY} | {f"{name}_conf": {} for name in SECTIONS}
COMPLETE |= {"preprocessor": "default", "use_preprocessor": True, "cleaner": None, "g2p": None}
TASKS = {"asr": (ASRTask, "espnet"), "lm": (LMTask, "lm")}


def build(task: str, config: dict[str, Any], path: Path) -> Any:
    cls, model = TASKS[task]
    path.write_text(yaml.safe_dump({**COMPLETE, "model": model, **config}, allow_unicode=True))
    return cls.build_model_from_file(str(path), None, "cpu")[0]


def fresh() -> None:
    """Forget the package's tokenizers, which upstream's classes add tokens to."""
    for function in (whisper.tokenizer.build_tokenizer, whisper.tokenizer.get_tokenizer):
        function.cache_clear()


def classes(directory: Path) -> list[Any]:
    added = directory / "added.txt"
    added.write_text("".join(f"{symbol}\n" for symbol in cases.ADDED))
    found = []
    for keywords in cases.CLASSES:
        given = {**keywords, **({"added_tokens_txt": str(added)} if "added_tokens_txt" in keywords else {})}
        fresh()
        tokenizer = OpenAIWhisperTokenizer(**given)
        fresh()
        found.append(texts(tokenizer, OpenAIWhisperTokenIDConverter(**given)))
    cases.write_hugging_face(directory)
    model = str(directory)
    return [*found, texts(HuggingFaceTokenizer(model), HuggingFaceTokenIDConverter(model))]


def texts(tokenizer: Any, converter: Any) -> list[Any]:
    """Tokens, indices, the tokens and the text of these, for each text."""
    rows = []
    for text in cases.TEXTS:
        tokens = tokenizer.text2tokens(text)
        ids = converter.tokens2ids(tokens)
        rows.append([tokens, ids, converter.ids2tokens(ids), tokenizer.tokens2text(tokens)])
    return rows


def token_list(token_type: str, directory: Path) -> tuple[list[str], str]:
    """A model's vocabulary and what `bpemodel` names."""
    if token_type == "hugging_face":
        vocabulary = json.loads((directory / "tokenizer.json").read_text())["model"]["vocab"]
        return sorted(vocabulary, key=vocabulary.__getitem__), str(directory)
    fresh()
    export_vocabulary(str(directory / "tokens.txt"), token_type, "en", "transcribe", "ERROR")
    lines = (directory / "tokens.txt").read_text(encoding="utf-8").split("\n")[:-1]
    size = len(OpenAIWhisperTokenIDConverter(token_type).tokenizer.tokenizer)  # the command has the published number
    return [(line + "\n")[0] + line[1:].rstrip() for line in lines[:size]], token_type


def decodes(directory: Path) -> list[Any]:
    found = []
    for token_type, conf, options in cases.DECODES:
        tokens, bpemodel = token_list(token_type, directory)
        config = directory / "config.yaml"
        content = cases.model_config(token_type, tokens, bpemodel, conf)
        options = dict(options)
        if options.pop("fine_tuned", False):
            content = cases.fine_tuned(content, str(WhisperFile(n_vocab=len(tokens)).write(directory)))
        model = build("asr", content, config)
        arrays = cases.weights({name: tuple(value.shape) for name, value in model.state_dict().items()})
        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, directory / "model.pth")
        fresh()
        speech2text = Speech2Text(str(config), str(directory / "model.pth"), **{**cases.OPTIONS, **options})
        results = speech2text(cases.speech())
        found.append([[text, token, ids, float(hypothesis.score)] for text, token, ids, hypothesis in results])
    return found


def special(directory: Path) -> dict[str, Any]:
    """Indices of the blank, the start and the end for each kind of model, vocabulary and symbols that it takes."""
    found: dict[str, Any] = {}
    for kind, (task, config, conf) in cases.MODELS.items():
        for name, tokens in cases.LISTS.items():
            for place, symbols in enumerate(cases.SYMBOLS_OF_MODELS):
                model_conf = {**conf, **symbols}
                try:
                    model = build(
                        task, {**config, "token_list": tokens, "model_conf": model_conf}, directory / "m.yaml"
                    )
                except TypeError:
                    continue
                indices = [getattr(model, key, None) for key in ("blank_id", "sos", "eos")]
                found.setdefault(kind, {}).setdefault(name, {})[str(place)] = indices
    return found


def prefixes() -> list[int]:
    """Training's token sequence of a text."""
    fresh()
    options = {"token_type": "whisper_multilingual", "bpemodel": "whisper_multilingual", "token_list": ["a", "<unk>"]}
    preprocessor = CommonPreprocessor(False, **options, whisper_language="de", whisper_task="translate")
    return preprocessor("utterance", {"text": cases.TEXTS[0]})["text"].tolist()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        assets = directory / "assets"
        assets.mkdir()
        cases.write_tables(assets, ranked=False)
        whisper.tokenizer.__file__ = str(directory / "tokenizer.py")
        golden = {
            "classes": classes(directory),
            "decodes": decodes(directory),
            "special": special(directory),
            "training": prefixes(),
        }
    text = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
    (ROOT / "test" / "golden" / "vocabulary.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
