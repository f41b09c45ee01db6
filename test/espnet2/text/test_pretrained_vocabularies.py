"""Tokens and indices of pretrained vocabularies against upstream's (test/golden/vocabulary.json)."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import vocabulary_cases as cases

from espnet2.interface.errors import DataError, MissingPackageError, OptionError
from espnet2.text.abs_tokenizer import Prompt
from espnet2.text.build_tokenizer import build_converter, build_tokenizer, load_tokenizer
from espnet2.text.byte_level_bpe import ByteLevelBPE
from espnet2.text.whisper_token_id_converter import OpenAIWhisperTokenIDConverter
from espnet2.text.whisper_tokenizer import OpenAIWhisperTokenizer, WhisperTokenizer
from espnet2.text.whisper_vocabulary import of_model

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = json.loads((ROOT / "test" / "golden" / "vocabulary.json").read_text())


def rows(tokenizer, converter) -> list:
    found = []
    for text in cases.TEXTS:
        tokens = tokenizer.text2tokens(text)
        ids = converter.tokens2ids(tokens)
        found.append([tokens, ids, converter.ids2tokens(ids), tokenizer.tokens2text(tokens)])
    return found


@pytest.fixture(params=[True, False], ids=["ranked", "indexed"])
def package(request, tmp_path, monkeypatch) -> Path:
    """A package `whisper` with small tables, in either of its formats, which cannot be imported."""
    assets = tmp_path / "packages" / "whisper" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "__init__.py").write_text("raise ImportError")
    cases.write_tables(assets, ranked=request.param)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    return tmp_path


@pytest.mark.parametrize("place", range(len(cases.CLASSES)))
def test_whisper_as_upstream(package, place):
    keywords = dict(cases.CLASSES[place])
    if "added_tokens_txt" in keywords:
        keywords["added_tokens_txt"] = str(package / "added.txt")
        (package / "added.txt").write_text("<foo>\r\nbar\n")
    tokenizer, converter = OpenAIWhisperTokenizer(**keywords), OpenAIWhisperTokenIDConverter(**keywords)
    assert rows(tokenizer, converter) == GOLDEN["classes"][place]
    assert keywords["model_type"] in repr(tokenizer)


def test_sizes(package):
    assert OpenAIWhisperTokenIDConverter("whisper_en").get_num_vocabulary_size() == 278 + 1608
    assert OpenAIWhisperTokenIDConverter("whisper_multilingual").get_num_vocabulary_size() == 279 + 1608
    sc = OpenAIWhisperTokenIDConverter("whisper_en", sot=True)
    assert sc.tokens2ids(["<sc>"])[-1] == 278 + 1608 and sc.ids2tokens(np.array([278 + 1608, 0])) == ["!"]


def test_by_the_kind_of_tokens(package):
    tokenizer = build_tokenizer("whisper_multilingual", "whisper_multilingual", whisper_language="de")
    assert repr(tokenizer) == "OpenAIWhisperTokenizer(model_type=whisper_multilingual, language=german)"
    options = {"whisper_language": "de", "whisper_task": "translate"}
    converter = build_converter("whisper_multilingual", "whisper_multilingual", [], **options)
    assert converter.tokens2ids(tokenizer.text2tokens(cases.TEXTS[0])) == GOLDEN["training"]


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({"model_type": "whisper_small"}, "bpemodel.*whisper_en, whisper_multilingual.*whisper_small"),
        ({"language": "xx"}, "whisper_language.*noinfo.*'xx'"),
        ({"task": "sing"}, "whisper_task.*transcribe, translate.*'sing'"),
    ],
)
def test_refused(package, keywords, message):
    for kind in (OpenAIWhisperTokenizer, OpenAIWhisperTokenIDConverter):
        with pytest.raises(OptionError, match=message):
            kind(**{"model_type": "whisper_multilingual", **keywords})


def test_missing_files(package, monkeypatch):
    with pytest.raises(DataError, match=r"absent\.txt"):
        OpenAIWhisperTokenizer("whisper_multilingual", added_tokens_txt=str(package / "absent.txt"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="openai-whisper"):
        OpenAIWhisperTokenizer("whisper_en")


def model_vocabulary(model_type: str = "whisper_multilingual", package_list=None) -> list[str]:
    """A token list as recipes write it: spaces are spaces."""
    languages = ["<|en|>", "<|zh|>"]
    symbols = [*cases.SYMBOLS, *languages, "<|translate|>", "<|transcribe|>", "<|notimestamps|>", "<|0.00|>"]
    return [token.replace("Ġ", " ") or "\n" for token in (*cases.text_tokens(model_type), *symbols)]


def test_a_model_s_own_list_needs_no_package():
    tokens = model_vocabulary()
    tokenizer = load_tokenizer("whisper_multilingual", "whisper_multilingual", token_list=tokens, language="zh")
    text = "hello world <|zh|> wörld"
    pieces = tokenizer.text2tokens(text)
    assert "Ġworld" in pieces and "<|zh|>" in pieces and tokenizer.tokens2text(pieces) == text
    converter = tokenizer.converter(tokens)
    assert converter.ids2tokens(converter.tokens2ids(pieces)) == [piece for piece in pieces if piece != "<|zh|>"]
    at = tokens.index
    assert tokenizer.primer == [
        at(s) for s in ("<|startoftranscript|>", "<|zh|>", "<|transcribe|>", "<|notimestamps|>")
    ]
    assert tokenizer.words(["he", "llo", "Ġworld", "!"]) == [(0, 2), (2, 4)]


def test_prompts_of_added_symbols(tmp_path):
    tokenizer = WhisperTokenizer(of_model(model_vocabulary(), "whisper_multilingual", "en", "transcribe"))
    (tmp_path / "added.txt").write_text("<foo>\n\nbar\n<|zh|>\n")
    prompted = tokenizer.prompted(Prompt(task="<foo>bar", token_file=tmp_path / "added.txt"))
    place = tokenizer.token_list.index("<|notimestamps|>")
    start, bar = place - 5, tokenizer.token_list.index("bar")
    assert prompted.primer == [start, start + 1, place + 1, bar, place] and tokenizer.primer[0] == start
    assert tokenizer.prompted(Prompt("<foo>", token_file=tmp_path / "added.txt")).primer == [start, place + 1, place]
    assert prompted.token_list[place + 1] == "<foo>" and prompted.token_list[place + 2] == "<|0.00|>"
    with pytest.raises(DataError, match="absent"):
        tokenizer.prompted(Prompt(token_file=tmp_path / "absent"))


@pytest.mark.parametrize("tokens, primer", [(["a", "<|startoftranscript|>"], [1]), (["a", "b"], None)])
def test_a_list_without_symbols(tokens, primer):
    assert load_tokenizer("whisper_multilingual", token_list=tokens).primer == primer


def test_bytes_that_are_no_text():
    assert ByteLevelBPE.decode(["Ã", "日", "Ġ"]) == "\N{REPLACEMENT CHARACTER}日 "
    assert ByteLevelBPE([]).encode("\x1c a\ud800") == ["Ĝ", "Ġ", "a", "?"]


def test_hugging_face_as_upstream(tmp_path):
    pytest.importorskip("tokenizers")
    cases.write_hugging_face(tmp_path)
    tokenizer = build_tokenizer("hugging_face", str(tmp_path))
    converter = build_converter("hugging_face", tmp_path, [])
    assert rows(tokenizer, converter) == GOLDEN["classes"][-1]
    assert repr(tokenizer) == f'HuggingFaceTokenizer(model="{tmp_path}")'
    assert converter.get_num_vocabulary_size() == 282
    assert converter.ids2tokens(np.array([0, 4, 9999])) == ["!"] and tokenizer.converter(()) is tokenizer
    assert tokenizer.words(["he", "Ġthe", "re"]) == [(0, 1), (1, 3)]
    spec, files = tokenizer.bundled()
    (tmp_path / "bundled.json").write_bytes(files[spec["bpemodel"]["file"]])
    assert build_tokenizer("hugging_face", tmp_path / "bundled.json").tokens2text(["he", "llo"]) == "hello"


def test_words_of_wordpieces(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = {token: index for index, token in enumerate(["[UNK]", "un", "##aff", "##able", "good", "!"])}
    pieces = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    pieces.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    pieces.save(str(tmp_path / "tokenizer.json"))
    tokenizer = build_tokenizer("hugging_face", tmp_path)
    tokens = tokenizer.text2tokens("good unaffable good!")
    assert tokens == ["good", "un", "##aff", "##able", "good", "!"]
    assert tokenizer.words(tokens) == [(0, 1), (1, 4), (4, 5), (5, 6)]
    assert tokenizer.words(tokens[2:]) == [(0, 2), (2, 3), (3, 4)] and tokenizer.words([]) == []


@pytest.mark.parametrize("content", ["", "{}", '{"model": 1}', "\xff"])
def test_no_tokenizer(tmp_path, content):
    pytest.importorskip("tokenizers")
    (tmp_path / "tokenizer.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(OptionError, match=r"tokenizer"):
        build_tokenizer("hugging_face", tmp_path)


@pytest.mark.parametrize("content", ["", "[1]", '{"a"', "\xff", "[" * 100000])
def test_broken_settings_of_a_tokenizer(tmp_path, content):
    pytest.importorskip("tokenizers")
    cases.write_hugging_face(tmp_path)
    file = tmp_path / "tokenizer.json"
    file.write_text(file.read_text().replace('"unk_token": "<unk>", ', ""))
    (tmp_path / "tokenizer_config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(OptionError, match=r"tokenizer_config.json: expected options of a tokenizer in JSON, found"):
        build_tokenizer("hugging_face", tmp_path)


def test_no_code_of_a_model_is_run(tmp_path):
    pytest.importorskip("transformers")
    settings = {"auto_map": {"AutoTokenizer": [None, "own.Own"]}, "tokenizer_class": "Own"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", **settings}))
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    with pytest.raises(OptionError, match=r"bpemodel: expected a tokenizer of transformers, found"):
        build_tokenizer("hugging_face", tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["nobody/absent", "../absent", "a" * 3000])
def test_nothing_is_downloaded(name):
    pytest.importorskip("transformers")
    with pytest.raises(OptionError, match=r"bpemodel: expected a tokenizer .* fetches it") as error:
        build_tokenizer("hugging_face", name)
    assert len(str(error.value)) <= 400


def test_pretrained_kinds_need_a_name(monkeypatch):
    for token_type in ("hugging_face", "whisper_en"):
        with pytest.raises(OptionError, match=f"bpemodel.*{token_type}.*None"):
            build_tokenizer(token_type)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackageError, match=r"tokenizer\.json in absent.*transformers"):
        build_tokenizer("hugging_face", "absent")
