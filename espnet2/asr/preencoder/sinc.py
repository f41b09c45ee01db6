"""Lightweight sinc convolutions (Kürzinger et al. 2020): features of windows of samples by band-pass filters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.layers.frequency import parse_frequency
from espnet2.layers.sinc_conv import LogCompression, SincConv

WINDOW = 400  # samples of a window: 25 ms at 16 kHz
BANDS, BAND_KERNEL = 128, 101  # filters, and samples of each
SPATIAL = 0.15  # dropout


class SpatialDropout(nn.Module):
    """Dropout of whole channels (Tompson et al. 2015).

    Args:
        dropout_probability: probability of dropping a channel.
        shape: order of axes of the input in which channels come second; by default (0, 2, 1).
    """

    @typechecked
    def __init__(self, dropout_probability: float = SPATIAL, shape: tuple | list | None = None):
        super().__init__()
        self.dropout = nn.Dropout1d(dropout_probability)
        self.shape = (0, 2, 1) if shape is None else tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        """x, three axes, → the same shape."""
        back = sorted(range(len(self.shape)), key=self.shape.__getitem__)
        return self.dropout(x.permute(self.shape)).permute(back)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"leakyrelu": nn.LeakyReLU, "relu": nn.ReLU}
# Of (B, C, T), `spatial` drops whole steps, and `dropout2d` whole channels.
DROPOUTS: dict[str, Callable[[float], nn.Module]] = {
    "dropout": nn.Dropout,
    "spatial": SpatialDropout,
    "dropout2d": nn.Dropout1d,
}


class LightweightSincConvs(AbsPreEncoder):
    """Band-pass filters and depthwise convolutions over windows of 400 samples from the front end `sliding_window`; one
    vector for each window.

    Args:
        fs: Hz.
        in_channels: channels of the samples.
        out_channels: D, a multiple of 128.
        activation_type: one of `ACTIVATIONS`.
        dropout_type: one of `DROPOUTS`.
        windowing_type: window of the band passes, `hamming` or `none`.
        scale_type: scale of the initial bands, `mel` or `bark`.

    Raises:
        ValueError: an unknown name, or sizes that do not fit together.
    """

    @typechecked
    def __init__(
        self,
        fs: int | str | float = 16000,
        in_channels: int = 1,
        out_channels: int = 256,
        activation_type: str = "leakyrelu",
        dropout_type: str = "dropout",
        windowing_type: str = "hamming",
        scale_type: str = "mel",
    ):
        super().__init__()
        require_positive(in_channels=in_channels, out_channels=out_channels)
        if out_channels % BANDS:
            raise ValueError(f"out_channels: expected a multiple of {BANDS}, found {out_channels}")
        self.activation = choose("activation_type", activation_type, ACTIVATIONS)
        self.dropout = choose("dropout_type", dropout_type, DROPOUTS)
        rate = fs if isinstance(fs, float) else parse_frequency(fs)
        self.fs = round(rate)
        self.reads = ("frames", in_channels, WINDOW)
        self.out_channels = out_channels
        self.filters = SincConv(
            in_channels, BANDS, BAND_KERNEL, window_func=windowing_type, scale_type=scale_type, fs=rate
        )
        bands = {
            "Filters": self.filters,
            "LogCompression": LogCompression(),
            "BatchNorm": nn.BatchNorm1d(BANDS),
            "AvgPool": nn.AvgPool1d(2),
        }
        blocks = {
            "SincConvBlock": nn.Sequential(OrderedDict(bands)),
            "DConvBlock1": self.block(BANDS, BANDS, 25, 2, 0.1, pool=True),
            "DConvBlock2": self.block(BANDS, out_channels),
            "DConvBlock3": self.block(out_channels, out_channels),
            "DConvBlock4": self.block(out_channels, out_channels),
            "DConvBlock5": self.block(out_channels, out_channels, 7),
        }
        self.blocks = nn.Sequential(OrderedDict(blocks))

    def espnet_initialization_fn(self) -> None:
        """Initialise the filters on the chosen scale; called by `espnet2.torch_utils.initialize`."""
        self.filters.init_filters()
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)

    def block(
        self, idim: int, odim: int, kernel: int = 9, stride: int = 1, dropout: float = 0.15, pool: bool = False
    ) -> nn.Sequential:
        """Depthwise convolution, activation, normalisation, and mean over two steps if `pool`."""
        layers: dict[str, nn.Module] = {
            "depthwise": nn.Conv1d(idim, odim, kernel, stride, groups=idim),
            "activation": self.activation(),
            "batchnorm": nn.BatchNorm1d(odim),
        }
        if pool:
            layers["avgpool"] = nn.AvgPool1d(2)
        layers["dropout"] = self.dropout(dropout)
        return nn.Sequential(OrderedDict(layers))

    def output_size(self) -> int:
        """D."""
        return self.out_channels

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, T, C, 400) and lengths (B,) to (B, T, D) and lengths (B,)."""
        return self.blocks(input.flatten(0, 1)).flatten(1).unflatten(0, input.shape[:2]), input_lengths
