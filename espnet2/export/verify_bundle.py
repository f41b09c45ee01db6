"""A bundle against its checkpoint, at any time after export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet2.export.compare import compare_components, compare_decodes, compare_streams, read_signals, token_error_rate
from espnet2.export.quantize import MAX_TOKEN_ERROR_RATE
from espnet2.export.trained import CHUNKS, Trained, load_trained
from espnet2.interface.check import Check
from espnet2.interface.errors import VerificationError
from espnet2.runtime.bundle import Bundle, sha256


def verify_bundle(path: str | Path, recordings: Sequence[str | Path] = (), **model: Any) -> list[Check]:
    """Compare every graph, then the decoded text, with the model whose files `model` names (see `load_trained`).

    int8 graphs are compared by the tokens of their text, where there are recordings.

    Raises `VerificationError` for a bundle of other graphs, and what reading the files raises.
    """
    bundle = Bundle.load(path, task="asr")
    chunks = {name: bundle.manifest.provenance.get(name) for name in CHUNKS}
    trained = load_trained(**model, streaming=bool(bundle.manifest.streaming), chunks=chunks)
    _require_same_interface(bundle, trained)
    signals = read_signals(trained, recordings)
    graphs = {name: bundle.graph(name) for name in bundle.components}
    checks = compare_components(trained, graphs)
    checks += compare_streams(trained, graphs, signals)
    checks += compare_decodes(trained, graphs, signals, bounded=not recordings)
    if bundle.manifest.quantized and recordings:
        int8 = {name: bundle.graph(name, quantized=True) for name in bundle.components}
        rate = token_error_rate(trained, graphs, int8, signals, bounded=False)
        checks.append(Check("int8 token errors", f"{len(recordings)} recordings", rate, MAX_TOKEN_ERROR_RATE))
    return checks


def _require_same_interface(bundle: Bundle, trained: Trained) -> None:
    """The bundle's tokens, tokenizer and graphs are those of the model."""
    config = trained.files["asr_train_config"]
    for what, expected, found in (
        ("tokens", trained.token_list, list(bundle.manifest.tokens)),
        ("special tokens", trained.special, dict(bundle.manifest.special)),
        ("sampling rate", trained.sample_rate, bundle.manifest.sample_rate),
        ("steps of streams", trained.streaming, dict(bundle.manifest.streaming)),
        ("rules of generation", dict(trained.generation), dict(bundle.manifest.generation)),
        ("tokenizer", *_tokenizers(bundle, trained)),
    ):
        if expected != found:
            raise VerificationError(f"{bundle.path}: expected the {what} of {config}, found others")
    graphs = {component.name: component for _, component in trained.parts}
    if graphs != dict(bundle.components):
        differing = sorted(n for n in {*graphs, *bundle.components} if graphs.get(n) != bundle.components.get(n))
        raise VerificationError(
            f"{bundle.path}: expected the graphs of {config}, found other interfaces of {', '.join(differing)}"
        )


def _tokenizers(bundle: Bundle, trained: Trained) -> tuple[Any, Any]:
    """Kind, and checksum of the SentencePiece model, of the checkpoint's tokenizer and of the bundle's."""
    entry = bundle.manifest.tokenizer
    found = entry and (entry["token_type"], (entry.get("bpemodel") or {}).get("sha256"))
    if trained.tokenizer is None:
        return None, found
    kind = trained.config.token_type
    return (kind, sha256(Path(trained.config.bpemodel)) if kind == "bpe" else None), found
