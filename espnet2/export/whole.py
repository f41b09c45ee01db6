"""A model as one graph in a bundle: its module, its files, and their comparison with the split graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet.nets.hypothesis import Hypothesis
from espnet2.export.decoding_table import pieces_of, table_lines
from espnet2.export.one_graph import ROLE, OneGraph
from espnet2.export.one_graph_checks import verify_one_graph
from espnet2.export.one_graph_recognizer import ALSD, CTC_BEAM, CTC_GREEDY, LABELS, TRANSDUCER, OneGraphRecognizer
from espnet2.export.quantize import quantize_int8
from espnet2.export.trace import export_component
from espnet2.inference.trained import Trained
from espnet2.interface.check import Check
from espnet2.interface.errors import OptionError
from espnet2.runtime.families.search import BEAM, GENERATED_TOKENS, SearchFamily, compare_nbest
from espnet2.runtime.one_graph import OneGraphRecognizer as OpenedGraph
from espnet2.runtime.results import Result
from espnet2.runtime.session import EXTERNAL_DATA_SUFFIX

INT8, TOKENS = f"{ROLE}_int8", f"{ROLE}_tokens"  # roles of files
TOKENS_FILE = "tokens.txt"
# Options of the split graphs' search, by search.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    CTC_GREEDY: {"ctc_greedy": True},
    CTC_BEAM: {"ctc_weight": 1.0},
    LABELS: {"ctc_weight": 0.3},
    TRANSDUCER: {"transducer_conf": {"search_type": "greedy"}, "lm_weight": 0.0},
    ALSD: {"transducer_conf": {"search_type": "alsd"}, "lm_weight": 0.0, "nbest": BEAM},
}


def recognizer_of(trained: Trained, search: str | None = None, beam_size: int = 10) -> OneGraphRecognizer:
    """Encoder and search of a recogniser; arguments, and `OptionError` for another model, as `Whole` has them."""
    if getattr(trained.tokenizer, "primer", None) is not None:
        raise OptionError("expected a model whose texts begin with the start symbol, found one with prompts")
    return OneGraphRecognizer(trained.parts, trained.section, search, beam_size)


def reference_of(trained: Trained, module: OneGraphRecognizer, options: Mapping[str, Any]) -> Callable[[Any], Any]:
    """The function from a signal to its n-best list by the split graphs on PyTorch, with the same search."""
    given = {**OPTIONS[module.kind], **options, "beam_size": module.beam_size, "ngram_weight": 0.0}
    run: Callable[[Any], Any] = trained.run(trained.family.read_options(given))
    return run


class Whole:
    """A model as one graph.

    Args:
        trained: the model: a recogniser of whole utterances, or a synthesiser that regulates lengths.
        search: of a recogniser, see `one_graph_recognizer`; None: the model's default.
        beam_size: of its beam search.

    Raises:
        OptionError: another model, which the sentence names, or a search that the model does not have.
    """

    def __init__(self, trained: Trained, search: str | None = None, beam_size: int = 10) -> None:
        self.trained = trained
        self.recognizes = isinstance(trained.family, SearchFamily)
        try:
            if not self.recognizes and search is not None:
                raise OptionError(f"expected no search, since the model is no recogniser, found {search}")
            self.module: Any = recognizer_of(trained, search, beam_size) if self.recognizes else OneGraph(trained.parts)
        except (OptionError, ValueError) as error:
            raise OptionError(f"--one_graph: {error}") from error

    @classmethod
    def in_file(cls, trained: Trained, path: Path) -> Whole:
        """The module that was exported to the graph `path`."""
        if not isinstance(trained.family, SearchFamily):
            return cls(trained)
        component = OpenedGraph(path).component
        return cls(trained, component.attribute("search", ""), component.attribute("beam_size", 10))

    def write(self, directory: Path, provenance: Mapping[str, Any]) -> dict[str, Path]:
        """Write the graph, and the table of its tokens, to `directory`; return files by role."""
        metadata = {key: str(value) for key, value in provenance.items()}
        metadata |= self.module.metadata() if self.recognizes else {}
        component = self.module.component()
        path = export_component(self.module, component, directory / f"{component.name}.onnx", metadata)
        found = _files(ROLE, path)
        section = self.trained.section
        pieces = pieces_of(section.tokens, (section.tokenizer or {}).get("token_type")) if self.recognizes else None
        if pieces is not None:
            table = directory / TOKENS_FILE
            table.write_bytes(table_lines(pieces))
            found[TOKENS] = table
        return found

    def quantized(
        self, path: Path, signals: Mapping[str, Any], bounded: bool, parts: Sequence[Path], outputs: bool
    ) -> tuple[dict[str, Path], float]:
        """Write the int8 sibling of the graph of a recogniser; return files by role, and the deviation of its results.

        Args:
            path: the graph.
            signals: whose results are compared; see `verify`.
            bounded: they are drawn.
            parts: the split graphs in fp32, the choice of whose layers it has.
            outputs: of `quantize_int8`.
        """
        found = quantize_int8(path, path.with_suffix(".int8.onnx"), outputs, parts) if self.recognizes else None
        if found is None:
            return {}, 0.0
        return _files(INT8, found), self.deviation(path, found, signals, bounded)

    def deviation(self, path: Path, int8: Path, signals: Mapping[str, Any], bounded: bool) -> float:
        """Difference of the results of the graph `int8` from those of `path`, in the terms of the family."""
        options = self._options(bounded)
        graphs = [self._opened(graph, options) for graph in (path, int8)]
        expected, found = ([_found(graph(signal)) for signal in signals.values()] for graph in graphs)
        return self.trained.family.deviation(expected, found)

    def verify(self, path: Path, signals: Mapping[str, Any], bounded: bool) -> list[Check]:
        """Compare the graph in `path` with PyTorch.

        Of a recogniser the n-best lists of signals, alone and as one batch; those that are drawn are `bounded`.
        """
        if not self.recognizes:
            return verify_one_graph(self.module, path)
        options = self._options(bounded)
        reference = reference_of(self.trained, self.module, options)
        graph = self._opened(path, options)
        expected = {name: reference(signal) for name, signal in signals.items()}
        alone = {name: graph(signal) for name, signal in signals.items()}
        together = dict(zip(signals, graph.batch(list(signals.values())), strict=True))
        subject = self.module.component().name
        checks = [compare_nbest(_results(expected[name]), _found(alone[name]), name) for name in signals]
        checks += [
            compare_nbest(_results(expected[name]), _found(together[name]), f"{name}, in a batch") for name in signals
        ]
        return [Check(subject, check.case, check.difference, check.tolerance) for check in checks]

    def _options(self, bounded: bool) -> dict[str, Any]:
        """Options of the search with which results are compared."""
        options: dict[str, Any] = {**OPTIONS[self.module.kind], "ngram_weight": 0.0}
        if self.module.kind in (CTC_BEAM, LABELS):
            options |= {"maxlenratio": -float(GENERATED_TOKENS) if bounded else 0.0, "nbest": BEAM, "lm_weight": 0.3}
            options["ctc_weight"] = self.trained.family.read_options(options).ctc_weight
        return options

    def _opened(self, path: Path, options: Mapping[str, Any]) -> OpenedGraph:
        known = {option.name for option in self.module.options}
        return OpenedGraph(path, **{name: value for name, value in options.items() if name in known})


def _files(role: str, path: Path) -> dict[str, Path]:
    """A graph and the file of its weights, if it has one, by role."""
    data = path.with_name(path.name + EXTERNAL_DATA_SUFFIX)
    return {role: path, **({f"{role}_data": data} if data.exists() else {})}


def _results(results: Any) -> list[Result]:
    """Results by token ids and scores alone."""
    return [Result(None, [], r.token_int, Hypothesis(np.array(r.token_int), r.hypothesis.score)) for r in results]


def _found(results: Any) -> list[Result]:
    return [Result(None, [], r.token_int, Hypothesis(np.array(r.token_int), r.score)) for r in results]
