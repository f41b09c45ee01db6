"""Perplexity of texts by a language model."""

from __future__ import annotations

import logging
import math
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from espnet2.interface.errors import DataError, OptionError
from espnet2.interface.limits import hint, limit
from espnet2.lm.espnet_model import ESPnetLanguageModel
from espnet2.lm.espnet_model_multitask import ESPnetMultitaskLanguageModel
from espnet2.tasks.lm import LMTask
from espnet2.utils.atomic import remove_partial, write_atomically
from espnet2.utils.lock import only_one

LanguageModel = ESPnetLanguageModel | ESPnetMultitaskLanguageModel


@torch.no_grad()
def calc_perplexity(
    model: LanguageModel, batches: Iterable[Any], output_dir: str | Path, log_base: float | None = None
) -> float:
    """Write `ppl` and `base`, and of each text `utt2ntokens` and `utt2ppl`; return the perplexity of all.

    Args:
        model: in evaluation mode, on its device.
        batches: utterance ids, and fields `text` (B, U) int64 and `text_lengths` (B,) int64.
        output_dir: where files are written.
        log_base: of the logarithms, which is written to `base`; by default e.

    Raises:
        DataError: there are no texts, one has too many tokens, or another process writes there.
    """
    device = next(model.parameters()).device
    rows: list[tuple[str, float, int]] = []
    for uids, batch in batches:
        _require_short(uids, batch["text_lengths"].tolist())
        nll, lengths = model.nll(batch["text"].to(device), batch["text_lengths"].to(device))
        rows += zip(uids, nll.double().sum(dim=1).tolist(), lengths.tolist(), strict=True)
    if not rows:
        raise DataError(f"{output_dir}: expected texts to calculate the perplexity of, found none")
    base = math.e if log_base is None else log_base
    directory = Path(output_dir)
    total = _perplexity(sum(nll for _, nll, _ in rows), sum(count for _, _, count in rows))
    with only_one(directory, "measurement"):
        remove_partial(directory, below=False)
        _write(directory / "utt2ntokens", (f"{uid} {count}\n" for uid, _, count in rows))
        _write(directory / "utt2ppl", (f"{uid} {_perplexity(nll, count)}\n" for uid, nll, count in rows))
        _write(directory / "base", (f"{base}\n",))
        _write(directory / "ppl", (f"{total}\n",))
    logging.info("PPL=%s", total)
    return total


def _require_short(uids: Iterable[str], lengths: Iterable[int]) -> None:
    """Raise `DataError` for a text of more tokens than the limit: attention compares all of them with each other."""
    most = limit("TEXT_TOKENS")
    for uid, length in zip(uids, lengths, strict=True):
        if length > most:
            found = f"found {length}; {hint('TEXT_TOKENS')}"
            raise DataError(f"{uid}: expected a text of at most {most} tokens, {found}")


def _perplexity(nll: float, count: int) -> float:
    """Return the perplexity of `count` tokens with a negative log-likelihood in nats; it is the same for any base.

    Beyond floating point it is infinite.
    """
    try:
        return math.exp(nll / count)
    except OverflowError:
        return math.inf


def measure(args: Namespace) -> None:
    """Run `calc_perplexity` by the options of `lm_calc_perplexity`."""
    if args.model_file is None:
        raise OptionError("--model_file: expected the weights of the language model, found none")
    if args.log_base is not None and not (math.isfinite(args.log_base) and args.log_base > 0 and args.log_base != 1):
        raise OptionError(f"--log_base: expected a base of logarithms, such as 2 or 10, found {args.log_base}")
    device = "cuda" if args.ngpu > 0 else "cpu"
    model, config = LMTask.build_model_from_file(args.train_config, args.model_file, device)
    batches = LMTask.build_streaming_iterator(
        args.data_path_and_name_and_type,
        LMTask.build_preprocess_fn(config, train=False),
        LMTask.build_collate_fn(config, train=False),
        key_file=args.key_file,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
        allow_variable_data_keys=args.allow_variable_data_keys,
    )
    calc_perplexity(model, batches, args.output_dir, args.log_base)  # type: ignore[arg-type]


def _write(path: Path, lines: Iterable[str]) -> None:
    with write_atomically(path, "w") as file:
        file.writelines(lines)
