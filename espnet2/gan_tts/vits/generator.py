"""Generator of VITS (Kim et al. 2021), a variational autoencoder from text to samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot
from typeguard import typechecked

from espnet.nets.pytorch_backend.fastspeech.length_regulator import expand, frame_tokens
from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, make_pad_mask
from espnet2.gan_tts.hifigan.hifigan import HiFiGANGenerator
from espnet2.gan_tts.utils import get_random_segments
from espnet2.gan_tts.vits.duration_predictor import StochasticDurationPredictor
from espnet2.gan_tts.vits.monotonic_align import maximum_path
from espnet2.gan_tts.vits.posterior_encoder import PosteriorEncoder
from espnet2.gan_tts.vits.residual_coupling import ResidualAffineCouplingBlock
from espnet2.gan_tts.vits.text_encoder import TextEncoder


class VITSGenerator(nn.Module):
    """Text encoder, posterior encoder, flow between prior and posterior, duration predictor, and HiFi-GAN as decoder.

    Args:
        vocabs: V, number of tokens.
        aux_channels: F, size of the features that the posterior encoder reads.
        hidden_channels: C, size of hidden and of latent vectors.
        spks, langs: number of speakers and of languages; one, or None, needs no embedding.
        spk_embed_dim: E, size of a speaker embedding, or None.
        global_channels: G, size of the global vector, which is the sum of what is known of speaker and language.
        segment_size: frames that training makes samples of.
        text_encoder_*, use_*_in_text_encoder: see `TextEncoder`; `text_encoder_ffn_expand` is the factor between the
            sizes of hidden vectors and those in feed-forward networks.
        decoder_*, use_weight_norm_in_decoder: see `HiFiGANGenerator`.
        posterior_encoder_*, use_weight_norm_in_posterior_encoder: see `PosteriorEncoder`.
        flow_*, use_*_in_flow: see `ResidualAffineCouplingBlock`.
        stochastic_duration_predictor_*: see `StochasticDurationPredictor`.

    Attributes:
        upsample_factor: samples for each frame.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        vocabs: int,
        aux_channels: int = 513,
        hidden_channels: int = 192,
        spks: int | None = None,
        langs: int | None = None,
        spk_embed_dim: int | None = None,
        global_channels: int = -1,
        segment_size: int = 32,
        text_encoder_attention_heads: int = 2,
        text_encoder_ffn_expand: int = 4,
        text_encoder_blocks: int = 6,
        text_encoder_positionwise_layer_type: str = "conv1d",
        text_encoder_positionwise_conv_kernel_size: int = 1,
        text_encoder_positional_encoding_layer_type: str = "rel_pos",
        text_encoder_self_attention_layer_type: str = "rel_selfattn",
        text_encoder_activation_type: str = "swish",
        text_encoder_normalize_before: bool = True,
        text_encoder_dropout_rate: float = 0.1,
        text_encoder_positional_dropout_rate: float = 0.0,
        text_encoder_attention_dropout_rate: float = 0.0,
        text_encoder_conformer_kernel_size: int = 7,
        use_macaron_style_in_text_encoder: bool = True,
        use_conformer_conv_in_text_encoder: bool = True,
        decoder_kernel_size: int = 7,
        decoder_channels: int = 512,
        decoder_upsample_scales: Sequence[int] = (8, 8, 2, 2),
        decoder_upsample_kernel_sizes: Sequence[int] = (16, 16, 4, 4),
        decoder_resblock_kernel_sizes: Sequence[int] = (3, 7, 11),
        decoder_resblock_dilations: Sequence[Sequence[int]] = ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
        use_weight_norm_in_decoder: bool = True,
        posterior_encoder_kernel_size: int = 5,
        posterior_encoder_layers: int = 16,
        posterior_encoder_stacks: int = 1,
        posterior_encoder_base_dilation: int = 1,
        posterior_encoder_dropout_rate: float = 0.0,
        use_weight_norm_in_posterior_encoder: bool = True,
        flow_flows: int = 4,
        flow_kernel_size: int = 5,
        flow_base_dilation: int = 1,
        flow_layers: int = 4,
        flow_dropout_rate: float = 0.0,
        use_weight_norm_in_flow: bool = True,
        use_only_mean_in_flow: bool = True,
        stochastic_duration_predictor_kernel_size: int = 3,
        stochastic_duration_predictor_dropout_rate: float = 0.5,
        stochastic_duration_predictor_flows: int = 4,
        stochastic_duration_predictor_dds_conv_layers: int = 3,
    ):
        super().__init__()
        self.segment_size = segment_size
        self.hidden_channels = hidden_channels
        self.global_channels = global_channels
        self.text_encoder = TextEncoder(
            vocabs=vocabs,
            attention_dim=hidden_channels,
            attention_heads=text_encoder_attention_heads,
            linear_units=hidden_channels * text_encoder_ffn_expand,
            blocks=text_encoder_blocks,
            positionwise_layer_type=text_encoder_positionwise_layer_type,
            positionwise_conv_kernel_size=text_encoder_positionwise_conv_kernel_size,
            positional_encoding_layer_type=text_encoder_positional_encoding_layer_type,
            self_attention_layer_type=text_encoder_self_attention_layer_type,
            activation_type=text_encoder_activation_type,
            normalize_before=text_encoder_normalize_before,
            dropout_rate=text_encoder_dropout_rate,
            positional_dropout_rate=text_encoder_positional_dropout_rate,
            attention_dropout_rate=text_encoder_attention_dropout_rate,
            conformer_kernel_size=text_encoder_conformer_kernel_size,
            use_macaron_style=use_macaron_style_in_text_encoder,
            use_conformer_conv=use_conformer_conv_in_text_encoder,
        )
        self.decoder = HiFiGANGenerator(
            in_channels=hidden_channels,
            out_channels=1,
            channels=decoder_channels,
            global_channels=global_channels,
            kernel_size=decoder_kernel_size,
            upsample_scales=decoder_upsample_scales,
            upsample_kernel_sizes=decoder_upsample_kernel_sizes,
            resblock_kernel_sizes=decoder_resblock_kernel_sizes,
            resblock_dilations=decoder_resblock_dilations,
            use_weight_norm=use_weight_norm_in_decoder,
        )
        self.posterior_encoder = PosteriorEncoder(
            in_channels=aux_channels,
            out_channels=hidden_channels,
            hidden_channels=hidden_channels,
            kernel_size=posterior_encoder_kernel_size,
            layers=posterior_encoder_layers,
            stacks=posterior_encoder_stacks,
            base_dilation=posterior_encoder_base_dilation,
            global_channels=global_channels,
            dropout_rate=posterior_encoder_dropout_rate,
            use_weight_norm=use_weight_norm_in_posterior_encoder,
        )
        self.flow = ResidualAffineCouplingBlock(
            in_channels=hidden_channels,
            hidden_channels=hidden_channels,
            flows=flow_flows,
            kernel_size=flow_kernel_size,
            base_dilation=flow_base_dilation,
            layers=flow_layers,
            global_channels=global_channels,
            dropout_rate=flow_dropout_rate,
            use_weight_norm=use_weight_norm_in_flow,
            use_only_mean=use_only_mean_in_flow,
        )
        self.duration_predictor = StochasticDurationPredictor(
            channels=hidden_channels,
            kernel_size=stochastic_duration_predictor_kernel_size,
            dropout_rate=stochastic_duration_predictor_dropout_rate,
            flows=stochastic_duration_predictor_flows,
            dds_conv_layers=stochastic_duration_predictor_dds_conv_layers,
            global_channels=global_channels,
        )
        self.upsample_factor = self.decoder.upsample_factor
        self._add_conditions(spks, langs, spk_embed_dim)

    def _add_conditions(self, spks: int | None, langs: int | None, spk_embed_dim: int | None) -> None:
        """Make the layers that read conditions."""
        self.spks = spks if spks is not None and spks > 1 else None
        self.langs = langs if langs is not None and langs > 1 else None
        self.spk_embed_dim = spk_embed_dim if spk_embed_dim is not None and spk_embed_dim > 0 else None
        given = {"spks": self.spks, "langs": self.langs, "spk_embed_dim": self.spk_embed_dim}
        needing = [name for name, size in given.items() if size is not None]
        if needing and self.global_channels <= 0:
            raise UnfitOptionError(
                f"global_channels: expected a positive number, which {needing[0]} needs, found {self.global_channels}"
            )
        if self.spks is not None:
            self.global_emb = nn.Embedding(self.spks, self.global_channels)
        if self.spk_embed_dim is not None:
            self.spemb_proj = nn.Linear(self.spk_embed_dim, self.global_channels)
        if self.langs is not None:
            self.lang_emb = nn.Embedding(self.langs, self.global_channels)

    def global_vector(
        self, sids: Tensor | None = None, spembs: Tensor | None = None, lids: Tensor | None = None
    ) -> Tensor | None:
        """The sum (B, G, 1) of what speakers (B, 1), voices (B, E) and languages (B, 1) give, None if nothing does.

        One voice may come as (E,), as upstream has it in inference.
        """
        parts = []
        if self.spks is not None and sids is not None:
            parts.append(self.global_emb(sids.reshape(-1)))
        if self.spk_embed_dim is not None and spembs is not None:
            parts.append(self.spemb_proj(normalize(spembs.reshape(-1, self.spk_embed_dim))))
        if self.langs is not None and lids is not None:
            parts.append(self.lang_emb(lids.reshape(-1)))
        return sum(parts[1:], start=parts[0]).unsqueeze(-1) if parts else None

    def forward(
        self,
        text: Tensor,
        text_lengths: Tensor,
        feats: Tensor,
        feats_lengths: Tensor,
        sids: Tensor | None = None,
        spembs: Tensor | None = None,
        lids: Tensor | None = None,
    ) -> tuple[Any, ...]:
        """Samples of random segments of a batch, and what its losses are computed of.

        Args:
            text, text_lengths: (B, U) int64, (B,).
            feats, feats_lengths: (B, F, T), (B,).
            sids, spembs, lids: (B, 1), (B, E), (B, 1), where the model reads them.

        Returns:
            Samples (B, 1, segment_size * upsample_factor); negative logarithms (B,) of the durations' likelihood, over
            the number of tokens in the batch; alignment (B, 1, T, U); the first frames (B,) of segments; masks
            (B, 1, U) and (B, 1, T); and (z, z_p, m_p, logs_p, m_q, logs_q), each (B, C, T): the posterior's sample
            before and behind the flow, and means and logarithms of scales of prior and posterior.
        """
        hidden, m_p, logs_p, x_mask = self.text_encoder(text, text_lengths)
        g = self.global_vector(sids, spembs, lids)
        z, m_q, logs_q, y_mask = self.posterior_encoder(feats, feats_lengths, g=g)
        z_p = self.flow(z, y_mask, g=g)
        attn = self.align(z_p, m_p, logs_p, x_mask, y_mask)
        durations = attn.sum(dim=1, keepdim=True)
        dur_nll = self.duration_predictor(hidden, x_mask, w=durations, g=g) / x_mask.sum()
        m_p, logs_p = (torch.matmul(values, attn.transpose(1, 2)) for values in (m_p, logs_p))
        segments, starts = get_random_segments(z, feats_lengths, self.segment_size)
        wav = self.decoder(segments, g=g)
        return wav, dur_nll, attn.unsqueeze(1), starts, x_mask, y_mask, (z, z_p, m_p, logs_p, m_q, logs_q)

    @torch.no_grad()
    def align(self, z_p: Tensor, m_p: Tensor, logs_p: Tensor, x_mask: Tensor, y_mask: Tensor) -> Tensor:
        """Alignment (B, T, U) of frames' latent vectors z_p (B, C, T) with tokens' priors (B, C, U)."""
        precision = torch.exp(-2 * logs_p)
        of_tokens = (-0.5 * math.log(2 * math.pi) - logs_p - 0.5 * m_p.square() * precision).sum(dim=1, keepdim=True)
        frames = z_p.transpose(1, 2)
        scores = of_tokens - 0.5 * torch.matmul(frames.square(), precision) + torch.matmul(frames, m_p * precision)
        return maximum_path(scores, y_mask.transpose(1, 2) * x_mask)

    def inference(
        self,
        text: Tensor,
        text_lengths: Tensor,
        feats: Tensor | None = None,
        feats_lengths: Tensor | None = None,
        sids: Tensor | None = None,
        spembs: Tensor | None = None,
        lids: Tensor | None = None,
        dur: Tensor | None = None,
        noise_scale: float = 0.667,
        noise_scale_dur: float = 0.8,
        alpha: float = 1.0,
        max_len: int | None = None,
        use_teacher_forcing: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Samples of texts.

        Args:
            text, text_lengths: (B, U) int64, (B,).
            feats, feats_lengths: (B, F, T), (B,), spoken again with teacher forcing.
            sids, spembs, lids: (B, 1), (B, E), (B, 1), where the model reads them.
            dur: (B, 1, U) int64 frames of tokens, in place of drawn ones.
            noise_scale, noise_scale_dur: factors of the noise of latent vectors and of durations.
            alpha: factor of drawn durations; above 1 is slower.
            max_len: frames of which samples are made at most.
            use_teacher_forcing: draw latent vectors of the posterior of features.

        Returns:
            Samples (B, N), alignment (B, T, U), frames of tokens (B, U).

        Raises:
            ValueError: features are missing, or durations have no frame.
        """
        hidden, m_p, logs_p, x_mask = self.text_encoder(text, text_lengths)
        g = self.global_vector(sids, spembs, lids)
        if use_teacher_forcing:
            if feats is None or feats_lengths is None:
                raise ValueError("feats: expected features, which use_teacher_forcing needs, found none")
            z, _, _, y_mask = self.posterior_encoder(feats, feats_lengths, g=g)
            attn = self.align(self.flow(z, y_mask, g=g), m_p, logs_p, x_mask, y_mask)
            durations = attn.sum(dim=1)
        else:
            drawn = dur is None
            durations = self._draw(hidden, x_mask, g, noise_scale_dur, alpha) if dur is None else dur.squeeze(1)
            if not drawn and not durations.any():
                raise ValueError("durations: expected at least one frame, found none")
            tokens, lengths = frame_tokens(durations.long())
            # In memory frame by frame, as upstream has it, since that order decides which numbers are drawn.
            noise = torch.randn_like(m_p.new_empty(*tokens.shape, m_p.shape[1]).transpose(1, 2))
            z = self.latent(m_p, logs_p, g, tokens, lengths, noise * noise_scale)
            y_mask = (~make_pad_mask(lengths, tokens.shape[1])).unsqueeze(1)
            attn = one_hot(tokens, text.shape[1]).to(z.dtype) * y_mask.transpose(1, 2)
        return self.decoder((z * y_mask)[:, :, :max_len], g=g).squeeze(1), attn, durations

    def _draw(self, hidden: Tensor, x_mask: Tensor, g: Tensor | None, noise_scale: float, alpha: float) -> Tensor:
        """Whole frames (B, U) of tokens, floating point."""
        logarithms = self.duration_predictor(hidden, x_mask, g=g, inverse=True, noise_scale=noise_scale)
        return torch.ceil(logarithms.exp() * x_mask * alpha).squeeze(1)

    def latent(
        self, m_p: Tensor, logs_p: Tensor, g: Tensor | None, tokens: Tensor, lengths: Tensor, noise: Tensor
    ) -> Tensor:
        """Latent vectors (B, C, T) of the prior.

        Args:
            m_p, logs_p: means and logarithms of scales (B, C, U).
            g: (B, G, 1).
            tokens, lengths: the token (B, T) of each frame, and frames (B,).
            noise: (B, C, T), of a normal distribution whose variance is at most 1.
        """
        mask = (~make_pad_mask(lengths, tokens.shape[1])).unsqueeze(1).to(m_p.dtype)
        mean, log_scale = (expand(values.transpose(1, 2), tokens).transpose(1, 2) for values in (m_p, logs_p))
        return self.flow(mean + noise * log_scale.exp(), mask, g=g, inverse=True) * mask
