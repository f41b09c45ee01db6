"""Identification of languages with PyTorch: `Speech2Language` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import pytorch_options
from espnet2.inference.prepare import prepare, quantize
from espnet2.interface.families import family_of
from espnet2.runtime.identify import identify, language_options
from espnet2.runtime.s2t_language import FIRST, LAST, LanguageIdentifier
from espnet2.runtime.s2t_options import S2TOptions
from espnet2.utils.model_options import S2T
from espnet2.utils.upstream_options import require_dtype

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self


# Options of the command, with their defaults.
MODEL_OPTIONS: Mapping[str, Any] = {
    "dtype": "float32",
    "quantize_s2t_model": False,
    "quantize_modules": ["Linear"],
    "quantize_dtype": "qint8",
}


class Speech2Language(LanguageIdentifier):
    """Identifies languages with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        s2t_train_config: config.yaml of the model.
        s2t_model_file: Its weights; None, without a packed model either: see `untrained`, True as in upstream.
        device: PyTorch's device.
        batch_size: Without effect: recordings are read one by one.
        dtype: Precision of floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        nbest: Languages that are returned.
        quantize_s2t_model: Convert the weights of layers of these types, `quantize_modules`, to `quantize_dtype`.
        first_lang_sym, last_lang_sym: Symbols of the first and the last language, in the order of the tokens.
        use_flash_attn: Without effect.
        model_file: A packed model, instead of config and weights.
        model_tag: A packed model: its name on the Hugging Face hub, or its path.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.

    Raises:
        OptionError: An option has a value that is not allowed.
        EspnetError: A file cannot be used.
    """

    def __init__(
        self,
        s2t_train_config: Path | str | None = None,
        s2t_model_file: Path | str | None = None,
        device: str | torch.device = "cpu",
        batch_size: int = 1,
        dtype: str = "float32",
        nbest: int = 1,
        quantize_s2t_model: bool = False,
        quantize_modules: Sequence[str] = ("Linear",),
        quantize_dtype: str = "qint8",
        first_lang_sym: str = FIRST,
        last_lang_sym: str = LAST,
        use_flash_attn: bool = False,
        *,
        model_file: Path | str | None = None,
        model_tag: Path | str | None = None,
        untrained: bool = True,
    ) -> None:
        from espnet2.inference.trained import load_trained

        require_dtype(dtype)
        trained = load_trained(
            s2t_train_config=s2t_train_config,
            s2t_model_file=s2t_model_file,
            model_file=model_file,
            model_tag=None if model_tag is None else str(model_tag),
            untrained=untrained,
            family=family_of("s2t"),
        )
        prepare(trained, str(device), dtype)
        quantize(trained, quantize_s2t_model, False, quantize_modules, quantize_dtype)
        self.trained = trained
        self.device, self.dtype = str(device), dtype
        self.s2t_model, self.s2t_train_args = trained.model, trained.config
        super().__init__(trained.runtime_model(S2TOptions()), nbest, first_lang_sym, last_lang_sym)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The identifier of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def identify_recordings(args: argparse.Namespace) -> int:
    """Identify the languages of the recordings that the options name, with PyTorch; returns the exit status."""
    names = ("s2t_train_config", "s2t_model_file", "model_file", *MODEL_OPTIONS)
    model = {name: getattr(args, name) for name in names} | language_options(args)
    device = pytorch_options(args, S2T)["device"]
    return identify(
        args, lambda: Speech2Language.from_pretrained(args.model_tag, **model, device=device, untrained=False)
    )
