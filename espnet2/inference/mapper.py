"""Models that map speech, on PyTorch: the base of classes with the names and arguments of upstream's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from espnet2.inference.prepare import prepare
from espnet2.interface.families import FAMILIES, family_of
from espnet2.runtime.mapper import Mapper
from espnet2.utils.upstream_options import require_dtype

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self


class TrainedMapper(Mapper):
    """Base of what maps speech with a trained model of one task.

    Args:
        config: config.yaml of the model.
        weights: Its weights; None, without a packed model either: see `untrained`.
        options: Of inference.
        device: Where PyTorch computes.
        dtype: In which floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        model_tag: A packed model (file, directory or name on the Hugging Face hub), instead of config and weights.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.
        files: Other files of the model, by their options.

    Raises:
        OptionError: An option has a value that is not allowed.
        EspnetError: A file cannot be used.
    """

    task: ClassVar[str]

    def __init__(
        self,
        config: Path | str | None,
        weights: Path | str | None,
        options: Any,
        device: str | torch.device = "cpu",
        dtype: str = "float32",
        *,
        model_tag: Path | str | None = None,
        untrained: bool = True,
        **files: Path | str | None,
    ) -> None:
        from espnet2.inference.trained import load_trained

        require_dtype(dtype)
        row = FAMILIES[self.task]
        named: dict[str, Any] = {row.config: config, row.weights: weights, **files}
        self.trained = load_trained(
            **named,
            untrained=untrained,
            family=family_of(self.task),
            model_tag=None if model_tag is None else str(model_tag),
        )
        prepare(self.trained, str(device), dtype)
        self.device, self.dtype = str(device), dtype
        super().__init__(self.trained.runtime_model(options), options)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The model of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)
