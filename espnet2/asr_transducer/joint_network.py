"""Joint network of a transducer (Graves et al. 2013): scores of the next label at one frame after some labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet.nets.pytorch_backend.state_names import State, upgrade_on_load
from espnet2.asr_transducer.activation import get_activation
from espnet2.interface import spec


class JointNetwork(nn.Module):
    """Sum of projected encoder and decoder output, an activation, and an output layer.

    Args:
        output_size: V, with the blank.
        encoder_size: size of the encoder's output.
        decoder_size: size of the decoder's output.
        joint_space_size: J.
        joint_activation_type: one of `activation.ACTIVATIONS`.
        lin_dec_bias: whether the decoder's projection has a bias.
        activation_parameters: some of `activation.PARAMETERS`.
    """

    @typechecked
    def __init__(
        self,
        output_size: int,
        encoder_size: int,
        decoder_size: int,
        joint_space_size: int = 256,
        joint_activation_type: str = "tanh",
        lin_dec_bias: bool = True,
        **activation_parameters: float,
    ):
        super().__init__()
        require_positive(joint_space_size=joint_space_size)
        self.lin_enc = nn.Linear(encoder_size, joint_space_size)
        self.lin_dec = nn.Linear(decoder_size, joint_space_size, bias=lin_dec_bias)
        self.lin_out = nn.Linear(joint_space_size, output_size)
        self.joint_activation = get_activation(joint_activation_type, **activation_parameters)
        upgrade_on_load(self)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Add a zero bias to the decoder's projection in checkpoints of releases 202209 to 202304, which have none."""
        weight, bias = state.get(f"{prefix}lin_dec.weight"), f"{prefix}lin_dec.bias"
        if self.lin_dec.bias is not None and weight is not None:
            state.setdefault(bias, weight.new_zeros(len(weight)))

    def forward(self, enc_out: Tensor, dec_out: Tensor, no_projection: bool = False) -> Tensor:
        """Scores before softmax.

        Args:
            enc_out: (..., encoder_size), or (..., J) with `no_projection`.
            dec_out: (..., decoder_size), or (..., J); broadcast against `enc_out`.
            no_projection: both have been projected.

        Returns:
            (..., V).
        """
        if not no_projection:
            enc_out, dec_out = self.lin_enc(enc_out), self.lin_dec(dec_out)
        return self.lin_out(self.joint_activation(enc_out + dec_out))

    def start(self, encoder_out: Tensor) -> Tensor:
        """Project the encoder's output, once per utterance: (B, T, encoder_size) → (B, T, J)."""
        return self.lin_enc(encoder_out)

    def step(self, frame: Tensor, decoder_out: Tensor) -> Tensor:
        """Score the next label of every hypothesis at one frame.

        Args:
            frame: (B, beam, J), a frame for each hypothesis, from `start`.
            decoder_out: (B, beam, decoder_size).

        Returns:
            log-probabilities (B, beam, V).
        """
        return torch.log_softmax(self(frame, self.lin_dec(decoder_out), no_projection=True), dim=-1)

    def components(self) -> tuple[spec.Component, ...]:
        """`joint_start`, once per utterance, and `joint_step`."""
        start = spec.Component(
            name="joint_start",
            method="start",
            inputs=(spec.Tensor("encoder_out", ("batch", "frames", self.lin_enc.in_features)),),
            outputs=(spec.Tensor("joint_frames", ("batch", "frames", self.lin_enc.out_features)),),
        )
        step = spec.Component(
            name="joint_step",
            method="step",
            inputs=(
                spec.Tensor("joint_frame", ("batch", "beam", self.lin_enc.out_features)),
                spec.Tensor("decoder_out", ("batch", "beam", self.lin_dec.in_features)),
            ),
            outputs=(spec.Tensor("log_probs", ("batch", "beam", self.lin_out.out_features)),),
        )
        return start, step
