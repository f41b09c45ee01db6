"""Bundles of format 1, which knew one family only: their manifests are read as those of format 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECTION = ("sample_rate", "tokens", "special", "streaming", "generation", "tokenizer")


def upgraded(data: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest of format 1, without its version, as one of format 2; what is wrong in it stays wrong."""
    envelope = {key: value for key, value in data.items() if key not in (*SECTION, "ngram")}
    section = {key: data[key] for key in SECTION if key in data}
    files = {} if data.get("ngram") is None else {"ngram": data["ngram"]}
    tokenizer = section.get("tokenizer")
    if isinstance(tokenizer, Mapping):
        section["tokenizer"] = {key: value for key, value in tokenizer.items() if key != "bpemodel"}
        files |= {} if tokenizer.get("bpemodel") is None else {"bpemodel": tokenizer["bpemodel"]}
    return {**envelope, "files": files, "asr": section}
