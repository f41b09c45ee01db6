"""Continuation of texts by a language model with PyTorch: `GenerateText` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.scorers.length_bonus import LengthBonus
from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.interface.errors import DataError, OptionError, reason_of
from espnet2.runtime.ngram import load_ngram
from espnet2.runtime.option_fields import is_finite, is_integer
from espnet2.runtime.option_fields import require as require_option
from espnet2.runtime.options import COUNTS, MOST_TOKENS, MOST_WEIGHT
from espnet2.runtime.results import Result
from espnet2.runtime.writers.search import format_score, write_result
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.text.token_id_converter import TokenIDConverter
from espnet2.utils.upstream_options import require

if TYPE_CHECKING:
    from typing_extensions import Self

BOUNDS = {  # of options: least and most
    "beam_size": COUNTS["beam_size"],
    "nbest": (1, COUNTS["beam_size"][1]),
    "maxlen": (0, MOST_TOKENS),
    "minlen": (0, MOST_TOKENS),
}


class GenerateText:
    """Continues texts with a language model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        lm_train_config: config.yaml of the language model.
        lm_file: Its weights; None: see `untrained`.
        ngram_scorer: `full`: the n-gram model scores all tokens; `part`: the best of the language model.
        ngram_file: A KenLM model.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: PyTorch's device.
        maxlen: Largest number of tokens that are added; 0: one.
        minlen: Smallest number of tokens that are added.
        batch_size: Must be 1.
        dtype: Must be float32.
        beam_size: Hypotheses kept at each step.
        ngram_weight: Weight of the n-gram model.
        penalty: Score added for each token.
        nbest: Largest number of results.
        quantize_lm: Convert the weights of layers of these types, `quantize_modules`, to `quantize_dtype` (`qint8` or
            `float16`).
        untrained: Take random weights where none are named; False: raise an error.

    Raises:
        OptionError: An option has a value that is not allowed.
        ConfigError, CheckpointError: A file cannot be used.
    """

    def __init__(
        self,
        lm_train_config: Path | str | None = None,
        lm_file: Path | str | None = None,
        ngram_scorer: str = "full",
        ngram_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str = "cpu",
        maxlen: int = 100,
        minlen: int = 0,
        batch_size: int = 1,
        dtype: str = "float32",
        beam_size: int = 20,
        ngram_weight: float = 0.0,
        penalty: float = 0.0,
        nbest: int = 1,
        quantize_lm: bool = False,
        quantize_modules: Sequence[str] = ("Linear",),
        quantize_dtype: str = "qint8",
        untrained: bool = True,
    ) -> None:
        from espnet2.tasks.lm import LMTask

        counts = {"beam_size": beam_size, "nbest": nbest, "maxlen": maxlen, "minlen": minlen}
        for name, (least, most) in BOUNDS.items():
            known = is_integer(counts[name]) and least <= counts[name] <= (most or counts[name])
            require_option(known, name, f"an integer from {least} to {most}", counts[name])
        for name, weight in (("ngram_weight", ngram_weight), ("penalty", penalty)):
            known = is_finite(weight) and abs(weight) <= MOST_WEIGHT
            require_option(known, name, f"a finite number up to {MOST_WEIGHT:g}", weight)
        for name, found, only in (("batch_size", batch_size, 1), ("dtype", dtype, "float32")):
            if found != only:
                raise OptionError(f"{name}: expected {only!r}, the only value known here, found {found!r}")
        if lm_file is None and not untrained:
            raise OptionError("lm_file: expected the weights of the language model, found none")
        self.lm, self.lm_train_args = LMTask.build_model_from_file(lm_train_config, lm_file, device)
        token_list = self.lm_train_args.token_list
        self.converter = TokenIDConverter(token_list)
        config = self.lm_train_args
        self.tokenizer = load_tokenizer(token_type or config.token_type, bpemodel or config.bpemodel)
        self.device, self.nbest, self.maxlen, self.minlen = device, nbest, maxlen, minlen
        lm: Any = self.lm.lm
        if quantize_lm:
            from espnet2.torch_utils.precision import quantize

            quantize([lm], quantize_modules, quantize_dtype)
        vocabulary, eos = len(token_list), _end_of(self.lm)
        self.beam_search = BatchBeamSearch(
            {
                "lm": lm,
                "ngram": load_ngram(ngram_file, token_list, ngram_scorer, ngram_weight),
                "length_bonus": LengthBonus(vocabulary),
            },
            {"lm": 1.0, "ngram": ngram_weight, "length_bonus": penalty},
            beam_size,
            vocabulary,
            sos=eos,
            eos=eos,
            token_list=token_list,
        )

    def __call__(self, text: Any) -> list[Result]:
        """The n-best continuations of a text, best first: text, tokens, indices, hypothesis.

        The first token of the text is the start symbol, as in training: it is not read, and results do not contain it.

        Args:
            text: A string, or indices of tokens (U,), an array or a tensor.

        Raises:
            DataError: There is no second token, or the model's scores for the text are no numbers.
            OptionError: A string, where the model's tokenizer is not known.
        """
        import torch

        if isinstance(text, str):
            if self.tokenizer is None:
                raise OptionError(
                    "token_type: expected the kind of tokens, since the model's tokenizer is not known; found none"
                )
            text = self.converter.tokens2ids(self.tokenizer.text2tokens(text))
        ids = np.asarray(text).astype(np.int64).tolist()
        if len(ids) < 2:
            raise DataError(f"text: expected two tokens or more, the first of which is not read, found {len(ids)}")
        self.beam_search.set_hyp_primer(ids[1:])
        try:
            with torch.no_grad():
                found = self.beam_search(torch.zeros(1, 1, device=self.device), -self.maxlen, -self.minlen)
        except ValueError as error:
            raise DataError(f"text: {reason_of(error)}") from error
        return [self._result(hypothesis) for hypothesis in found[: self.nbest]]

    def _result(self, hypothesis: Any) -> Result:
        token_int = [token for token in hypothesis.yseq[:-1].tolist() if token != 0]
        token = self.converter.ids2tokens(token_int)
        text = None if self.tokenizer is None else self.tokenizer.tokens2text(token)
        return Result(text, token, token_int, hypothesis)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The generator of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        if model_tag is None:
            return cls(**options)
        from espnet2.main_funcs.pretrained import find_model

        files = find_model(model_tag=str(model_tag))
        names = ("lm_train_config", "lm_file", "ngram_file")
        return cls(**{name: files[name] for name in names if name in files} | options)


def _end_of(model: Any) -> int:
    """The index of the symbol that ends a model's texts."""
    return model.eos_id if hasattr(model, "eos_id") else model.eos


