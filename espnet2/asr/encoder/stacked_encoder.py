"""Encoder that is a stack of equal layers, with intermediate CTC between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, make_pad_mask
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet.nets.pytorch_backend.transformer.repeat import MultiSequential
from espnet.nets.pytorch_backend.transformer.subsampling import Embedded, InputLayer
from espnet2.asr.encoder.abs_encoder import AbsEncoder


class StackedEncoder(AbsEncoder):
    """Input layer, layers, and a normalisation at the end.

    Args:
        input_size: F.
        output_size: D.
        embed: input layer.
        encoders: layers, called as `layer(x, bias, pos_emb, padding)`.
        normalize_before: whether layers normalise their input, so that the last layer's output is normalised too.
        interctc_layer_idx: layers, counted from 1, whose output also goes to CTC (Lee and Watanabe 2021).
        interctc_use_conditioning: add CTC's posteriors to the next layer's input (Nozaki and Komatsu 2021); the model
            then sets `conditioning_layer`, a linear layer from the vocabulary to D.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        embed: InputLayer,
        encoders: MultiSequential,
        normalize_before: bool,
        interctc_layer_idx: Sequence[int],
        interctc_use_conditioning: bool,
    ):
        super().__init__()
        outside = [index for index in interctc_layer_idx if not 0 < index < len(encoders)]
        if outside:
            raise UnfitOptionError(f"interctc_layer_idx {outside[0]} is not between 1 and {len(encoders) - 1}")
        self.input_size = input_size
        self._output_size = output_size
        self.length = embed.length
        self.embed = embed
        self.encoders = encoders
        self.normalize_before = normalize_before
        if normalize_before:
            self.after_norm = LayerNorm(output_size)
        self.interctc_layer_idx = list(interctc_layer_idx)
        self.interctc_use_conditioning = interctc_use_conditioning
        self.conditioning_layer: nn.Module | None = None

    def normalize(self, x: Tensor) -> Tensor:
        """The normalisation that ends a stack: (B, T', D) → (B, T', D)."""
        return self.after_norm(x) if self.normalize_before else x

    def forward(
        self,
        xs_pad: Tensor,
        ilens: Tensor,
        prev_states: Tensor | None = None,
        masks: Tensor | None = None,
        ctc: Any = None,
        return_all_hs: bool = False,
    ) -> tuple[Any, Tensor, Tensor | None]:
        """Encode a padded batch; padding does not change an utterance's result.

        Args:
            xs_pad: (B, T, F) features, or (B, T) int64 tokens for the input layer "embed".
            ilens: (B,) int64 lengths.
            prev_states: not used.
            masks: (B, T) bool, True at the padding behind each utterance, instead of `ilens`.
            ctc: with a method `softmax`, for conditioning on intermediate CTC.
            return_all_hs: also return every layer's output.

        Returns:
            (B, T', D), lengths (B,), None. With intermediate CTC or `return_all_hs` the first is a pair of that and
            the list of (layer, `intermediate` of its output (B, T', D)), or of every layer's output.

        Raises:
            TooShortUttError: fewer frames than the input layer needs.
            ValueError: conditioning without `ctc` or `conditioning_layer`.
        """
        self.check_length(xs_pad)
        embedded = self.embed(xs_pad, ilens if masks is None else (~masks).sum(dim=-1))
        return self.run_layers(embedded, self.interctc_layer_idx, ctc, return_all_hs)

    def run_layers(
        self,
        embedded: Embedded,
        interctc_layer_idx: Sequence[int],
        ctc: Any = None,
        return_all_hs: bool = False,
        max_layer: int | None = None,
        further: Sequence[Tensor | None] = (),
    ) -> tuple[Any, Tensor, Tensor | None]:
        """Run all layers after the input layer.

        Args:
            embedded: result of the input layer.
            interctc_layer_idx: layers, counted from 1, whose output goes to CTC.
            ctc, return_all_hs: as for `forward`.
            max_layer: number of layers to run, all by default.
            further: further arguments of the layers.

        Returns:
            As `forward`.
        """
        x, context = self.prepare(embedded)
        context = (*context, *further)
        hidden: list[Any] = []
        for index, layer in self.encoders.active():
            if max_layer is not None and index >= max_layer:
                break
            x = layer(x, *context)
            if index + 1 in interctc_layer_idx:
                hidden.append((index + 1, self.intermediate(x)))
                x = self.condition(x, hidden[-1][1], ctc)
            elif return_all_hs and not interctc_layer_idx:
                hidden.append(x)
        x = self.normalize(x)
        return ((x, hidden) if hidden else x), embedded[2], None

    def prepare(self, embedded: Embedded) -> tuple[Tensor, tuple[Any, ...]]:
        """Return the first layer's input and the further arguments of all layers: x (B, T', D), (bias, positions,
        padding)."""
        x, pos_emb, lengths = embedded
        padding = make_pad_mask(lengths, x.shape[1])
        return x, (attention_bias(~padding.unsqueeze(1), x.dtype), pos_emb, padding.unsqueeze(-1))

    def intermediate(self, x: Tensor) -> Tensor:
        """Input of intermediate CTC for a layer's output x (B, T', D) → (B, T', D)."""
        return self.normalize(x)

    def condition(self, x: Tensor, hidden: Tensor, ctc: Any) -> Tensor:
        """Add CTC's posteriors of `hidden` (B, T', D), mapped to D, to x (B, T', D)."""
        if not self.interctc_use_conditioning:
            return x
        if self.conditioning_layer is None or ctc is None:
            raise ValueError("interctc_use_conditioning needs the model's CTC and its conditioning_layer")
        return x + self.conditioning_layer(ctc.softmax(hidden))
