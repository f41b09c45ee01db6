"""Residual networks over frequency and time (He et al. 2016), as speaker encoders (Zeinali et al. 2019)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive
from espnet2.interface.spec import Length
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder
from espnet2.spk.layers.padding import frames_and_lengths, padding_of, silent
from espnet2.spk.layers.resnet_block import BasicBlock, Bottleneck, ResidualBlock

# Name of a network -> its block, and blocks of each of its four layers.
RESNETS: dict[str, tuple[type[ResidualBlock], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
    "resnet221": (Bottleneck, (6, 16, 48, 3)),
    "resnet293": (Bottleneck, (10, 20, 64, 3)),
}


class ResNetEncoder(AbsSpeakerEncoder):
    """Four layers of residual blocks, of which all but the first halve frequency and time and double the channels.

    Args:
        input_size: F, size of the features.
        block: class of the blocks.
        num_blocks: of each layer.
        m_channels: channels of the first layer.
        resnet_type: a name in `RESNETS`, instead of `block` and `num_blocks`.

    Raises:
        ValueError: an unknown name, or a size below 1.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        block: type[ResidualBlock] = BasicBlock,
        num_blocks: tuple | list = (2, 2, 2, 2),
        m_channels: int = 32,
        resnet_type: str | None = None,
    ):
        super().__init__()
        require_positive(input_size=input_size, m_channels=m_channels)
        if resnet_type is not None:
            block, num_blocks = choose("resnet_type", resnet_type, RESNETS)
        self.input_size = input_size
        self.conv1 = nn.Conv2d(1, m_channels, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(m_channels)
        self.relu = nn.ReLU()
        layers = [nn.ModuleList() for _ in num_blocks]
        read, length = m_channels, Length()
        for index, (layer, blocks) in enumerate(zip(layers, num_blocks, strict=True)):
            for position in range(blocks):
                made = block(read, m_channels * 2**index, 2 if index and not position else 1)
                layer.append(made)
                read, length = m_channels * 2**index * made.expansion, length.then(made.length)
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self.length = length
        self._output_size = read * length(input_size)  # frequency shrinks as time does

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `AbsSpeakerEncoder.forward`; 8 frames become one."""
        x, lengths = frames_and_lengths(x, lengths)
        x = self.relu(self.bn1(self.conv1(silent(x, padding_of(x, lengths)).unsqueeze(1))))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in layer:
                x, lengths = block(x, lengths), cast(ResidualBlock, block).length(lengths)
        return x.transpose(1, 2).flatten(1, 2)  # frequency by frequency
