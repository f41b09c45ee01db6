"""A consideration that a module breaks, told to its author."""

from __future__ import annotations

from dataclasses import dataclass

from espnet2.export.doctor.considerations import CONSIDERATIONS
from espnet2.export.doctor.explain import Explained
from espnet2.export.nodes import Frame


@dataclass(frozen=True)
class Diagnosis:
    """A consideration that a module breaks: where, what was seen, and whether it failed or is advice only.

    `owner` is the path and class of the module whose line it is, as `encoders.0.self_attn (MultiHeadedAttention)`.
    """

    consideration: str
    frame: Frame | None
    seen: str
    fails: bool = True
    owner: str = ""

    @classmethod
    def of(cls, explained: Explained, seen: str, fails: bool = True) -> Diagnosis:
        """A diagnosis of what was explained."""
        return cls(explained.name, explained.frame, seen, fails)

    def __str__(self) -> str:
        row = CONSIDERATIONS[self.consideration]
        where = f"{self.frame}\n" if self.frame else ""
        where += f"  in {self.owner}\n" if self.owner else ""
        verdict = "" if self.fails else " (advice)"
        return f"{where}  {row.title}{verdict}: {row.reason}\n  seen: {self.seen}\n  instead: {row.cure}"
