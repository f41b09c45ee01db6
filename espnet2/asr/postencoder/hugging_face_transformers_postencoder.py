"""Post-encoder from the encoder of a pretrained text model: BERT (Devlin et al. 2019), BART (Lewis et al. 2020), T5
(Raffel et al. 2020) and similar ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder
from espnet2.asr.postencoder.length_adaptor_postencoder import halving_layers
from espnet2.interface.spec import Length
from espnet2.layers.hugging_face import embedded, new_network, pretrained_network, read_config, require_type

# Names of the encoders' argument for input vectors. BERT's positions are part of its embeddings, and not used then.
READS = {
    "bert": "hidden_states",
    "roberta": "hidden_states",
    "bart": "inputs_embeds",
    "mbart": "inputs_embeds",
    "t5": "inputs_embeds",
    "mt5": "inputs_embeds",
}
LEARNED_POSITIONS = ("bart", "mbart")  # for input vectors


class HuggingFaceTransformersPostEncoder(AbsPostEncoder):
    """Linear layer to the size of a pretrained model, and the model's encoder. The learned positions of BART and mBART
    limit it to `max_position_embeddings` frames.

    Args:
        input_size: size of the encoder's output.
        model_name_or_path: directory, or name in the hub's cache, of a model of one of the types of `READS`; nothing
            is downloaded. Weights come from the checkpoint; `config.json` is all that is needed, but for
            `lang_token_id`.
        length_adaptor_n_layers: convolutions before the linear layer, each of which halves the number of frames.
        lang_token_id: token whose published embedding is put before the first frame; -1 for none. Checkpoints do not
            hold it: it is read from the model's published weights.

    Raises:
        ValueError: the model is not there, is of another type, or lacks the weights that `lang_token_id` needs.
        MissingPackageError: transformers is not installed.
    """

    first: Tensor

    @typechecked
    def __init__(
        self,
        input_size: int,
        model_name_or_path: str,
        length_adaptor_n_layers: int = 0,
        lang_token_id: int = -1,
    ):
        super().__init__()
        config = read_config("model_name_or_path", model_name_or_path)
        require_type("model_name_or_path", config, READS)
        self.input_size, self.model_name_or_path = input_size, model_name_or_path
        self.reads = READS[config.model_type]
        self.transformer: Any = _encoder(new_network("AutoModel", config))
        self.linear_in = nn.Linear(input_size, config.hidden_size)
        self.length_adaptor, self.length = halving_layers(input_size, length_adaptor_n_layers)
        self.ratio = self.length.stride
        first = torch.zeros(0, config.hidden_size)
        if lang_token_id != -1:
            (first,) = embedded("AutoModel", model_name_or_path, [lang_token_id])
            self.length = self.length.then(Length(((0, 1, 1),)))
        if config.model_type in LEARNED_POSITIONS:
            self.longest = self.length.shortest(config.max_position_embeddings + 1) - 1
        self.register_buffer("first", first, persistent=False)

    def output_size(self) -> int:
        """D."""
        return self.transformer.config.hidden_size

    def reload_pretrained_parameters(self) -> None:
        """Load the published weights, from which training starts; raises `ValueError` if they are missing."""
        published = pretrained_network("AutoModel", self.model_name_or_path, self.transformer.config)
        self.transformer.load_state_dict(_encoder(published).state_dict())

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder output (B, T, F) and lengths (B,) to (B, T', D) and lengths (B,)."""
        # Padded, since with a language token even an utterance that is too short for the convolutions has an output.
        padded = nn.functional.pad(input.transpose(1, 2), (0, self.ratio - 1))
        shortened = self.length_adaptor(padded)[..., : input.shape[1] // self.ratio]
        x = self.linear_in(shortened.transpose(1, 2))
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], dim=1)
        lengths = self.length(input_lengths)
        bias = attention_bias(make_non_pad_mask(lengths, x.shape[1]).unsqueeze(1), x.dtype)
        return self.transformer(**{self.reads: x}, attention_mask=bias).last_hidden_state, lengths


def _encoder(network: Any) -> nn.Module:
    """Return a network's encoder without its unused token embeddings."""
    encoder = network.encoder
    if hasattr(encoder, "embed_tokens"):
        del encoder.embed_tokens
    return encoder
