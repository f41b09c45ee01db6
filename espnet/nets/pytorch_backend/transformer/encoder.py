"""Stack of Transformer encoder layers, and the table of feed-forward networks that other encoders use too."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.encoder_layer import EncoderLayer
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import Conv1dLinear, MultiLayeredConv1d
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet.nets.pytorch_backend.transformer.repeat import MultiSequential, repeat
from espnet.nets.pytorch_backend.transformer.subsampling import FrameInput, linear_input, positions_input, token_input


def feed_forward_maker(
    kind: str, size: int, hidden: int, kernel_size: int, dropout_rate: float, activation: nn.Module | None = None
) -> Callable[[], nn.Module]:
    """Return a function that makes the feed-forward networks of a stack.

    Args:
        kind: `positionwise_layer_type` of the configuration.
        size: D.
        hidden: size between the two layers.
        kernel_size: of the variants with convolutions, which have ReLU.
        dropout_rate: dropout between the layers.
        activation: of the variant without convolutions, ReLU by default.

    Raises:
        ValueError: an unknown `kind`.
    """
    makers: dict[str, Callable[[], nn.Module]] = {
        "linear": lambda: PositionwiseFeedForward(size, hidden, dropout_rate, activation),
        "conv1d": lambda: MultiLayeredConv1d(size, hidden, kernel_size, dropout_rate),
        "conv1d-linear": lambda: Conv1dLinear(size, hidden, kernel_size, dropout_rate),
    }
    return choose("positionwise_layer_type", kind, makers)


class EncoderStack(nn.Module):
    """Input layer, layers and a normalisation, called with a mask.

    Args:
        size: D.
        embed: input layer that keeps every frame.
        encoders: layers, called as `layer(x, bias, pos_emb, padding)`.
        normalize_before: whether layers normalise their input, so that the last layer's output is normalised too.
    """

    def __init__(self, size: int, embed: FrameInput, encoders: MultiSequential, normalize_before: bool):
        super().__init__()
        self.embed = embed
        self.encoders = encoders
        self.after_norm = LayerNorm(size) if normalize_before else nn.Identity()

    def forward(self, xs: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Encode.

        Args:
            xs: (B, T, idim), or (B, T) int64 tokens.
            masks: (B, 1 or T, T) bool, True at visible frames; frames that are visible to none are padding.

        Returns:
            (B, T, D), and `masks`.
        """
        seen = masks.any(dim=1)
        x, pos_emb, _ = self.embed(xs, seen.sum(dim=-1))
        return self.after_norm(self.encoders(x, attention_bias(masks, x.dtype), pos_emb, ~seen.unsqueeze(-1))), masks


class Encoder(EncoderStack):
    """Transformer encoder over tokens or frames, in one go or, as a language model, one position after another.

    Args:
        idim: size of the input, or number of tokens.
        attention_dim: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: "linear", "embed" or None; or a function that makes the input layer for a positional encoding.
        pos_enc_class: positional encoding.
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        padding_idx: token whose embedding is zero and not trained.
        stochastic_depth_rate: probability that training skips the last layer; less for those before.
    """

    def __init__(
        self,
        idim: int,
        attention_dim: int = 256,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int = 6,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.0,
        input_layer: str | Callable[[Positions], FrameInput] | None = "linear",
        pos_enc_class: Callable[[int, float], Positions] = PositionalEncoding,
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 1,
        padding_idx: int = -1,
        stochastic_depth_rate: float = 0.0,
    ):
        pos_enc = pos_enc_class(attention_dim, positional_dropout_rate)
        inputs: dict[str | None, Callable[[], FrameInput]] = {
            "linear": lambda: linear_input(idim, attention_dim, dropout_rate, pos_enc, relu=True),
            "embed": lambda: token_input(idim, attention_dim, dropout_rate, pos_enc, padding_idx),
            None: lambda: positions_input(idim, attention_dim, dropout_rate, pos_enc),
        }
        feed_forward = feed_forward_maker(
            positionwise_layer_type, attention_dim, linear_units, positionwise_conv_kernel_size, dropout_rate
        )
        layers = repeat(
            num_blocks,
            lambda index: EncoderLayer(
                attention_dim,
                MultiHeadedAttention(attention_heads, attention_dim, attention_dropout_rate),
                feed_forward(),
                dropout_rate,
                normalize_before,
                concat_after,
                stochastic_depth_rate * (index + 1) / num_blocks,
            ),
        )
        embed = input_layer(pos_enc) if callable(input_layer) else choose("input_layer", input_layer, inputs)()
        super().__init__(attention_dim, embed, layers, normalize_before)

    def step(
        self, xs: Tensor, keys: Iterable[Tensor], values: Iterable[Tensor], bias: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Encode the newest positions of hypotheses of which the others are known.

        Args:
            xs: (B, N, D), one position of each of N hypotheses, embedded by `embed.at`.
            keys, values: for each layer (rows, B, H, D/H) of known positions.
            bias: (B, 1, N, rows + 1) `attention_bias`, the last for the position itself; None if nothing is masked.

        Returns:
            (B, N, D), and for each layer keys and values (N, B, H, D/H) of the new positions.
        """
        new_keys, new_values = [], []
        for layer, k, v in zip(self.encoders, keys, values, strict=True):
            assert isinstance(layer, EncoderLayer)
            xs, k, v = layer.step(xs, k, v, bias)
            new_keys.append(k)
            new_values.append(v)
        return self.after_norm(xs), new_keys, new_values
