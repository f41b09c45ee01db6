"""Text to speech that is trained against a discriminator: a synthesis model between features and normalisation."""

from __future__ import annotations

from typing import Any

from espnet2.gan_tts.abs_gan_tts import AbsGANTTS
from espnet2.interface.errors import ConfigError
from espnet2.layers.inversible_interface import InversibleInterface
from espnet2.train.abs_gan_espnet_model import AbsGANESPnetModel
from espnet2.tts.espnet_model import ESPnetTTSModel
from espnet2.tts.feats_extract.abs_feats_extract import AbsFeatsExtract


class ESPnetGANTTSModel(ESPnetTTSModel, AbsGANESPnetModel):
    """Synthesis model with a discriminator, and with what it is trained on.

    Args:
        feats_extract, normalize, pitch_extract, pitch_normalize, energy_extract, energy_normalize: see
            `ESPnetTTSModel`.
        tts: the synthesis model, whose `generator` gives a hop of the features for each frame.

    Raises:
        ConfigError: features of another hop than the samples that the generator gives for a frame.
    """

    def __init__(
        self,
        feats_extract: AbsFeatsExtract | None,
        normalize: InversibleInterface | None,
        pitch_extract: AbsFeatsExtract | None,
        pitch_normalize: InversibleInterface | None,
        energy_extract: AbsFeatsExtract | None,
        energy_normalize: InversibleInterface | None,
        tts: AbsGANTTS,
    ):
        super().__init__(
            feats_extract=feats_extract,
            pitch_extract=pitch_extract,
            energy_extract=energy_extract,
            normalize=normalize,
            pitch_normalize=pitch_normalize,
            energy_normalize=energy_normalize,
            tts=tts,
        )
        if feats_extract is not None:
            hop, factor = feats_extract.get_parameters()["n_shift"], self.tts.upsample_factor
            if hop != factor:
                raise ConfigError(
                    f"feats_extract_conf.hop_length: expected {factor} samples, which the generator gives for each "
                    f"frame, found {hop}"
                )

    def forward(self, forward_generator: bool = True, **batch: Any) -> Any:
        """The loss of a batch.

        Args:
            forward_generator: whether it is the generator's loss, or the discriminator's.
            batch: those of `ESPnetTTSModel.training_batch`.

        Returns:
            `loss`, `stats` (statistics by name), `weight` of the batch, and `optim_idx`: 0 for the generator's
            optimiser, 1 for the discriminator's.
        """
        return self.tts(forward_generator=forward_generator, **self.training_batch(**batch))
