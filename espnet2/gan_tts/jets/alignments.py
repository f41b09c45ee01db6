"""Alignment of texts and features without labels (Badlani et al. 2022, One TTS Alignment to Rule Them All)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask


class AlignmentModule(nn.Module):
    """Log probabilities of tokens for each frame, by the distance of their encodings and a prior along the diagonal.

    Args:
        adim: D, size of encoded tokens.
        odim: F, size of the features.
        cache_prior: without effect: the prior is looked up in a table of factorials, which costs little.
    """

    def __init__(self, adim: int, odim: int, cache_prior: bool = True):
        super().__init__()
        self.t_conv1 = nn.Conv1d(adim, adim, kernel_size=3, padding=1)
        self.t_conv2 = nn.Conv1d(adim, adim, kernel_size=1)
        self.f_conv1 = nn.Conv1d(odim, adim, kernel_size=3, padding=1)
        self.f_conv2 = nn.Conv1d(adim, adim, kernel_size=3, padding=1)
        self.f_conv3 = nn.Conv1d(adim, adim, kernel_size=1)

    def forward(
        self, text: Tensor, feats: Tensor, text_lengths: Tensor, feats_lengths: Tensor, x_masks: Tensor | None = None
    ) -> Tensor:
        """Compare frames with tokens.

        Args:
            text: (B, U, D) encoded tokens.
            feats: (B, T, F).
            text_lengths, feats_lengths: tokens and frames (B,).
            x_masks: (B, U) bool, True at padded tokens.

        Returns:
            (B, T, U) log probabilities plus the prior's; -inf in the padding.
        """
        of_text, of_feats = (
            make_pad_mask(lengths, xs.shape[1]).to(xs.device).unsqueeze(1)
            for lengths, xs in ((text_lengths, text), (feats_lengths, feats))
        )
        tokens = text.transpose(1, 2).masked_fill(of_text, 0.0)
        tokens = self.t_conv2(relu(self.t_conv1(tokens))).transpose(1, 2)
        frames = feats.transpose(1, 2)
        for conv in (self.f_conv1, self.f_conv2):
            frames = relu(conv(frames.masked_fill(of_feats, 0.0)))
        frames = self.f_conv3(frames).transpose(1, 2)
        scores = -torch.cdist(frames, tokens, compute_mode="donot_use_mm_for_euclid_dist")
        if x_masks is not None:
            scores = scores.masked_fill(x_masks.unsqueeze(-2), -math.inf)
        prior = diagonal_prior(text_lengths, feats_lengths, text.shape[1], feats.shape[1])
        return scores.log_softmax(dim=-1) + prior.to(scores.dtype)


def diagonal_prior(text_lengths: Tensor, feats_lengths: Tensor, tokens: int, frames: int) -> Tensor:
    """Log probabilities of a beta-binomial distribution of tokens for each frame.

    Of a text with U tokens and T frames, frame t = 1 ... T has the distribution of U trials with α = t and
    β = T - t + 1 (equation 9 of the paper), whose values at 0 ... U - 1 are those of the tokens.

    Args:
        text_lengths, feats_lengths: U and T of each text, (B,).
        tokens, frames: sizes of the result.

    Returns:
        (B, frames, tokens) float64, -inf in the padding.
    """
    trials = text_lengths.view(-1, 1, 1)
    length = feats_lengths.view(-1, 1, 1)
    token = torch.arange(tokens, device=trials.device)
    alpha = torch.arange(1, frames + 1, device=trials.device).unsqueeze(-1)
    padding = (token >= trials) | (alpha > length)
    # All numbers are whole, so that Γ(n + 1) = n!: a table of log n! holds every term.
    whole = torch.arange(1, tokens + frames + 1, device=trials.device, dtype=torch.float64)
    table = torch.cat((whole.new_zeros(1), whole.log().cumsum(0)))

    def log_factorial(number: Tensor) -> Tensor:
        return table[number.clamp(min=0, max=len(table) - 1)]

    found = log_factorial(trials) - log_factorial(token) - log_factorial(trials - token)
    found = found + log_factorial(token + alpha - 1) + log_factorial(trials - token + length - alpha)
    found = found - log_factorial(trials + length)
    found = found - log_factorial(alpha - 1) - log_factorial(length - alpha) + log_factorial(length)
    return found.masked_fill(padding, -math.inf)


def viterbi_decode(log_p_attn: Tensor, text_lengths: Tensor, feats_lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Find the durations of the most probable alignment in which no token is skipped.

    Args:
        log_p_attn: (B, T, U) log probabilities of tokens for each frame.
        text_lengths, feats_lengths: tokens and frames (B,).

    Returns:
        Durations (B, U) in frames, of the type of `log_p_attn`; and the binarisation loss, the mean over texts of the
        mean over frames of the negative log probability of the frame's token.
    """
    lengths = feats_lengths.cpu().numpy()
    found = monotonic_alignment(log_p_attn.detach().cpu().double().numpy(), text_lengths.cpu().numpy(), lengths)
    path = torch.from_numpy(found).to(log_p_attn.device)
    padding = make_pad_mask(feats_lengths, path.shape[1]).to(path.device)
    spoken = log_p_attn.gather(2, path.unsqueeze(-1)).squeeze(-1).masked_fill(padding, 0.0)
    loss = -(spoken.sum(dim=1) / feats_lengths.to(spoken)).mean()
    durations = log_p_attn.new_zeros(log_p_attn.shape[0], log_p_attn.shape[2])
    return durations.scatter_add(1, path, (~padding).to(durations.dtype)), loss


