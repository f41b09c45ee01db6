"""Conditions of a synthesis model: speakers and languages by number, speaker embeddings, the style of a reference."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet2.interface.spec import Component, OutputLength
from espnet2.interface.spec import Tensor as Declared
from espnet2.tts.abs_tts import AbsTTS
from espnet2.tts.gst.style_encoder import StyleEncoder

ADD, CONCAT = INTEGRATIONS = ("add", "concat")
STYLE = "style"


class ConditionedTTS(AbsTTS):
    """A synthesis model whose hidden vectors depend on speaker, language, voice and style.

    Attributes:
        spks, langs: number of speakers and of languages; None: the model has no embedding of them.
        spk_embed_dim: size of a speaker embedding; None: the model reads none.
        projects_voice: whether a concatenated speaker embedding is projected together with the hidden vectors.
    """

    projects_voice = True
    spks: int | None = None
    langs: int | None = None
    spk_embed_dim: int | None = None
    sid_emb: nn.Embedding
    lid_emb: nn.Embedding
    projection: nn.Linear
    gst: StyleEncoder

    def add_style(self, encoder: StyleEncoder) -> None:
        """Read the style of a reference, a vector (B, D) that `encoder` makes of its features."""
        self.use_gst, self.gst = True, encoder
        self.conditions = (*self.conditions, STYLE)

    def add_conditions(
        self, size: int, spks: int | None, langs: int | None, spk_embed_dim: int | None, integration: str
    ) -> None:
        """Make the layers that read conditions.

        Args:
            size: D.
            spks, langs: number of speakers and of languages; one, or None, needs no embedding.
            spk_embed_dim: size of a speaker embedding, or None.
            integration: "add" it to hidden vectors, or "concat" (and project, where `projects_voice`).

        Raises:
            ValueError: an unknown integration.
        """
        self.spk_embed_integration_type = choose(
            "spk_embed_integration_type", integration, {name: name for name in INTEGRATIONS}
        )
        if spks is not None and spks > 1:
            self.spks = spks
            self.sid_emb = nn.Embedding(spks, size)
        if langs is not None and langs > 1:
            self.langs = langs
            self.lid_emb = nn.Embedding(langs, size)
        if spk_embed_dim:
            self.spk_embed_dim = spk_embed_dim
            if integration == ADD or self.projects_voice:
                self.projection = nn.Linear(spk_embed_dim + (size if integration == CONCAT else 0), size)
        sizes = {"sids": self.spks, "lids": self.langs, "spembs": self.spk_embed_dim}
        self.conditions = (*(name for name, number in sizes.items() if number is not None), *self.conditions)

    def declared_conditions(self) -> tuple[Declared, ...]:
        """Graph inputs of the conditions, in the order of `conditions`."""
        known = {
            "sids": Declared("sids", ("batch", 1), "int64", below=self.spks or 0),
            "lids": Declared("lids", ("batch", 1), "int64", below=self.langs or 0),
            "spembs": Declared("spembs", ("batch", self.spk_embed_dim or 0)),
            STYLE: Declared(STYLE, ("batch", self.gst.size if self.use_gst else 0)),
        }
        return tuple(known[name] for name in self.conditions)

    def style_components(self) -> tuple[Component, ...]:
        """The graph "style_encoder", where the model reads a style."""
        if not self.use_gst:
            return ()
        encoder = self.gst.ref_enc
        return (
            Component(
                name="style_encoder",
                method="encode_style",
                inputs=(
                    Declared("speech", ("batch", "frames", encoder.idim)),
                    Declared("speech_lengths", ("batch",), "int64", length_of="frames"),
                ),
                outputs=(Declared(STYLE, ("batch", self.gst.size)),),
                lengths=(OutputLength("steps", "frames", encoder.length),),
            ),
        )

    def encode_style(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Styles (B, D) of the features (B, T, F) of references and their frames (B,)."""
        return self.gst(speech, speech_lengths)

    def given(
        self, conditions: Mapping[str, Tensor | None], feats: Tensor | None = None, feats_lengths: Tensor | None = None
    ) -> list[Tensor]:
        """The conditions that this model reads, in the order of `conditions`.

        Args:
            conditions: speakers, languages and voices by name.
            feats, feats_lengths: features (B, T, F) whose style is spoken, and their frames (B,), for `use_gst`.

        Raises:
            ValueError: one is missing.
        """
        if self.use_gst:
            if feats is None:
                raise ValueError("feats: expected features of a reference, which use_gst needs, found none")
            conditions = {**conditions, STYLE: self.gst(feats, feats_lengths)}
        found = [(name, conditions.get(name)) for name in self.conditions]
        missing = [name for name, value in found if value is None]
        if missing:
            raise ValueError(f"{', '.join(missing)}: expected a value, which this model needs, found none")
        return [value for _, value in found if value is not None]

    def given_one(self, conditions: Mapping[str, Tensor | None], feats: Tensor | None = None) -> list[Tensor]:
        """`given` for one text: conditions without the axis of the batch, features (T, F)."""
        batched = {name: None if value is None else value[None] for name, value in conditions.items()}
        return self.given(batched, None if feats is None else feats[None])

    def conditioned(self, hidden: Tensor, conditions: tuple[Tensor, ...]) -> Tensor:
        """Hidden vectors (B, U, D) for speakers (B, 1), languages (B, 1), voices (B, E), styles (B, D) → (B, U, D)."""
        values = dict(zip(self.conditions, conditions, strict=True))
        if STYLE in values:
            hidden = hidden + values[STYLE].unsqueeze(1)
        if "sids" in values:
            hidden = hidden + self.sid_emb(values["sids"].reshape(-1, 1))
        if "lids" in values:
            hidden = hidden + self.lid_emb(values["lids"].reshape(-1, 1))
        if "spembs" not in values:
            return hidden
        voice = normalize(values["spembs"]).unsqueeze(1)
        if self.spk_embed_integration_type == ADD:
            return hidden + self.projection(voice)
        hidden = torch.cat((hidden, voice.expand(-1, hidden.shape[1], -1)), dim=-1)
        return self.projection(hidden) if self.projects_voice else hidden
