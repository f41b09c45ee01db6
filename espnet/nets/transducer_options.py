"""Options of the searches over a transducer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_PER_FRAME = 1000  # symbols: a search for more would not end in practice


@dataclass(frozen=True)
class TransducerOptions:
    """Options of the searches, named as upstream's `transducer_conf`.

    Attributes:
        search_type: a name in `espnet.nets.transducer_searches.SEARCHES`.
        max_sym_exp: symbols per frame at most, the blank among them (tsd).
        u_max: labels of a sequence at most (alsd).
        nstep: expansions per frame (nsc; maes, at least 2).
        prefix_alpha: labels by which a prefix may be shorter than the sequence whose score it gets (nsc, maes).
        expansion_gamma: what an expansion's score may be below the best one's (maes).
        expansion_beta: expansions of a hypothesis beyond `beam_size` (maes).
        score_norm: rank the n-best list by score per label.
        score_norm_during: take the hypothesis with the best score per label first (default).
        nbest: hypotheses returned; None for all.
        standalone: search as upstream does for espnet2.asr_transducer: a beam of 1 is searched like any other, a
            language model's sentence starts with its start symbol, and maes adds up equal sequences at the end of a
            frame where it else looks for prefixes.
        multi_blank_durations, multi_blank_indices: frames that each blank lasts, and its label; the last one is the
            blank that sequences start with (mbg).
    """

    search_type: str = "default"
    max_sym_exp: int = 2
    u_max: int = 50
    nstep: int = 1
    prefix_alpha: int = 1
    expansion_gamma: float = 2.3
    expansion_beta: int = 2
    score_norm: bool = True
    score_norm_during: bool = False
    nbest: int | None = None
    standalone: bool = False
    multi_blank_durations: Sequence[int] = field(default=())
    multi_blank_indices: Sequence[int] = field(default=())

    def __post_init__(self) -> None:
        lowest = {"max_sym_exp": 1, "u_max": 1, "nstep": 1, "prefix_alpha": 0, "expansion_beta": 0, "nbest": 1}
        for name, least in lowest.items():
            value = getattr(self, name)
            if (value is not None or name != "nbest") and (type(value) is not int or value < least):
                raise ValueError(f"{name}: expected an integer of at least {least}, found {value!r}")
        for name in ("max_sym_exp", "nstep"):
            if getattr(self, name) > MOST_PER_FRAME:
                raise ValueError(f"{name}: expected at most {MOST_PER_FRAME} a frame, found {getattr(self, name)}")
        for name in ("score_norm", "score_norm_during", "standalone"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name}: expected True or False, found {getattr(self, name)!r}")
        gamma = self.expansion_gamma
        if type(gamma) not in (int, float) or not gamma >= 0:
            raise ValueError(f"expansion_gamma: expected a number of at least 0, found {gamma!r}")
        for name, least in {"multi_blank_durations": 1, "multi_blank_indices": 0}.items():
            values = getattr(self, name)
            if not isinstance(values, list | tuple) or any(type(v) is not int or v < least for v in values):
                raise ValueError(f"{name}: expected a list of integers of at least {least}, found {values!r}")
