"""BEATs (Chen et al. 2022): a Transformer over patches of the spectrogram."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, make_pad_mask, require_positive
from espnet.nets.pytorch_backend.pretrained.beats import GatedAttention, RelativeBuckets
from espnet.nets.pytorch_backend.pretrained.context import ContextNetwork
from espnet.nets.pytorch_backend.pretrained.files import read_model
from espnet.nets.pytorch_backend.pretrained.layer import PretrainedLayer
from espnet.nets.pytorch_backend.pretrained.names import FAIRSEQ
from espnet.nets.pytorch_backend.state_names import State, upgrade_on_load
from espnet.nets.pytorch_backend.transformer.positional_convolution import PositionalConv
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.specaug.specaug import SpecAug
from espnet2.interface.spec import Axis, Length
from espnet2.layers.kaldi_fbank import KaldiFbank

N_MELS = 128
PATCH = 16  # frames and mel bands
SHORTEST = 3200  # samples (0.2 s) below which an utterance is repeated
# Samples of padding that make room for repeated utterances. These have the patches of one time step, or of two from
# this length on.
MARGIN = 2680
POSITIONS_FROM = 2  # unused entries at the start of the table of positions
ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}
# Further options of published models, which only training and the classifier on top read.
TRAINING = (
    *("activation_dropout", "attention_dropout", "dropout", "dropout_input", "encoder_layerdrop"),
    *("finetuned_model", "layer_wise_gradient_decay_ratio", "predictor_class", "predictor_dropout"),
)
CLASSIFIER = "predictor."  # of fine-tuned published models; not used


@dataclass(frozen=True)
class BeatsSizes:
    """Sizes of a network, named as in `beats_config` and checkpoints."""

    input_patch_size: int = PATCH
    embed_dim: int = 512
    conv_bias: bool = False
    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    activation_fn: str = "gelu"
    layer_norm_first: bool = False
    deep_norm: bool = False
    conv_pos: int = 128
    conv_pos_groups: int = 16
    relative_position_embedding: bool = False
    num_buckets: int = 320
    max_distance: int = 1280
    gru_rel_pos: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> BeatsSizes:
        """Select the network's options from `options`; the others must be known options of training.

        Raises:
            ValueError: an unknown option.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in (*known, *TRAINING):
                raise ValueError(f"beats_config: unknown option {name!r}; known ones: {', '.join((*known, *TRAINING))}")
        return cls(**{key: value for key, value in options.items() if key in known})

    def __post_init__(self) -> None:
        choose("activation_fn", self.activation_fn, ACTIVATIONS)
        require_positive(embed_dim=self.embed_dim)
        if self.input_patch_size != PATCH:  # upstream counts frames in patches of 16, and gives NaN for others
            raise ValueError(f"input_patch_size: expected {PATCH}, found {self.input_patch_size}")
        if self.deep_norm and self.layer_norm_first:
            raise ValueError("deep_norm: expected layer_norm_first to be false with it, found true")
        if self.relative_position_embedding and not 4 <= self.num_buckets // 2 * 2 < 4 * self.max_distance:
            raise ValueError(f"num_buckets: expected 4 to {4 * self.max_distance - 1}, found {self.num_buckets}")


# Of the models that were published as BEATs_iter1, BEATs_iter2, BEATs_iter3.
PUBLISHED = BeatsSizes(deep_norm=True, relative_position_embedding=True, max_distance=800, gru_rel_pos=True)


