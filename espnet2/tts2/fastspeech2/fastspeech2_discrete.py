"""FastSpeech 2 (Ren et al. 2021) over discrete units of speech."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, make_pad_mask, require_positive
from espnet2.interface.spec import Component, Length, OutputLength
from espnet2.interface.spec import Tensor as Declared
from espnet2.tts.regulated_parts import alphas, frame_stack, options_of, postnet
from espnet2.tts.varied_tts import VariedTTS
from espnet2.tts2.abs_tts2 import AbsTTS2
from espnet2.tts2.fastspeech2.loss import FastSpeech2LossDiscrete


class FastSpeech2Discrete(VariedTTS, AbsTTS2):
    """Text to discrete units, all frames at once.

    Args:
        idim: V, number of tokens, the last of which ends texts.
        odim: number of units.
        adim: D.
        aheads: H.
        elayers, eunits: layers of the encoder, and the size between their feed-forward layers.
        dlayers, dunits: the same of the decoder.
        postnet_layers, postnet_chans, postnet_filts, postnet_dropout_rate, use_batch_norm: see `Postnet`; 0: none.
        positionwise_layer_type, positionwise_conv_kernel_size: "linear", "conv1d" or "conv1d-linear", and its kernel.
        use_scaled_pos_enc: positional encodings of Transformers have a trained factor.
        encoder_normalize_before, decoder_normalize_before: normalise before (True) or after (False) each branch.
        encoder_concat_after, decoder_concat_after: combine attention's input and output by a linear layer.
        reduction_factor: frames that one step of the decoder gives.
        encoder_type, decoder_type: "transformer" or "conformer".
        transformer_*_rate: dropout rates, of Conformers as well.
        conformer_rel_pos_type, conformer_pos_enc_layer_type, conformer_self_attn_layer_type, conformer_activation_type,
            use_macaron_style_in_conformer, use_cnn_in_conformer, zero_triu, conformer_enc_kernel_size,
            conformer_dec_kernel_size: see `espnet.nets.pytorch_backend.conformer.encoder.Encoder`.
        duration_predictor_*: see `DurationPredictor`.
        pitch_predictor_*, energy_predictor_*: see `VariancePredictor`.
        pitch_embed_*, energy_embed_*: kernel, and dropout rate, of the convolution that embeds the numbers.
        stop_gradient_from_pitch_predictor, stop_gradient_from_energy_predictor: it does not train the encoder.
        spks, langs, spk_embed_dim, spk_embed_integration_type: see `ConditionedTTS`.
        init_type: weights that training starts from, a name in `INITIALIZERS`; "pytorch": those of the layers.
        init_enc_alpha, init_dec_alpha: the factors of positional encodings at first.
        use_masking, use_weighted_masking: see `MaskedLoss`.
        ignore_id: unit that has no loss.
        discrete_token_layers: L, units of a frame, each of which has a decoder, and V / L of the units; without postnet
            where it is above 1.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    loss_names: ClassVar[tuple[str, ...]] = ("ce_loss", "duration_loss", "pitch_loss", "energy_loss")

    @typechecked
    def __init__(
        self,
        idim: int,
        odim: int,
        adim: int = 384,
        aheads: int = 4,
        elayers: int = 6,
        eunits: int = 1536,
        dlayers: int = 6,
        dunits: int = 1536,
        postnet_layers: int = 5,
        postnet_chans: int = 512,
        postnet_filts: int = 5,
        postnet_dropout_rate: float = 0.5,
        positionwise_layer_type: str = "conv1d",
        positionwise_conv_kernel_size: int = 1,
        use_scaled_pos_enc: bool = True,
        use_batch_norm: bool = True,
        encoder_normalize_before: bool = True,
        decoder_normalize_before: bool = True,
        encoder_concat_after: bool = False,
        decoder_concat_after: bool = False,
        reduction_factor: int = 1,
        encoder_type: str = "transformer",
        decoder_type: str = "transformer",
        transformer_enc_dropout_rate: float = 0.1,
        transformer_enc_positional_dropout_rate: float = 0.1,
        transformer_enc_attn_dropout_rate: float = 0.1,
        transformer_dec_dropout_rate: float = 0.1,
        transformer_dec_positional_dropout_rate: float = 0.1,
        transformer_dec_attn_dropout_rate: float = 0.1,
        conformer_rel_pos_type: str = "legacy",
        conformer_pos_enc_layer_type: str = "rel_pos",
        conformer_self_attn_layer_type: str = "rel_selfattn",
        conformer_activation_type: str = "swish",
        use_macaron_style_in_conformer: bool = True,
        use_cnn_in_conformer: bool = True,
        zero_triu: bool = False,
        conformer_enc_kernel_size: int = 7,
        conformer_dec_kernel_size: int = 31,
        duration_predictor_layers: int = 2,
        duration_predictor_chans: int = 384,
        duration_predictor_kernel_size: int = 3,
        duration_predictor_dropout_rate: float = 0.1,
        energy_predictor_layers: int = 2,
        energy_predictor_chans: int = 384,
        energy_predictor_kernel_size: int = 3,
        energy_predictor_dropout: float = 0.5,
        energy_embed_kernel_size: int = 9,
        energy_embed_dropout: float = 0.5,
        stop_gradient_from_energy_predictor: bool = False,
        pitch_predictor_layers: int = 2,
        pitch_predictor_chans: int = 384,
        pitch_predictor_kernel_size: int = 3,
        pitch_predictor_dropout: float = 0.5,
        pitch_embed_kernel_size: int = 9,
        pitch_embed_dropout: float = 0.5,
        stop_gradient_from_pitch_predictor: bool = False,
        spks: int | None = None,
        langs: int | None = None,
        spk_embed_dim: int | None = None,
        spk_embed_integration_type: str = "add",
        init_type: str = "xavier_uniform",
        init_enc_alpha: float = 1.0,
        init_dec_alpha: float = 1.0,
        use_masking: bool = False,
        use_weighted_masking: bool = False,
        ignore_id: int = 0,
        discrete_token_layers: int = 1,
    ):
        super().__init__()
        self.build(options_of(locals()))

    def add_decoder(self, options: Namespace) -> None:
        """Make a decoder for each unit of a frame."""
        layers = self.discrete_token_layers = options.discrete_token_layers
        require_positive(discrete_token_layers=layers)
        if self.odim % layers:
            raise UnfitOptionError(f"discrete_token_layers: expected a divisor of {self.odim} units, found {layers}")
        if layers > 1 and options.postnet_layers:
            raise UnfitOptionError(
                f"postnet_layers: expected 0 with discrete_token_layers {layers}, found {options.postnet_layers}"
            )
        self.decoder = (
            frame_stack(options) if layers == 1 else nn.ModuleList(frame_stack(options) for _ in range(layers))
        )

    def add_output(self, options: Namespace) -> None:
        """Make the layers of scores, the postnet, where there is one, and the loss."""
        layers = self.discrete_token_layers
        sizes = [self.odim // layers * self.reduction_factor] * layers
        outputs = [nn.Linear(self.adim, size) for size in sizes]
        self.feat_out = outputs[0] if layers == 1 else nn.ModuleList(outputs)
        self.postnet = postnet(options, self.odim)
        self.criterion = FastSpeech2LossDiscrete(options.use_masking, options.use_weighted_masking, options.ignore_id)

    def alphas(self) -> dict[str, Tensor]:
        """The trained factors of positional encodings, by name."""
        if self.discrete_token_layers == 1:
            return super().alphas()
        stacks = {f"decoder_alpha_{index}": stack for index, stack in enumerate(self.decoder)}
        return alphas({"encoder_alpha": self.encoder, **stacks})

    def first_units(self, like: Tensor) -> Tensor:
        """The first unit (L,) int64 of each of a frame's units, on the device of a tensor."""
        return torch.arange(self.discrete_token_layers, device=like.device) * (self.odim // self.discrete_token_layers)

    def steps_of(self, hidden: Tensor, steps: Tensor) -> Tensor:
        """Scores (B, T', V) of vectors (B, T, D) of steps, and their number (B,); those of each unit of a frame."""
        if self.discrete_token_layers == 1:
            return super().steps_of(hidden, steps)
        real = ~make_pad_mask(steps, hidden.shape[1]).unsqueeze(1)
        pairs = zip(self.feat_out, self.decoder, strict=True)  # type: ignore[call-overload]
        scores = [output(stack(hidden, real)[0]).unflatten(-1, (self.reduction_factor, -1)) for output, stack in pairs]
        return torch.cat(scores, dim=-1).flatten(1, 2)

    def losses_of(self, *values: Any) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """The losses, and the accuracy of units."""
        after, before, *others = values
        if self.discrete_token_layers > 1:
            before = before.unflatten(-1, (self.discrete_token_layers, -1))
        *losses, of_before, of_after = self.criterion(after, before, *others)
        accuracies = {"before_acc": of_before, "after_acc": of_after}
        return tuple(losses), {name: value for name, value in accuracies.items() if value is not None}

    def units_of(self, scores: Tensor) -> Tensor:
        """The best units (B, T · L) int64 of scores (B, T, V)."""
        best = scores.unflatten(-1, (self.discrete_token_layers, -1)).argmax(dim=-1)
        return (best + self.first_units(scores)).flatten(1)

    def generate(self, hidden: Tensor, text_lengths: Tensor, *given: Tensor) -> Tensor:
        """Scores (B, T, V), or where frames have several units these."""
        _, scores, _ = self.decode_with_postnet(hidden, text_lengths, *given)
        return scores if self.discrete_token_layers == 1 else self.units_of(scores)

    def decode_frames(self, hidden: Tensor, text_lengths: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """Units of texts whose durations are known; see `RegulatedTTS.decode_frames`.

        Returns:
            (B, T · L) int64, those of a frame behind each other, and their number (B,).
        """
        _, scores, lengths = self.decode_with_postnet(hidden, text_lengths, *given)
        return self.units_of(scores), Length.multiplied(self.discrete_token_layers)(lengths)

    def components(self) -> tuple[Component, ...]:
        """The graphs "text_encoder" and "feature_decoder", whose features are units."""
        times = self.reduction_factor * self.discrete_token_layers
        axis = "units" if times > 1 else "frames"
        rules = (OutputLength(axis, "frames", Length.multiplied(times)),) if times > 1 else ()
        units = (
            Declared("feat_gen", ("batch", axis), "int64", below=self.odim),
            Declared("feat_gen_lengths", ("batch",), "int64", length_of=axis),
        )
        return self.text_component(), self.frames_component(units, rules)

    def forward(
        self,
        text: Tensor,
        text_lengths: Tensor,
        discrete_feats: Tensor,
        discrete_feats_lengths: Tensor,
        durations: Tensor,
        durations_lengths: Tensor,
        pitch: Tensor,
        pitch_lengths: Tensor,
        energy: Tensor,
        energy_lengths: Tensor,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        joint_training: bool = False,
    ) -> tuple[Tensor, dict[str, Any], Tensor]:
        """The losses of a batch, with given durations, pitch and energy.

        Args:
            text, text_lengths: tokens (B, U) int64, without the end symbol, and their number (B,).
            discrete_feats, discrete_feats_lengths: units (B, T · L) int64, those of a frame behind each other, and
                their number (B,).
            durations, durations_lengths: steps of the decoder for each token and the end symbol, (B, U + 1) int64.
            pitch, pitch_lengths, energy, energy_lengths: of each token and the end symbol, (B, U + 1, 1).
            spembs, sids, lids: (B, E), (B, 1), (B, 1), as `conditions` says.
            joint_training: give scores, (B, T, V), in place of the weight of the batch, and losses as numbers.

        Returns:
            The loss, statistics by name, and the weight of the batch.
        """
        layers = self.discrete_token_layers
        units = discrete_feats.unflatten(1, (-1, layers)) - self.first_units(discrete_feats)
        return self.teach(
            (text, text_lengths),
            (units if layers > 1 else discrete_feats, discrete_feats_lengths // layers),
            (durations, durations_lengths),
            [(pitch, pitch_lengths), (energy, energy_lengths)],
            spembs=spembs,
            sids=sids,
            lids=lids,
            joint_training=joint_training,
        )

    def inference(
        self,
        text: Tensor,
        durations: Tensor | None = None,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        alpha: float = 1.0,
        use_teacher_forcing: bool = False,
    ) -> dict[str, Tensor]:
        """Units of one text.

        Args:
            text: (U,) int64 tokens, without the end symbol.
            durations: (U + 1,) int64, used with `use_teacher_forcing`, as are pitch and energy.
            spembs, sids, lids: (E,), (1,), (1,), as `conditions` says.
            pitch, energy: (U + 1, 1).
            alpha: factor of predicted durations; above 1 is slower.
            use_teacher_forcing: speak with the given durations, pitch and energy.

        Returns:
            `feat_gen`, scores (T, V), or where frames have several units these (T · L,) int64; `duration` (U + 1,),
            steps, or with teacher forcing their predicted logarithms; and the predicted `pitch` and `energy`
            (U + 1, 1).

        Raises:
            ValueError: a value that is needed is missing, or `alpha` is not positive.
        """
        conditions = {"spembs": spembs, "sids": sids, "lids": lids}
        values = {"pitch": pitch, "energy": energy}
        return self.speak(text, None, conditions, durations, values, alpha, use_teacher_forcing)
