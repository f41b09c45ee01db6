"""Decoders of the package transformers: those of BART (Lewis et al. 2020) and T5 (Raffel et al. 2020), and language
models that are prompted with the encoder's output, such as LLaMA (Touvron et al. 2023)."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.step_scorer import BatchSteppedScorer
from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, hypotheses, stacked
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.asr.decoder.hugging_face_networks import CausalNetwork, CrossNetwork
from espnet2.interface import spec
from espnet2.interface.errors import ConfigError
from espnet2.interface.spec import Length, OutputLength
from espnet2.layers.hugging_face import (
    embedded,
    generation_config,
    new_network,
    pretrained_network,
    read_config,
    require_type,
    shares_embeddings,
    tokenized,
)
from espnet2.utils.json_file import read_json_mapping

FAMILIES = {False: "AutoModelForSeq2SeqLM", True: "AutoModelForCausalLM"}
# Types of models, by `causal_lm`. GPT-2 and OPT are missing, since upstream does not find their embeddings.
MODEL_TYPES = {
    False: ("bart", "mbart", "t5", "mt5"),
    True: ("llama", "qwen2", "qwen3", "gpt_neox"),
}
# Keys that upstream overrides, that matter for sampling only, or that are no rule of the text.
NO_RULES = (
    *("num_beams", "bos_token_id", "pad_token_id", "temperature", "top_k", "top_p"),
    *("use_cache", "output_attentions", "output_hidden_states", "transformers_version"),
)
START_TOKENS = {"mbart": 2}  # upstream puts mBART's </s> in the place of the first token


class HuggingFaceTransformersDecoder(BatchSteppedScorer, AbsDecoder):
    """Decoder of a pretrained model, which attends to the encoder's output, or a language model (`causal_lm`), which
    reads it in place of embedded tokens.

    Args:
        vocab_size: V.
        encoder_output_size: size of the encoder's output; a linear layer maps it to the model's size D.
        model_name_or_path: directory, or name in the hub's cache, of a model of one of `MODEL_TYPES`; nothing is
            downloaded. Weights come from the checkpoint; `config.json` is all that is needed, but for prefix and
            postfix.
        causal_lm: the model is a language model rather than an encoder-decoder model.
        prefix, postfix: texts before and after the encoder's output in a language model's prompt. Checkpoints do not
            hold their vectors: they come from the model's tokenizer and published weights. An empty text, too, has
            the special tokens that the tokenizer puts around a text.
        overriding_architecture_config: keys of config.json with other values, or the name of a JSON file of them.
        load_pretrained_weights: start from the published weights; see `reload_pretrained_parameters`.
        separate_lm_head: the output layer has weights of its own, even where the model shares the embeddings'.

    Raises:
        ValueError: the model is not there, is of another type, or lacks what prefix and postfix need.
        MissingPackageError: transformers is not installed.
    """

    prefix: Tensor
    postfix: Tensor

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        encoder_output_size: int,
        model_name_or_path: str,
        causal_lm: bool = False,
        prefix: str = "",
        postfix: str = "",
        overriding_architecture_config: str | dict | None = {},  # noqa: B006 - never changed; part of the schema
        load_pretrained_weights: bool = True,
        separate_lm_head: bool = False,
    ):
        super().__init__()
        self.vocab_size, self.size, self.causal_lm = vocab_size, encoder_output_size, causal_lm
        self.model_name_or_path, self.load_pretrained_weights = model_name_or_path, load_pretrained_weights
        given = overriding_architecture_config
        overrides = {**(read_json_config(given) if isinstance(given, str) else given or {}), "vocab_size": vocab_size}
        config = read_config("model_name_or_path", model_name_or_path, overrides)
        require_type("model_name_or_path", config, MODEL_TYPES[causal_lm])
        network: Any = new_network(FAMILIES[causal_lm], config)
        self.decoder: Any = network.base_model if causal_lm else network.get_decoder()
        if causal_lm:
            self.decoder_word_embeddings = network.get_input_embeddings()
        head = network.get_output_embeddings()
        self.tied = shares_embeddings(model_name_or_path, config)
        self.lm_head = head if self.tied and not separate_lm_head else copy.deepcopy(head)
        size = config.hidden_size
        same = encoder_output_size == size
        self.linear_in: nn.Module = nn.Identity() if same else nn.Linear(encoder_output_size, size)
        for name, vectors in self._prompt(size, prefix=prefix, postfix=postfix).items():
            self.register_buffer(name, vectors, persistent=False)
        self.start_token = START_TOKENS.get(config.model_type)
        self.generation_config = generation_config(model_name_or_path, self.decoder.config)

    def _prompt(self, size: int, **texts: str) -> dict[str, Tensor]:
        """Published embeddings (1, U, D) of each text with the special tokens that the model's tokenizer puts around
        it, which an empty text has, too."""
        tokens = tokenized(self.model_name_or_path, *texts.values()) if self.causal_lm else []
        if not any(tokens):
            return {name: torch.zeros(1, 0, size) for name in texts}
        vectors = embedded(FAMILIES[True], self.model_name_or_path, *tokens)
        return {name: found.unsqueeze(0) for name, found in zip(texts, vectors, strict=True)}

    @property
    def network(self) -> Any:
        """The network, wrapped for decoding token by token."""
        if self.causal_lm:
            return CausalNetwork(self.decoder, self.decoder_word_embeddings, self.prefix, self.postfix)
        return CrossNetwork(self.decoder, self.start_token)

    def reload_pretrained_parameters(self) -> None:
        """Load the published weights, from which training starts, if `load_pretrained_weights` is set.

        Raises `ValueError` where they are not there, or are of another shape.
        """
        if not self.load_pretrained_weights:
            return
        published: Any = pretrained_network(FAMILIES[self.causal_lm], self.model_name_or_path)
        published.resize_token_embeddings(self.vocab_size)
        decoder = published.base_model if self.causal_lm else published.get_decoder()
        self.decoder.load_state_dict(decoder.state_dict())
        self.lm_head.load_state_dict(published.get_output_embeddings().state_dict())

    def generation(self) -> dict[str, Any]:
        """Rules of transformers' generate for this model: `espnet.nets.generation.GenerationRules` by name, and the
        other entries of its generation_config.json."""
        config = self.decoder.config
        given = self.generation_config
        own = getattr(config, "decoder_start_token_id", None)
        start = own, given.get("decoder_start_token_id"), given.get("bos_token_id"), 0
        kept = {key: value for key, value in given.items() if key not in NO_RULES and not key.startswith("_")}
        kept["decoder_start_token_id"] = next(token for token in start if token is not None)
        if self.start_token is not None:
            kept["trained_start_token_id"] = self.start_token
        scaled = config.model_type in ("t5", "mt5") and self.tied
        return {**kept, "reads_start": not self.causal_lm, "scale": config.d_model**-0.5 if scaled else 1.0}

    def forward(self, hs_pad: Tensor, hlens: Tensor, ys_in_pad: Tensor, ys_in_lens: Tensor) -> tuple[Tensor, Tensor]:
        """Score known targets: see `AbsDecoder.forward`."""
        return self.lm_head(self.network.forward(ys_in_pad, self.linear_in(hs_pad), hlens)), ys_in_lens

    def start(self, encoder_out: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, ...]:
        """Compute the memory that all steps read, once per utterance.

        Args:
            encoder_out: (B, T, F).
            lengths: (B,) int64, its lengths, which language models need.

        Returns:
            memory_key, memory_value: (layers, B, H, T, D/H) each. Those of a language model have the length P of the
            longest prompt instead of T, and are followed by lengths (B,) of the prompts and their last vectors (B, D).
        """
        return self.network.start(self.linear_in(encoder_out), lengths)

    def step(
        self, tokens: Tensor, parents: Tensor, memory_key: Tensor, memory_value: Tensor, *others: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            parents: (B, beam) int64, which hypothesis of the step before it continues.
            memory_key, memory_value: (layers, B, H, T or P, D/H) from `start`.
            others: lengths (B,) int64 of the encoder's output, or of the prompts with their last vectors (B, D);
                cache_key and cache_value (layers, B, parent, H, past, D/H), returned by the previous step.

        Returns:
            log-probabilities (B, beam, V), and the next `cache_key` and `cache_value`.
        """
        *prompt, cache_key, cache_value = others
        entries = entries_of(parents, cache_key)
        past = continued(cache_key, entries), continued(cache_value, entries)
        beam = parents.shape[1]
        memory = tuple([_for_each(layer, beam) for layer in kind] for kind in (memory_key, memory_value))
        prompt = [_for_each(tensor, beam) for tensor in prompt]
        hidden, keys, values = self.network.step(tokens.flatten(), past, memory, *prompt)
        log_probs = torch.log_softmax(self.lm_head(hidden), dim=-1).unflatten(0, parents.shape)
        return log_probs, stacked(keys, parents), stacked(values, parents)

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_start` and `decoder_step`."""
        return _components(self)


def read_json_config(conf_path: str | Path) -> dict[str, Any]:
    """Keys of a model's configuration in a JSON file; raises `ValueError` for a file that is not one."""
    try:
        return read_json_mapping(conf_path, "keys in JSON", ConfigError)
    except ConfigError as error:
        raise ValueError(
            f"overriding_architecture_config: expected a JSON file of keys, found {str(conf_path)!r}"
        ) from error


def _for_each(utterances: Tensor, beam: int) -> Tensor:
    """(B, ...) → (B * beam, ...): every utterance once for each of its hypotheses."""
    return utterances.unsqueeze(1).expand(-1, beam, *utterances.shape[1:]).flatten(0, 1)


def _components(decoder: HuggingFaceTransformersDecoder) -> tuple[spec.Component, ...]:
    with torch.no_grad():
        one = torch.zeros(1, 1, decoder.size, device=decoder.lm_head.weight.device)
        shape = decoder.start(one, torch.ones(1, dtype=torch.long, device=one.device))[0].shape
    layers, _, heads, _, size = shape
    axis = "prompt" if decoder.causal_lm else "frames"
    names = ("memory_key", "memory_value")
    memory = tuple(spec.Tensor(name, (layers, "batch", heads, axis, size)) for name in names)
    frames = spec.Tensor("memory_lengths", ("batch",), "int64", length_of="frames")
    prompts = (
        spec.Tensor("prompt_lengths", ("batch",), "int64", length_of="prompt"),
        spec.Tensor("prompt_last", ("batch", decoder.decoder.config.hidden_size)),
    )
    extra = decoder.prefix.shape[1] + decoder.postfix.shape[1]
    start = spec.Component(
        name="decoder_start",
        method="start",
        inputs=(spec.Tensor("encoder_out", ("batch", "frames", decoder.size)), *((frames,) * decoder.causal_lm)),
        outputs=(*memory, *(prompts * decoder.causal_lm)),
        lengths=(OutputLength("prompt", "frames", Length(((extra, 1, 0),))),) * decoder.causal_lm,
    )
    step = spec.Component(
        name="decoder_step",
        method="step",
        inputs=(*hypotheses(decoder.vocab_size), *memory, *(prompts if decoder.causal_lm else (frames,))),
        outputs=(spec.Tensor("log_probs", ("batch", "beam", decoder.vocab_size)),),
        states=tuple(
            spec.State(
                spec.Tensor(name, (layers, "batch", "parent", heads, "past", size)),
                spec.Tensor(f"next_{name}", (layers, "batch", "beam", heads, "past+1", size)),
            )
            for name in ("cache_key", "cache_value")
        ),
        initial={"parent": 1, "past": 0},
    )
    return start, step