class BeatsEncoder(ContextNetwork, AbsEncoder):
    """Kaldi's filter bank, embedding of patches, and a Transformer over all patches.

    Utterances below 0.2 s are repeated until they are longer.

    If the file at `beats_ckpt_path` exists, it gives sizes and initial weights, which training or a checkpoint
    replaces. Nothing is downloaded.

    Args:
        input_size: not used; the input is samples at 16 kHz.
        beats_ckpt_path: a published model's file. Without it, sizes are those of `beats_config`, by default the
            published models'.
        max_layer: number of layers to run; by default all, and the normalisation after them.
        downsampling_rate: stride of a convolution over the output; 1 for none.
        adapter_config: not supported.
        use_weighted_representation: output a trained weighted mean of the layers' outputs and their first input, up to
            `max_layer`.
        beats_config: sizes, named as in `BeatsSizes`; they override those of the file.
        specaug_config: options of `SpecAug`.
        add_positional_information: add a trained table of positions to the output.
        max_positions: size of that table; later frames get its last entry.
        fbank_mean, fbank_std: mean and deviation by which features are normalised.
        roll_augment, roll_interval: of training.
        is_pretraining: must be false.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        beats_ckpt_path: str | None = None,
        max_layer: int | None = None,
        downsampling_rate: int = 1,
        adapter_config: str = "",
        use_weighted_representation: bool = False,
        beats_config: dict | None = None,
        specaug_config: dict | None = None,
        add_positional_information: bool = False,
        max_positions: int | None = None,
        fbank_mean: float = 15.41663,
        fbank_std: float = 6.55582,
        roll_augment: bool = False,
        roll_interval: int = 1600,
        is_pretraining: bool | None = False,
    ):
        sizes, weights = _sizes(beats_ckpt_path, beats_config)
        if adapter_config:
            raise ValueError(
                f"adapter_config: expected none, since adapters are not supported; found {adapter_config!r}"
            )
        if is_pretraining:
            raise ValueError("is_pretraining: expected false, since pre-training is another task, found true")
        embedding = None
        if sizes.relative_position_embedding:
            embedding = nn.Embedding(sizes.num_buckets, sizes.encoder_attention_heads)
        super().__init__(
            sizes.embed_dim,
            sizes.encoder_embed_dim,
            FAIRSEQ,
            PositionalConv(
                sizes.encoder_embed_dim, sizes.conv_pos, sizes.conv_pos_groups, FAIRSEQ.gain, FAIRSEQ.direction
            ),
            lambda: _layer(sizes, embedding),
            sizes.encoder_layers,
            sizes.layer_norm_first,
            always_project=False,
        )
        self.input_size = 1
        self._output_size = sizes.encoder_embed_dim
        self.fbank = KaldiFbank(N_MELS)
        self.fbank_mean, self.fbank_scale = fbank_mean, 2.0 * fbank_std
        self.specaug = SpecAug(**specaug_config) if specaug_config else None
        self.patch_embedding = nn.Conv2d(1, sizes.embed_dim, PATCH, PATCH, bias=sizes.conv_bias)
        self.buckets = RelativeBuckets(sizes.num_buckets, sizes.max_distance) if embedding is not None else None
        self.patch_length = self.fbank.length.then(Length.conv(PATCH, PATCH)).then(Length.multiplied(N_MELS // PATCH))
        if weights is not None:
            self.start_from(weights, str(beats_ckpt_path))
        self.add_output(max_layer, use_weighted_representation, downsampling_rate)
        self.cross_embed_positions = _positions(add_positional_information, max_positions, self._output_size)
        upgrade_on_load(self)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Drop the all-ones kernels with which upstream counts frames since 202609, which are not weights."""
        for name in ("raw2fbank_pad", "patch_embedding_pad"):
            state.pop(f"{prefix}{name}.weight", None)

    def start_from(self, weights: Mapping[str, Tensor], path: str) -> None:
        """Load a published model's weights; raises `ValueError` for weights of neither the network nor a classifier."""
        weights = {key: value for key, value in weights.items() if not key.startswith(CLASSIFIER)}
        self.upgrade_state(weights, "")
        shapes = {key: value.shape for key, value in self.state_dict().items()}
        found = {key: getattr(value, "shape", None) for key, value in weights.items()}
        wrong = [key for key in {**shapes, **found} if shapes.get(key) != found.get(key)]
        if wrong:
            raise ValueError(
                f"{path}: expected {len(shapes)} weights of the sizes that it names, found {len(wrong)} missing, left "
                f"over or of another shape, {wrong[0]} among them"
            )
        self.load_state_dict(weights)

    def add_output(self, max_layer: int | None, weighted: bool, downsampling_rate: int) -> None:
        """Register the modules that follow the layers."""
        if max_layer is not None and not 0 <= max_layer <= len(self.layers):
            raise ValueError(f"max_layer: expected 0 to {len(self.layers)}, found {max_layer}")
        self.valid_length = self.patch_length
        self.weighted = weighted
        if weighted:
            max_layer = 1 if max_layer is None else max_layer
            self.layer_weights = nn.Parameter(torch.ones(max_layer + 1, 1))
        self.max_layer = max_layer
        self.downsample_conv = None
        if downsampling_rate > 1:
            kernel, size = round(1.5 * downsampling_rate), self._output_size
            self.downsample_conv = nn.Conv1d(size, size, kernel, downsampling_rate)
            self.valid_length = self.valid_length.then(Length.conv(kernel, downsampling_rate))
        self.length = Length(((MARGIN, 1, 0),)).then(self.valid_length)

    @property
    def layers(self) -> list[Any]:
        """The layers, first to last."""
        return list(self.part(self.names.layers).children())

    @property
    def reads(self) -> tuple[Axis, ...]:
        """Samples."""
        return ("samples",)

    def forward(
        self, xs_pad: Tensor, ilens: Tensor, prev_states: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Samples xs_pad (B, N) of lengths ilens (B,) → (B, T, D), lengths (B,), None.

        Raises:
            TooShortUttError: fewer than 120 samples, which upstream repeats, too.
        """
        self.check_length(xs_pad)
        samples, ilens = repeat_short(xs_pad, ilens)
        features = (self.fbank(samples) - self.fbank_mean) / self.fbank_scale
        if self.specaug is not None and self.training:
            features, _ = self.specaug(features, self.fbank.length(ilens))
        # The patches of one time step follow each other, from low to high frequencies.
        patches = self.patch_embedding(features.unsqueeze(1)).flatten(2).transpose(1, 2)
        lengths = self.patch_length(ilens).clamp(min=0)
        x = self.represent(patches, make_pad_mask(lengths, patches.shape[1]))
        if self.downsample_conv is not None:
            x, lengths = self.downsample_conv(x.transpose(1, 2)).transpose(1, 2), self.valid_length(ilens).clamp(min=0)
        if self.cross_embed_positions is not None:
            place = torch.arange(x.shape[1], device=x.device) + POSITIONS_FROM
            x = x + self.cross_embed_positions(place.clamp(max=self.cross_embed_positions.num_embeddings - 1))
        return x, lengths, None

    def represent(self, patches: Tensor, padding: Tensor) -> Tensor:
        """Run the layers: patches (B, T, C), padding (B, T) → (B, T, D)."""
        scores = None
        if self.buckets is not None:
            attention = self.layers[0].part(FAIRSEQ.layer.attention)
            scores = self.buckets(attention.relative_attention_bias.weight, patches.shape[1])
        if self.max_layer is None:
            return self.contextualize(patches, padding, scores)
        hidden = list(itertools.islice(self.hidden(patches, padding, scores), self.max_layer + 1))
        if not self.weighted:
            return hidden[-1]
        weights = torch.softmax(self.layer_weights, dim=0)
        return (torch.stack(hidden) * weights[..., None, None]).sum(dim=0)


def repeat_short(samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Repeat utterances below `SHORTEST` until they are longer: (B, N), (B,) → (B, N + `MARGIN`), (B,).

    The new lengths may exceed that, by less than a patch.
    """
    times = torch.where(lengths < SHORTEST, torch.full_like(lengths, SHORTEST) // lengths.clamp(min=1) + 1, 1)
    place = torch.arange(samples.shape[1] + MARGIN, device=samples.device)
    return samples.gather(1, place % lengths.unsqueeze(1)), lengths * times


def _layer(sizes: BeatsSizes, embedding: nn.Embedding | None) -> PretrainedLayer:
    size, heads = sizes.encoder_embed_dim, sizes.encoder_attention_heads
    return PretrainedLayer(
        size,
        GatedAttention(heads, size, embedding, sizes.gru_rel_pos),
        sizes.encoder_ffn_embed_dim,
        FAIRSEQ.layer,
        sizes.layer_norm_first,
        (2.0 * sizes.encoder_layers) ** 0.25 if sizes.deep_norm else 1.0,
        ACTIVATIONS[sizes.activation_fn](),
    )


def _positions(wanted: bool, count: int | None, size: int) -> nn.Embedding | None:
    if not wanted:
        return None
    if count is None:
        raise ValueError("max_positions: expected a number with add_positional_information, found none")
    return nn.Embedding(count + POSITIONS_FROM, size)


def _sizes(path: str | None, config: dict | None) -> tuple[BeatsSizes, dict[str, Tensor] | None]:
    if path is None:
        return BeatsSizes.of(config or {}), None
    if not Path(path).is_file():
        return (PUBLISHED if config is None else BeatsSizes.of(config)), None
    kind = "a BEATs model with cfg and model"
    content = read_model(path, kind)
    options, weights = content.get("cfg"), content.get("model")
    if not isinstance(options, Mapping) or not isinstance(weights, Mapping):
        raise ValueError(f"{path}: expected {kind}, found something else")
    return BeatsSizes.of({**options, **(config or {})}), dict(weights)
