"""Vocoders, which other packages train: how they are read, and what goes into a bundle."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from espnet2.interface.errors import ConfigError
from espnet2.runtime.families.vocoder import VocoderSection
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.choices import Choices
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.tts.utils.parallel_wavegan_pretrained_vocoder import GENERATORS, ParallelWaveGANPretrainedVocoder

GENERATOR = Choices("generator_type", GENERATORS)


class VocoderTask(AbsTask):
    """Vocoders of the package parallel_wavegan."""

    name = "vocoder"
    rows = (GENERATOR,)

    @classmethod
    def assemble(cls, config: Namespace) -> Any:
        """Not possible: other packages train vocoders, and write their configurations."""
        raise ConfigError("vocoder: expected a file of weights with its config.yml, found a training configuration")

    @classmethod
    def build_model_from_file(
        cls,
        config_file: str | Path | None = None,
        model_file: str | Path | None = None,
        device: str = "cpu",
    ) -> tuple[Any, Namespace]:
        """Build the vocoder of config.yml (by default beside the weights) and load `model_file` into it.

        Returns the vocoder in evaluation mode, with its weights folded; and `fs`, `in_channels`, `units` (0 of one that
        reads features) and `features`.
        """
        vocoder = ParallelWaveGANPretrainedVocoder(model_file, config_file).to(device)
        generator = vocoder.vocoder
        sizes = {"in_channels": generator.in_channels, "units": generator.units}
        return vocoder, Namespace(fs=vocoder.fs, features=vocoder.features, **sizes)

    @classmethod
    def section(cls, model: Any, config: Namespace, tokenizer: AbsTokenizer | None, streams: bool) -> VocoderSection:
        """Sampling rate and features."""
        return VocoderSection(config.fs, config.features)
