"""A synthesiser as one graph: token ids of a text in, samples out, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component
from espnet2.interface.spec import Tensor as Declared
from espnet2.layers.seeded_noise import seeded_noise
from espnet2.runtime.noise import FACTORS
from espnet2.runtime.synthesis_flow import DECODER, DENORMALIZED, ENCODER, FEATURES, LATENT, LATER, STYLE, VOCODER
from espnet2.tasks.exported import Part

NAME, ROLE = "synthesizer", "one_graph"  # of the graph, and of its file in a bundle
ORDER = (STYLE, ENCODER, DECODER, VOCODER)
NEEDED = {ENCODER, DECODER, VOCODER}
SEED, ALPHA, TEXT = "seed", "alpha", "text"
SPOKEN = "spoken_samples"  # the axis, which is none of a reference's samples
FRAME_TOKENS, FRAME_LENGTHS, READ_BY_VOCODER = "frame_tokens", "frame_lengths", "feats"  # made between the parts


def _rounded(logarithms: Tensor, alpha: Tensor) -> Tensor:
    """Frames (B, U) of logarithms of 1 + duration; one for each token where none has any."""
    frames = torch.round(torch.clamp(torch.round(torch.exp(logarithms) - 1), min=0) * alpha)
    return torch.where(frames.sum() > 0, frames, torch.ones_like(frames)).long()


def _begun(logarithms: Tensor, alpha: Tensor) -> Tensor:
    """Frames (B, U) that durations have begun."""
    return torch.ceil(torch.exp(logarithms) * alpha).long()


# By the attribute `durations` of a text encoder, as `espnet2.runtime.durations` has them on arrays.
RULES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"round": _rounded, "ceil": _begun}


class OneGraph(nn.Module):
    """The graphs of a synthesiser that regulates lengths, one behind the other, for a batch of one text.

    Its inputs are those of the graphs, of which noise is made of a `seed` (1,) int64, and (1,) numbers: `noise_scale`
    and `noise_scale_dur` where there is such noise, and `alpha`, the factor of durations.

    Args:
        parts: modules with their components: text encoder, feature decoder, vocoder, and perhaps a style encoder.

    Raises:
        OptionError: the synthesiser has other graphs.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        found = {component.name: (module, component) for module, component in parts}
        if not NEEDED <= set(found) <= set(ORDER):
            needed = ", ".join(name for name in ORDER if name in NEEDED)
            raise OptionError(f"expected a synthesiser of the graphs {needed}, found {', '.join(found)}")
        ordered = [found[name] for name in ORDER if name in found]
        self.parts = nn.ModuleList(module for module, _ in ordered)
        self.declared = tuple(component for _, component in ordered)
        self.rule = RULES[found[ENCODER][1].attribute("durations", "round")]
        read = [(component.name, tensor) for component in self.declared for tensor in component.inputs]
        noises = [(name, tensor.name) for name, tensor in read if tensor.noise]
        self.streams = {noise: index for index, noise in enumerate(noises)}
        self.factors = {noise: FACTORS[noise[1]] for noise in noises if noise[1] in FACTORS and noise[0] != VOCODER}
        self.given = self._given(tensor for _, tensor in read)

    def _given(self, read: Iterable[Declared]) -> tuple[Declared, ...]:
        """Inputs: what is read and none of the parts gives, and the numbers that the runtime has as options."""
        made = {tensor.name for component in self.declared for tensor in component.outputs}
        made |= {FRAME_TOKENS, FRAME_LENGTHS, READ_BY_VOCODER}
        inputs = {tensor.name: tensor for tensor in read if tensor.name not in made and not tensor.noise}
        seed = [Declared(SEED, (1,), "int64", below=2**31 - 1)] if self.streams else []
        numbers = [Declared(name, (1,), below=1.0) for name in dict.fromkeys(self.factors.values())]
        return (*map(_for_one, inputs.values()), *seed, *numbers, Declared(ALPHA, (1,), least=0.5, below=2.0))

    def speak(self, *feeds: Tensor) -> Tensor:
        """Samples (1, N) of the inputs of `component`, in its order."""
        pool = dict(zip((tensor.name for tensor in self.given), feeds, strict=True))
        before = {DECODER: self._regulate, VOCODER: _choose_features}
        for module, component in zip(self.parts, self.declared, strict=True):
            if component.name in before:
                before[component.name](pool)
            read = (self._noise(component, t, pool) if t.noise else pool[t.name] for t in component.inputs)
            results = getattr(module, component.method)(*read)
            results = results if isinstance(results, tuple) else (results,)
            pool |= zip((tensor.name for tensor in component.outputs), results, strict=True)
        return pool["wav"]

    def _regulate(self, pool: dict[str, Tensor]) -> None:
        """Make the token of each frame; what the text encoder gives has other names from here on."""
        pool |= {later: pool[name] for later, name in LATER.items() if name in pool}
        ends = self.rule(pool["log_durations"], pool[ALPHA]).cumsum(dim=1)
        count = ends[0, -1].item()
        torch._check(count >= 1)
        frames = torch.arange(count, device=ends.device)
        tokens = (frames.unsqueeze(-1) >= ends).sum(dim=-1)
        pool |= {FRAME_TOKENS: tokens.unsqueeze(0), FRAME_LENGTHS: ends[:, -1]}

    def _noise(self, component: Component, tensor: Declared, pool: dict[str, Tensor]) -> Tensor:
        """Noise of a declared shape, whose axes are those of the text or of its frames."""
        sizes = {"batch": 1, "tokens": pool[TEXT].shape[1]}
        if FRAME_TOKENS in pool:
            sizes["frames"] = pool[FRAME_TOKENS].shape[1]
        sizes |= {rule.axis: rule.length(sizes[rule.source]) for rule in component.lengths}
        shape = [axis if isinstance(axis, int) else sizes[axis] for axis in tensor.axes]
        key = component.name, tensor.name
        noise = seeded_noise(pool[SEED], torch.empty(shape, device=pool[TEXT].device), self.streams[key])
        return noise * pool[self.factors[key]] if key in self.factors else noise

    def component(self) -> Component:
        """The declared graph."""
        return Component(
            name=NAME,
            method="speak",
            inputs=self.given,
            outputs=(Declared("wav", (1, SPOKEN)),),
            lengths=tuple(rule for component in self.declared if component.name == STYLE for rule in component.lengths),
            data_dependent=(SPOKEN,),
        )


def _choose_features(pool: dict[str, Tensor]) -> None:
    """Give a vocoder features as they were before normalisation, where there are such, or latent vectors."""
    pool[READ_BY_VOCODER] = next(pool[name] for name in (DENORMALIZED, FEATURES, LATENT) if name in pool)


def _for_one(tensor: Declared) -> Declared:
    """The declared input for a batch of one text."""
    axes = tuple(1 if axis == "batch" else axis for axis in tensor.axes)
    return Declared(tensor.name, axes, tensor.dtype, tensor.length_of, tensor.below, tensor.least)
