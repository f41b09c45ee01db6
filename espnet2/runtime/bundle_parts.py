"""What a recogniser makes of a bundle: its graphs, ready to run, its tokenizer and its n-gram model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet.nets.scorer_interface import ScorerInterface
from espnet.nets.scorers.ngram import NgramFullScorer, NgramPartScorer
from espnet2.interface.errors import BundleError, MissingPackageError, OptionError
from espnet2.interface.graph import Graph
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.bundle_replacement import read_as_one
from espnet2.runtime.options import PROVIDERS, DecodeOptions
from espnet2.runtime.unread_options import warn_of_unread
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.utils.upstream_options import names, require

# Encoders, and what takes a bundle that has one.
ENCODERS = {"encoder": "Speech2Text", "encoder_step": "Speech2TextStreaming"}
# Inputs and outputs.
COUNTS = {"encoder": (2, 2), "ctc": (1, 1), "mlm": (4, 1), "joint_start": (1, 1), "joint_step": (2, 1)}
COUNTS |= {"encoder_step": (2, 2)}
STEP_INPUTS = {"tokens", "parents", "memory_lengths", "joint_frame", "decoder_out"}  # besides those of `decoder_start`
DEVICES = {"cpu": PROVIDERS, "cuda": ("CUDAExecutionProvider", *PROVIDERS)}
NGRAM_SCORERS: dict[str, type[NgramFullScorer] | type[NgramPartScorer]] = {
    "full": NgramFullScorer,
    "part": NgramPartScorer,
}


@dataclass(frozen=True)
class BundleParts:
    """A bundle's graphs by name, its tokenizer and n-gram scorer (None where it has none), and the search's options."""

    bundle: Bundle
    graphs: Mapping[str, Graph]
    tokenizer: AbsTokenizer | None
    ngram: ScorerInterface | None
    options: DecodeOptions

    @classmethod
    def load(
        cls,
        bundle: str | Path | Bundle,
        encoder: str,
        options: Mapping[str, Any],
        *,
        quantized: bool = False,
        num_threads: int | None = None,
        providers: Sequence[str] = PROVIDERS,
        ngram_file: str | Path | None = None,
        ngram_scorer: str = "full",
    ) -> BundleParts:
        """The parts of a recogniser whose encoder is the graph `encoder`; see `espnet2.runtime.asr.Speech2Text`."""
        others = {name: value for name, value in options.items() if name in names()}
        require(others)
        wanted = {name: value for name, value in options.items() if name not in others}
        providers = _providers_of(wanted.pop("device", None), providers)
        decode_options = DecodeOptions.from_keywords(wanted)

        def read() -> BundleParts:
            loaded = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle, task="asr")
            _require_usable(loaded, encoder)
            listed = None if loaded.manifest.ngram is None else loaded.file(loaded.manifest.ngram)
            graphs = _graphs(loaded, quantized, num_threads, providers)
            path = listed if ngram_file is None else ngram_file
            ngram = load_ngram(path, loaded.manifest.tokens, ngram_scorer, decode_options.ngram_weight)
            return cls(loaded, graphs, _tokenizer(loaded), ngram, decode_options)

        parts = read() if isinstance(bundle, Bundle) else read_as_one(bundle, read)
        warn_of_unread(decode_options, [*parts.graphs, *(["ngram"] if parts.ngram is not None else [])])
        return parts


def find_bundle(tag: str | Path) -> Path:
    """The directory of a bundle: `tag` itself, or that of a repository on the Hugging Face hub, which is downloaded."""
    if Path(tag).exists():
        return Path(tag)
    from espnet2.fileio.hub import download

    return download(str(tag))


def _providers_of(device: Any, providers: Sequence[str]) -> Sequence[str]:
    """Execution providers of a device as PyTorch names it; those that are given where it is None."""
    if device is None:
        return providers
    kind = str(device).partition(":")[0]
    if kind not in DEVICES:
        raise OptionError(f"device: expected one of {', '.join(DEVICES)}, found {str(device)!r}")
    return providers if kind == "cpu" else DEVICES[kind]


def load_ngram(
    path: str | Path | None, token_list: Sequence[str], kind: str = "full", weight: float = 1.0
) -> ScorerInterface | None:
    """The scorer of a KenLM file (None for no file, and for weight 0); `kind` is `full` or `part`.

    Raises:
        OptionError: An unknown kind, or a file that KenLM cannot read.
        MissingPackageError: kenlm is not installed.
    """
    if kind not in NGRAM_SCORERS:
        raise OptionError(f"ngram_scorer: expected one of {', '.join(NGRAM_SCORERS)}, found {kind!r}")
    if path is None or weight == 0:
        return None
    try:
        return NGRAM_SCORERS[kind](path, token_list)
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: expected the package kenlm, found none; pip install kenlm, or set ngram_weight to 0"
        ) from error
    except OSError as error:
        raise OptionError(f"{path}: expected an n-gram model of KenLM, found {' '.join(str(error).split())}") from error


def _graphs(bundle: Bundle, quantized: bool, num_threads: int | None, providers: Sequence[str]) -> dict[str, Graph]:
    from espnet2.runtime.session import available_cores

    if quantized and not bundle.manifest.quantized:
        raise OptionError(f"quantized: expected a bundle with int8 graphs, found none in {bundle.path}")
    if num_threads is not None and num_threads < 1:
        raise OptionError(f"num_threads: expected at least 1, found {num_threads}")
    threads = min(num_threads or available_cores(), available_cores())  # more of them would wait for each other
    small = {name for name in bundle.components if name.endswith("_step") and name not in ENCODERS}
    return {
        name: bundle.graph(name, quantized, num_threads=1 if name in small else threads, providers=providers)
        for name in bundle.components
    }


def _require_usable(bundle: Bundle, encoder: str) -> None:
    """Check for the components that recognition needs, and that they read what it feeds."""
    components, listed = bundle.components, ", ".join(bundle.components)
    if encoder not in components:
        others = (f"; it is for {kind}" for name, kind in ENCODERS.items() if name in components)
        raise BundleError(f"{bundle.path}: expected a component '{encoder}', found {listed}{next(others, '')}")
    if encoder == "encoder_step" and not bundle.manifest.streaming:
        raise BundleError(f"{bundle.path}: streaming: expected how streams are fed to 'encoder_step', found nothing")
    if not {"ctc", "decoder_step"} & set(components):
        raise BundleError(f"{bundle.path}: expected a component 'ctc' or 'decoder_step', found {listed}")
    if "mlm" in components and not ("ctc" in components and "mask" in bundle.manifest.special):
        raise BundleError(
            f"{bundle.path}: mlm: expected a component 'ctc' and a special token 'mask' with it, found none"
        )
    if "joint_step" in components and not {"joint_start", "decoder_step"} <= set(components):
        raise BundleError(f"{bundle.path}: joint_step: expected joint_start and decoder_step with it, found {listed}")
    start = components.get("decoder_start")
    memory = {tensor.name for tensor in start.outputs} if start else set()
    for name, component in components.items():
        counts = len(component.inputs), len(component.outputs)
        known = name in ENCODERS or {tensor.name for tensor in component.inputs} <= STEP_INPUTS | memory
        if counts != COUNTS.get(name, counts) or not counts[1] or not (known or not name.endswith("_step")):
            raise BundleError(f"{bundle.path}: {name}: expected the inputs and outputs of that component, found others")


def _tokenizer(bundle: Bundle) -> AbsTokenizer | None:
    spec = bundle.manifest.tokenizer or {}
    bpemodel = bundle.file(spec["bpemodel"]) if spec.get("bpemodel") else None
    prompt = {name: spec.get(name) for name in ("language", "task")}
    return load_tokenizer(spec.get("token_type"), bpemodel, token_list=bundle.manifest.tokens, **prompt)
