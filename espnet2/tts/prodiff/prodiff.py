"""ProDiff (Huang et al. 2022): FastSpeech 2 whose decoder is a diffusion."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.fastspeech.length_regulator import expand
from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, choose, make_pad_mask
from espnet2.interface.spec import Component
from espnet2.interface.spec import Tensor as Declared
from espnet2.tts.prodiff.denoiser import SpectogramDenoiser
from espnet2.tts.prodiff.loss import ProDiffLoss
from espnet2.tts.regulated_parts import options_of, postnet
from espnet2.tts.varied_tts import VariedFeatureTTS


class ProDiff(VariedFeatureTTS):
    """Text to features, all frames at once, by a diffusion.

    Args:
        idim: V, number of tokens, the last of which ends texts.
        odim: F, size of the features.
        adim: D.
        aheads: H.
        elayers, eunits: layers of the encoder, and the size between their feed-forward layers.
        postnet_layers, postnet_chans, postnet_filts, postnet_dropout_rate, use_batch_norm: see `Postnet`; 0: none.
        positionwise_layer_type, positionwise_conv_kernel_size: "linear", "conv1d" or "conv1d-linear", and its kernel.
        use_scaled_pos_enc: positional encodings of Transformers have a trained factor.
        encoder_normalize_before: normalise before (True) or after (False) each branch.
        encoder_concat_after: combine attention's input and output by a linear layer.
        reduction_factor: 1.
        encoder_type: "transformer" or "conformer".
        decoder_type: "diffusion".
        transformer_*_rate: dropout rates, of Conformers as well.
        denoiser_layers, denoiser_channels, diffusion_steps, diffusion_timescale, diffusion_beta, diffusion_scheduler,
            diffusion_cycle_ln: see `SpectogramDenoiser`.
        conformer_rel_pos_type, conformer_pos_enc_layer_type, conformer_self_attn_layer_type, conformer_activation_type,
            use_macaron_style_in_conformer, use_cnn_in_conformer, zero_triu, conformer_enc_kernel_size:
            see `espnet.nets.pytorch_backend.conformer.encoder.Encoder`.
        duration_predictor_*: see `DurationPredictor`.
        pitch_predictor_*, energy_predictor_*: see `VariancePredictor`.
        pitch_embed_*, energy_embed_*: kernel, and dropout rate, of the convolution that embeds the numbers.
        stop_gradient_from_pitch_predictor, stop_gradient_from_energy_predictor: it does not train the encoder.
        spks, langs, spk_embed_dim, spk_embed_integration_type: see `ConditionedTTS`.
        use_gst, gst_*: speak in the style of a reference, see `StyleEncoder`.
        init_type: weights that training starts from, a name in `INITIALIZERS`; "pytorch": those of the layers.
        init_enc_alpha, init_dec_alpha: the factors of positional encodings at first.
        use_masking, use_weighted_masking: see `MaskedLoss`.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    loss_names: ClassVar[tuple[str, ...]] = ("l1_loss", "ssim_loss", "duration_loss", "pitch_loss", "energy_loss")

    loss = ProDiffLoss

    @typechecked
    def __init__(
        self,
        idim: int,
        odim: int,
        adim: int = 384,
        aheads: int = 4,
        elayers: int = 6,
        eunits: int = 1536,
        postnet_layers: int = 0,
        postnet_chans: int = 512,
        postnet_filts: int = 5,
        postnet_dropout_rate: float = 0.5,
        positionwise_layer_type: str = "conv1d",
        positionwise_conv_kernel_size: int = 1,
        use_scaled_pos_enc: bool = True,
        use_batch_norm: bool = True,
        encoder_normalize_before: bool = True,
        encoder_concat_after: bool = False,
        reduction_factor: int = 1,
        encoder_type: str = "transformer",
        decoder_type: str = "diffusion",
        transformer_enc_dropout_rate: float = 0.1,
        transformer_enc_positional_dropout_rate: float = 0.1,
        transformer_enc_attn_dropout_rate: float = 0.1,
        denoiser_layers: int = 20,
        denoiser_channels: int = 256,
        diffusion_steps: int = 1000,
        diffusion_timescale: int = 1,
        diffusion_beta: float = 40.0,
        diffusion_scheduler: str = "vpsde",
        diffusion_cycle_ln: int = 1,
        conformer_rel_pos_type: str = "legacy",
        conformer_pos_enc_layer_type: str = "rel_pos",
        conformer_self_attn_layer_type: str = "rel_selfattn",
        conformer_activation_type: str = "swish",
        use_macaron_style_in_conformer: bool = True,
        use_cnn_in_conformer: bool = True,
        zero_triu: bool = False,
        conformer_enc_kernel_size: int = 7,
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
        use_gst: bool = False,
        gst_tokens: int = 10,
        gst_heads: int = 4,
        gst_conv_layers: int = 6,
        gst_conv_chans_list: Sequence[int] = (32, 32, 64, 64, 128, 128),
        gst_conv_kernel_size: int = 3,
        gst_conv_stride: int = 2,
        gst_gru_layers: int = 1,
        gst_gru_units: int = 128,
        init_type: str = "xavier_uniform",
        init_enc_alpha: float = 1.0,
        init_dec_alpha: float = 1.0,
        use_masking: bool = False,
        use_weighted_masking: bool = False,
    ):
        super().__init__()
        self.build(options_of(locals()))

    def add_decoder(self, options: Namespace) -> None:
        """Make the denoiser, whose condition are the vectors of frames."""
        if self.reduction_factor != 1:
            raise UnfitOptionError(f"reduction_factor: expected 1, found {self.reduction_factor}")
        self.decoder = choose("decoder_type", options.decoder_type, {"diffusion": SpectogramDenoiser})(
            options.odim,
            adim=options.adim,
            layers=options.denoiser_layers,
            channels=options.denoiser_channels,
            cycle_length=options.diffusion_cycle_ln,
            timesteps=options.diffusion_steps,
            timescale=options.diffusion_timescale,
            max_beta=options.diffusion_beta,
            scheduler=options.diffusion_scheduler,
        )

    def add_output(self, options: Namespace) -> None:
        """Make the postnet, where there is one, and the loss."""
        self.postnet = postnet(options, self.odim)
        self.criterion = self.loss(options.use_masking, options.use_weighted_masking)

    def decode_with_postnet(
        self, hidden: Tensor, text_lengths: Tensor, *given: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same as for `VariedTTS`, with noise (B, S + 1, F, T), see `SpectogramDenoiser.generate`, given last."""
        *values, tokens, steps, noise = given
        condition = expand(self.varied(hidden, text_lengths, *values), tokens)
        padding = make_pad_mask(steps, tokens.shape[1]).unsqueeze(1)
        return self.refined(self.decoder.generate(condition, noise, padding), steps)

    def decode_for_loss(self, hidden: Tensor, text_lengths: Tensor, *given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features that the denoiser predicts of those given last, (B, T, F), with the noise of a random step."""
        *values, tokens, steps, target = given
        condition = expand(self.varied(hidden, text_lengths, *values), tokens)
        real = ~make_pad_mask(steps, tokens.shape[1]).unsqueeze(1)
        return self.refined(self.decoder(condition, target, real), steps)

    def generate(self, hidden: Tensor, text_lengths: Tensor, *given: Tensor) -> Tensor:
        """Features (B, T, F) of `decode_frames`, with noise of PyTorch's generator."""
        return self.decode_frames(hidden, text_lengths, *given, self.decoder.noise(given[-2]))[0]

    def components(self) -> tuple[Component, ...]:
        """The graphs "text_encoder" and "feature_decoder", which reads the noise of all steps."""
        features = (
            Declared("feat_gen", ("batch", "frames", self.odim)),
            Declared("feat_gen_lengths", ("batch",), "int64", length_of="frames"),
        )
        noise = Declared("noise_diffusion", ("batch", self.decoder.timesteps + 1, self.odim, "frames"), noise=True)
        return *self.style_components(), self.text_component(), self.frames_component(features, noise=(noise,))
