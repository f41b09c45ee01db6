"""Several front ends side by side, whose features are projected, aligned in time and concatenated (Berrebbi et al.
2022)."""

from __future__ import annotations

import functools
import inspect
import math
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, make_pad_mask, require_positive
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.asr.frontend.s3prl import S3prlFrontend
from espnet2.layers.frequency import parse_frequency

FRONTENDS: dict[str, Any] = {"default": DefaultFrontend, "s3prl": S3prlFrontend}
ALIGNMENTS = {"linear_projection": nn.Linear}


class FusedFrontends(AbsFrontend):
    """Log-mel features of several front ends, projected and concatenated.

    A front end whose hop is k times the greatest common divisor of all hops gives k vectors of size `proj_dim` for each
    of its frames. All are cut to the shortest.

    Args:
        frontends: options of each front end, with `frontend_type`, which must be `default`.
        align_method: must be `linear_projection`.
        proj_dim: size of each front end's part of a frame.
        fs: sampling rate of all front ends, in Hz or as text such as "16k"; overrides their own.

    Raises:
        ValueError: an unknown name or option, or hops that are no multiples of that of the front end with fewest
            frames.
        MissingPackageError: a front end `s3prl`.
    """

    @typechecked
    def __init__(
        self,
        frontends: list[dict[str, Any]],
        align_method: str = "linear_projection",
        proj_dim: int = 100,
        fs: int | str = 16000,
    ):
        super().__init__()
        make_projection = choose("align_method", align_method, ALIGNMENTS)
        self.fs = parse_frequency(fs)
        require_positive(proj_dim=proj_dim, fs=self.fs)
        if not frontends:
            raise ValueError("frontends: expected at least one, found none")
        made = [_build(options, self.fs) for options in frontends]
        hops = [frontend.hop_length for frontend in made]
        self.proj_dim = proj_dim
        self.factors = [hop // functools.reduce(math.gcd, hops) for hop in hops]
        # The front end with the smallest offset gives the fewest frames, as long as its own frames are not repeated.
        offsets = [frontend.length.steps[0][0] for frontend in made]
        shortest = min(range(len(made)), key=lambda index: (offsets[index], self.factors[index]))
        if self.factors[shortest] > 1:
            raise ValueError(
                f"frontends: expected a hop_length of the one with the fewest frames that divides the others', found "
                f"{hops[shortest]} among {', '.join(map(str, hops))}"
            )
        self.length = made[shortest].length
        self.frontends = nn.ModuleList(made)
        self.projection_layers = nn.ModuleList(
            make_projection(frontend.output_size(), factor * proj_dim)
            for frontend, factor in zip(made, self.factors, strict=True)
        )

    def output_size(self) -> int:
        """Size of a fused frame."""
        return self.proj_dim * len(self.frontends)

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N), or (B, N, channels), and lengths (B,) to features (B, T, C), zero beyond each utterance, and
        lengths (B,)."""
        lengths, count, parts = self.length(input_lengths), self.length(input.shape[1]), []
        for frontend, project in zip(self.frontends, self.projection_layers, strict=True):
            features, _ = frontend(input, input_lengths)
            parts.append(project(features).unflatten(2, (-1, self.proj_dim)).flatten(1, 2)[:, :count])
        padding = make_pad_mask(lengths, count).unsqueeze(-1)
        return torch.cat(parts, dim=-1).masked_fill(padding, 0.0), lengths


def _build(options: dict[str, Any], fs: int) -> DefaultFrontend:
    """One of the front ends."""
    conf = {key: value for key, value in options.items() if key != "fs"}
    make = choose("frontend_type", conf.pop("frontend_type", None), FRONTENDS)
    known = inspect.signature(make).parameters
    unknown = [key for key in conf if key not in known]
    if unknown:
        raise ValueError(f"frontends: unknown option {unknown[0]!r}; known ones: {', '.join(known)}")
    if not conf.get("apply_stft", True):
        raise ValueError("frontends: expected apply_stft true, found false")
    return make(fs=fs, **conf)
