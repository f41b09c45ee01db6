"""Models with vocabularies of pretrained models, as upstream builds and decodes them (test/golden/vocabulary.json)."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import vocabulary_cases as cases
import yaml
from zoo_whisper_files import WhisperFile

from espnet2.bin.asr_inference import Speech2Text as TorchSpeech2Text
from espnet2.export.compare import compare_results
from espnet2.export.make_bundle import make_bundle
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import OptionError
from espnet2.runtime import Speech2Text
from espnet2.runtime.bundle import Bundle
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask
from espnet2.text.byte_level_bpe import SPACE
from espnet2.text.whisper_vocabulary import of_package

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = json.loads((ROOT / "test" / "golden" / "vocabulary.json").read_text())
KINDS = ("whisper_multilingual", "whisper_en", "hugging_face")
TASKS = {"asr": ASRTask, "lm": LMTask}


def token_list(token_type: str, directory: Path) -> list[str]:
    if token_type == "hugging_face":
        cases.write_hugging_face(directory)
        vocabulary = json.loads((directory / "tokenizer.json").read_text())["model"]["vocab"]
        return sorted(vocabulary, key=vocabulary.__getitem__)
    assets = directory / "packages" / "whisper" / "assets"
    assets.mkdir(parents=True)
    cases.write_tables(assets, ranked=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory / "packages")
        return [token.replace(SPACE, " ") or "\n" for token in of_package(token_type).tokens]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Callable[..., dict[str, str]]:
    """The model of a kind of tokens, whose weights are written once."""
    known: dict[str, tuple[Path, list[str]]] = {}

    def make(token_type: str, conf: dict, fine_tuned: bool = False) -> dict[str, str]:
        kind = f"fine-tuned {token_type}" if fine_tuned else token_type
        if kind not in known:
            directory = tmp_path_factory.mktemp(kind.replace(" ", "_"))
            known[kind] = directory, token_list(token_type, directory)
        directory, tokens = known[kind]
        bpemodel = str(directory) if token_type == "hugging_face" else token_type
        config, weights = directory / "config.yaml", directory / "model.pth"
        content = cases.model_config(token_type, tokens, bpemodel, conf)
        if fine_tuned:
            content = cases.fine_tuned(content, str(WhisperFile(n_vocab=len(tokens)).write(directory)))
        config.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        if not weights.exists():
            state = ASRTask.build_model_from_file(config)[0].state_dict()
            arrays = cases.weights({name: tuple(value.shape) for name, value in state.items()})
            torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, weights)
        return {"asr_train_config": str(config), "asr_model_file": str(weights)}

    return make


@pytest.fixture(scope="module")
def bundle(files, tmp_path_factory) -> Path:
    """The bundle of the multilingual Whisper vocabulary."""
    path = tmp_path_factory.mktemp("bundles") / "multilingual"
    make_bundle(path, **files("whisper_multilingual", {}))
    return path


def check(speech2text, expected: list) -> None:
    results = speech2text(cases.speech())
    assert [[text, token, ids] for text, token, ids, _ in results] == [row[:3] for row in expected]
    scores = [float(hypothesis.score) for *_, hypothesis in results]
    np.testing.assert_allclose(scores, [row[3] for row in expected], atol=1e-3)


@pytest.mark.parametrize("place", range(len(cases.DECODES)))
def test_decodes_as_upstream(files, request, place):
    token_type, conf, options = cases.DECODES[place]
    if token_type == "hugging_face":
        pytest.importorskip("tokenizers")
    given = {**cases.OPTIONS, **options}
    fine_tuned = given.pop("fine_tuned", False)
    check(TorchSpeech2Text(**files(token_type, conf, fine_tuned), **given), GOLDEN["decodes"][place])
    if token_type == "whisper_multilingual" and not conf:
        check(Speech2Text(request.getfixturevalue("bundle"), **given), GOLDEN["decodes"][place])


def test_what_a_bundle_has(bundle):
    manifest = Bundle.load(bundle).manifest
    assert manifest.section.tokenizer == {"token_type": "whisper_multilingual", "language": "en", "task": "transcribe"}
    assert manifest.section.tokens[220] == SPACE


def test_searches_without_prompts(bundle):
    for name in ("time_sync", "partial_ar"):
        with pytest.raises(OptionError, match=f"{name}: expected False.*begin with a prompt"):
            Speech2Text(bundle, ctc_weight=0.3, **{name: True})


def test_a_model_without_prompts_says_so(files, caplog):
    pytest.importorskip("tokenizers")
    TorchSpeech2Text(**files("hugging_face", {}), lang_prompt_token="<|de|>")
    assert "without prompts: lang_prompt_token" in caplog.text


def build(kind: str, tokens: str, symbols: dict, tmp_path: Path) -> SimpleNamespace:
    task, config, conf = cases.MODELS[kind]
    config = {**config, "token_list": cases.LISTS[tokens], "model_conf": {**conf, **symbols}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    return TASKS[task].build_model_from_file(tmp_path / "config.yaml")[0]


@pytest.mark.parametrize("kind", cases.MODELS)
def test_special_symbols_as_upstream(kind, tmp_path):
    for tokens, table in GOLDEN["special"][kind].items():
        for place, expected in table.items():
            model = build(kind, tokens, cases.SYMBOLS_OF_MODELS[int(place)], tmp_path)
            found = [getattr(model, name, None) for name in ("blank_id", "sos", "eos")]
            assert found == expected, (tokens, place)


def test_a_vocabulary_without_blank_and_unknown_symbol(tmp_path):
    """Token 0 is no blank, and is left out of results nevertheless, as upstream does."""
    _, config, conf = cases.MODELS["attention"]
    symbols = cases.SYMBOLS_OF_MODELS[3]
    files = {"asr_train_config": tmp_path / "config.yaml", "asr_model_file": tmp_path / "model.pth"}
    config = {**config, "token_list": cases.LISTS["none"], "model_conf": {**conf, **symbols}}
    files["asr_train_config"].write_text(yaml.safe_dump(config))
    model = ASRTask.build_model_from_file(files["asr_train_config"])[0]
    state = model.state_dict()
    state["decoder.output_layer.bias"][0] += 3
    torch.save(state, files["asr_model_file"])
    found = TorchSpeech2Text(**files, beam_size=4, nbest=4, maxlenratio=-4.0)(cases.speech())
    assert any(0 in result.hypothesis.yseq for result in found) and all("a" not in result.token for result in found)
    trained = load_trained(**files)
    (check,) = compare_results(trained, trained.graphs, {"speech": cases.speech()}, bounded=True)
    assert check.difference == 0


def test_a_recipes_fine_tuned_whisper_from_checkpoint_to_text(files, tmp_path):
    token_type, conf, _ = cases.DECODES[-1]
    make_bundle(tmp_path / "bundle", **files(token_type, conf, fine_tuned=True))
    check(Speech2Text(tmp_path / "bundle", **cases.OPTIONS), GOLDEN["decodes"][-1])
