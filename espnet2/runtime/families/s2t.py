"""Speech to text of many tasks, as OWSM."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from espnet2.runtime.families.search import SearchFamily
from espnet2.runtime.family import Components, Run, Stages
from espnet2.runtime.prompted import PromptedRecognizer, layers_of
from espnet2.runtime.s2t import S2TRecognizer
from espnet2.runtime.s2t_options import S2TOptions
from espnet2.runtime.s2t_section import S2TSection
from espnet2.runtime.search_model import SearchModel


class SpeechToTextOfTasks(SearchFamily):
    """Models whose texts begin with a language and a task; results are those of `espnet2.runtime.Speech2Text`."""

    subject = "speech to text of many tasks"
    speech2text = "espnet2.runtime.s2t:S2TSpeech2Text"
    section = S2TSection
    options: ClassVar[type[S2TOptions]] = S2TOptions
    recognizer: ClassVar[type[PromptedRecognizer]] = S2TRecognizer
    entries: ClassVar[Mapping[str, str]] = {"encoder": "Speech2Text"}

    def require_usable(self, components: Components, section: Any) -> None:
        """As in other families; outputs of intermediate layers are allowed behind the encoder's two."""
        known = dict(components)
        if "encoder" in known:
            layers_of(known["encoder"])
            known["encoder"] = dataclasses.replace(known["encoder"], outputs=known["encoder"].outputs[:2])
        super().require_usable(known, section)

    def checked_options(self, components: Components, section: Any, bounded: bool) -> tuple[Any, Any]:
        """As in other families; of a model without the default symbols, with the first that it has."""
        known = section.symbols()
        given = {"lang_sym": S2TOptions.lang_sym, "task_sym": S2TOptions.task_sym}
        missing: dict[str, Any] = {name: known[0] for name, symbol in given.items() if symbol not in known and known}
        theirs, ours = super().checked_options(components, section, bounded)
        return dataclasses.replace(theirs, **missing), dataclasses.replace(ours, **missing)

    def graphs_used(self, components: Components, options: S2TOptions) -> set[str]:  # type: ignore[override]
        """As in other families; with the tokens of intermediate CTC, CTC, too."""
        further = {"ctc"} & set(components) if options.generate_interctc_outputs else set()
        return super().graphs_used(components, options) | further

    def run(self, model: SearchModel, options: S2TOptions) -> Run:
        """The function from one recording to its results."""
        recognizer = self.recognizer(model, options)
        return lambda speech: recognizer.batch([speech])[0]

    def stages(self, model: SearchModel, options: S2TOptions) -> Stages:
        """Encoder and search."""
        recognizer = self.recognizer(model, options)
        return {"encoder": lambda speech: recognizer.encode([speech])[0], "search": recognizer.search}


S2T = SpeechToTextOfTasks()
