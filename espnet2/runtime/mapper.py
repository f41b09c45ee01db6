"""Models that map speech to a result by one graph, which onnxruntime or PyTorch runs; in bundles, and elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from espnet2.interface.errors import AudioError
from espnet2.interface.families import family_of
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.loading import find_bundle, load
from espnet2.runtime.map_model import MapModel
from espnet2.runtime.memory import usable_memory
from espnet2.runtime.option_fields import OptionFields, is_integer, option, require
from espnet2.runtime.options import PROVIDERS
from espnet2.runtime.speech import unpadded

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class MapOptions(OptionFields):
    """Options of inference; raises `OptionError` for a value that is not allowed."""

    purpose = "inference"

    batch_size: int = option(1, "utterances that go through the graph together")

    def __post_init__(self) -> None:
        size = self.batch_size
        require(is_integer(size) and size >= 1, "batch_size", "an integer of at least 1", size)


class Mapper(ABC):
    """Base of what maps speech to results.

    Args:
        model: The graph, and the section of its bundle.
        options: Of inference, `MapOptions` or more.
    """

    def __init__(self, model: MapModel, options: Any) -> None:
        self.model, self.options = model, options
        self.sample_rate: int = model.section.sample_rate

    @property
    def speech_axes(self) -> int:
        """Number of axes of an utterance."""
        return len(self.model.component.inputs[0].axes) - 1

    @abstractmethod
    def result(self, outputs: Mapping[str, np.ndarray]) -> Any:
        """The result of an utterance from the outputs of the graph for it."""

    def __call__(self, speech: Any) -> Any:
        """The result of one utterance.

        Args:
            speech: Samples (T,), floating point in [-1, 1), at the model's rate, or (T, C), of whose channels the first
                counts; features (T, F) for a model without front end.

        Raises:
            AudioError: Speech that has no result: too short or too long (see `MapModel.check`), not finite, of another
                type or shape.
        """
        return self.results([self.check(speech)])[0]

    def batch(self, speech: Any, speech_lengths: Any = None) -> Any:
        """Results of several utterances; each gets what it gets alone.

        Args:
            speech: Utterances as a list, or padded ones, (B, T), or (B, T, F) of features, with their lengths.
            speech_lengths: Samples, or frames, of each padded utterance, (B,); of a list it does nothing.

        Raises:
            AudioError: See `__call__`; or no utterance, or lengths that padded speech does not have.
        """
        speeches = speech if isinstance(speech, list | tuple) else unpadded(speech, speech_lengths)
        if not speeches:
            raise AudioError("speech: expected at least one utterance, found none")
        found = [self.check(one, f"speech {number}") for number, one in enumerate(speeches, 1)]
        size = self.options.batch_size
        return [one for start in range(0, len(found), size) for one in self.results(found[start : start + size])]

    def check(self, speech: Any, name: str = "speech") -> np.ndarray:
        """Speech as the graph takes it, in float32; errors call it `name`. See `MapModel.check`."""
        return self.model.check(speech, name)

    def results(self, speeches: Sequence[np.ndarray]) -> list[Any]:
        """Results of utterances that `check` gave, which go through the graph together."""
        outputs = self.compute(speeches)
        return [self.result({name: rows[at] for name, rows in outputs.items()}) for at in range(len(speeches))]

    def compute(self, speeches: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs of the graph (B, ...) for utterances that `check` gave, in as many batches as memory asks for."""
        together = len(speeches) * self.model.memory(max(map(len, speeches)))
        if len(speeches) > 1 and together > usable_memory():
            half = len(speeches) // 2
            first, second = self.compute(speeches[:half]), self.compute(speeches[half:])
            return {name: np.concatenate([rows, second[name]]) for name, rows in first.items()}
        return self.model.outputs(speeches)


class BundleMapper(Mapper):
    """Base of what maps speech with a bundle of one task, without PyTorch.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx` wrote, or a loaded `Bundle`.
        quantized: Run the bundle's int8 graph, where it has one.
        num_threads: Threads of the graph (default: all cores that the process may use).
        providers: Execution providers of onnxruntime, most wanted first.
        verify: Compute the checksums of all files, even of those that have not changed since they were compared.
        options: Those of the task's family; `device`, `cpu` or `cuda`, instead of providers.

    Raises:
        BundleError: The bundle cannot be used.
        OptionError: An option has a value that is not allowed.
    """

    task: ClassVar[str]

    def __init__(
        self,
        bundle: str | Path | Bundle,
        *,
        quantized: bool = False,
        num_threads: int | None = None,
        providers: Sequence[str] = PROVIDERS,
        verify: bool = False,
        **options: Any,
    ) -> None:
        family = family_of(self.task)
        loaded = load(
            bundle,
            family,
            family.entry,
            options,
            quantized=quantized,
            num_threads=num_threads,
            providers=providers,
            verify=verify,
        )
        self.bundle = loaded.bundle
        super().__init__(loaded.model, loaded.options)

    @classmethod
    def from_pretrained(cls, model_tag: str | Path, **options: Any) -> Self:
        """The model of a bundle: its directory, or its repository on the Hugging Face hub."""
        return cls(find_bundle(model_tag), **options)