def monotonic_alignment(scores: np.ndarray, text_lengths: np.ndarray, feats_lengths: np.ndarray) -> np.ndarray:
    """Find the best path (Kim et al. 2020, Glow-TTS, algorithm 1) of each text of a batch.

    Args:
        scores: (B, T, U) log probabilities.
        text_lengths, feats_lengths: tokens and frames (B,).

    Returns:
        (B, T) int64, the token of each frame; anything in the padding. Where two paths are as good, the one whose last
        tokens are short. A text with more tokens than frames has its last tokens, one for each frame.
    """
    batch, frames, tokens = scores.shape
    best = np.full((batch, tokens), -np.inf)
    best[:, 0] = scores[:, 0, 0]
    moved = np.zeros((frames, batch, tokens), bool)  # whether the frame before belongs to the token before
    for frame in range(1, frames):
        before = np.pad(best[:, :-1], ((0, 0), (1, 0)), constant_values=-np.inf)
        moved[frame] = before >= best
        best = np.maximum(before, best) + scores[:, frame]
    moved[:, :, 0] = False
    path = np.zeros((batch, frames), np.int64)
    rows = np.arange(batch)
    token = text_lengths.astype(np.int64) - 1
    for frame in range(frames - 1, -1, -1):
        path[:, frame] = token
        token = token - (moved[frame, rows, token] & (frame < feats_lengths))
    return path


def average_by_duration(ds: Tensor, xs: Tensor, text_lengths: Tensor, feats_lengths: Tensor) -> Tensor:
    """Average values of frames over each token.

    Args:
        ds: (B, U) durations in frames.
        xs: (B, T) values.
        text_lengths, feats_lengths: tokens and frames (B,).

    Returns:
        (B, U) of the type of `ds`, 0 for tokens without a frame and in the padding.
    """
    durations = ds.long().masked_fill(make_pad_mask(text_lengths, ds.shape[1]).to(ds.device), 0)
    ends = durations.cumsum(dim=1).minimum(feats_lengths.to(ds.device).unsqueeze(1))
    totals = pad(xs.double().cumsum(dim=1), (1, 0)).gather(1, pad(ends, (1, 0)))
    return ((totals[:, 1:] - totals[:, :-1]) / durations.clamp(min=1)).to(ds.dtype)
