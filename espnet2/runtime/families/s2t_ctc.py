"""Speech to text of many tasks by CTC alone, as OWSM-CTC."""

from __future__ import annotations

from typing import ClassVar

from espnet2.interface.errors import BundleError
from espnet2.runtime.families.s2t import SpeechToTextOfTasks
from espnet2.runtime.family import Components
from espnet2.runtime.prompted import layers_of
from espnet2.runtime.s2t_ctc import S2TCTCRecognizer
from espnet2.runtime.s2t_ctc_options import S2TCTCOptions
from espnet2.runtime.s2t_section import S2TCTCSection
from espnet2.runtime.search_model import SearchSection

READS = ["prefix", "text_prev", "text_prev_lengths"]  # behind speech and its lengths


class SpeechToTextByCTC(SpeechToTextOfTasks):
    """Models whose encoder reads a language, a task and a previous text; results are those of
    `espnet2.runtime.Speech2Text`."""

    subject = "speech to text of many tasks by CTC"
    speech2text = "espnet2.runtime.s2t_ctc:S2TCTCSpeech2Text"
    section = S2TCTCSection
    options: ClassVar[type[S2TCTCOptions]] = S2TCTCOptions
    recognizer: ClassVar[type[S2TCTCRecognizer]] = S2TCTCRecognizer

    def require_usable(self, components: Components, section: SearchSection) -> None:
        """Check that the encoder reads a prompt, and that there is CTC."""
        super().require_usable({name: one for name, one in components.items() if name != "encoder"}, section)
        encoder = components.get("encoder")
        if encoder is None or [tensor.name for tensor in encoder.inputs[2:]] != READS or len(encoder.outputs) < 2:
            raise BundleError(f"encoder: expected speech, its lengths, {', '.join(READS)} as inputs, found others")
        layers_of(encoder)


S2T_CTC = SpeechToTextByCTC()