def inference(
    output_dir: Path | str,
    data_path_and_name_and_type: Sequence[tuple[str, str, str]],
    key_file: str | None = None,
    allow_variable_data_keys: bool = False,
    num_workers: int = 1,
    ngpu: int = 0,
    seed: int = 0,
    log_level: str = "INFO",
    model_tag: str | None = None,
    word_lm_train_config: str | None = None,
    word_lm_file: str | None = None,
    **options: Any,
) -> None:
    """Continue the texts of a file and write `{n}best_recog/{text,token,token_int,score}` into a directory.

    Args:
        output_dir: The directory.
        data_path_and_name_and_type: Of the texts: path, `text`, `text`.
        key_file: File of the utterances whose texts are continued.
        allow_variable_data_keys: Allow other files.
        num_workers: Processes that read.
        ngpu: 1: compute on a GPU.
        seed, log_level: Without effect.
        model_tag: A packed model, instead of its files.
        word_lm_train_config, word_lm_file: None and nothing else.
        options: Of `GenerateText`.
    """
    from espnet2.tasks.lm import LMTask

    require({"word_lm_train_config": word_lm_train_config, "word_lm_file": word_lm_file})
    generate = GenerateText.from_pretrained(model_tag, device="cuda" if ngpu else "cpu", **options)
    given = {name: options[name] for name in ("token_type", "bpemodel") if options.get(name)}
    config = argparse.Namespace(**{**vars(generate.lm_train_args), **given})
    batches = LMTask.build_streaming_iterator(
        data_path_and_name_and_type,
        LMTask.build_preprocess_fn(config, train=False),
        LMTask.build_collate_fn(config, train=False),
        key_file=key_file,
        num_workers=num_workers,
        allow_variable_data_keys=allow_variable_data_keys,
        inference=True,
    )
    with DatadirWriter(output_dir) as writer:
        for (uid,), batch in batches:
            for rank, result in enumerate(generate(batch["text"][0]), 1):
                write_result(writer[f"{rank}best_recog"], uid, result, format_score(float(result.hypothesis.score)))


def continue_texts(args: argparse.Namespace) -> None:
    """Continue the texts that the options of the command name."""
    options = {name: value for name, value in vars(args).items() if name != "config"}
    inference(**options, untrained=False)
