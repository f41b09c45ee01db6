"""Token lists as files: of a text's tokens, and of published vocabularies."""

from __future__ import annotations

import argparse
from collections import Counter

from espnet2.recipe.tokens import Fields, Symbol, tokenize_lines, vocabulary
from espnet2.text.build_tokenizer import build_tokenizer
from espnet2.text.cleaner import TextCleaner
from espnet2.utils.text_stream import open_input, open_output


def tokenize(args: argparse.Namespace) -> None:
    """Write the tokens of a text, or the list of them, by the options of `espnet2.bin.tokenize_text`."""
    tokenizer = build_tokenizer(
        args.token_type,
        args.bpemodel,
        args.non_linguistic_symbols,
        args.remove_non_linguistic_symbols,
        args.space_symbol,
        args.delimiter,
        args.g2p,
        args.add_nonsplit_symbol,
    )
    fields = None if args.field is None else Fields.parse(args.field)
    symbols = [Symbol.parse(text) for text in (*args.add_symbol, *args.add_nonsplit_symbol)]
    with open_input(args.input) as lines, open_output(args.output) as output:
        tokenized = tokenize_lines(lines, tokenizer, TextCleaner(args.cleaner), fields, args.delimiter)
        if args.write_vocabulary:
            counts = Counter(token for tokens in tokenized for token in tokens)
            written = vocabulary(counts, symbols, args.vocabulary_size, args.cutoff)
        output.writelines(f"{line}\n" for line in (written if args.write_vocabulary else map(" ".join, tokenized)))


def export_whisper(
    output: str,
    whisper_model: str,
    whisper_language: str | None = "en",
    whisper_task: str = "transcribe",
    log_level: str = "INFO",
    add_token_file_name: str = "none",
    sot_asr: bool = False,
    speaker_change_symbol: str = "<sc>",
) -> None:
    """Write the tokens of a Whisper vocabulary in the order of their indices, one on each line, with spaces as such.

    Args:
        output: A file, or - for standard output.
        whisper_model: `whisper_en` or `whisper_multilingual`.
        whisper_language, whisper_task: Checked only, as the list does not depend on them.
        log_level: Without effect here; the command sets it.
        add_token_file_name: File of further tokens of the multilingual vocabulary, or `none`.
        sot_asr: Put `speaker_change_symbol` at the end of the list.
        speaker_change_symbol: The symbol between the texts of speakers.

    Raises:
        OptionError, DataError, MissingPackageError: As `OpenAIWhisperTokenIDConverter`.
    """
    from espnet2.text.byte_level_bpe import SPACE
    from espnet2.text.whisper_token_id_converter import published

    prompt = whisper_language, whisper_task
    published_list = published(whisper_model, *prompt, add_token_file_name, sot_asr, speaker_change_symbol)
    with open_output(output) as file:
        file.writelines(f"{token.replace(SPACE, ' ')}\n" for token in published_list.tokens)


def export_hugging_face(output: str, model_name_or_path: str, log_level: str, add_symbol: list[str]) -> None:
    """Write the tokens of a Hugging Face tokenizer in the order of their indices, one on each line.

    Args:
        output: A file, or - for standard output.
        model_name_or_path: See `HuggingFaceTokenizer`.
        log_level: Without effect here; the command sets it.
        add_symbol: SYMBOL:PLACE of further tokens, such as `<blank>:0`; places below 0 count from the end.

    Raises:
        OptionError, MissingPackageError: As `HuggingFaceTokenizer`, and for a symbol without place.
    """
    from espnet2.text.hugging_face_tokenizer import HuggingFaceTokenizer

    symbols = [Symbol.parse(text) for text in add_symbol]
    indices = HuggingFaceTokenizer(model_name_or_path).tokenizer.get_vocab(with_added_tokens=True)
    tokens = sorted(indices, key=indices.__getitem__)
    for symbol in symbols:
        symbol.insert_into(tokens)
    with open_output(output) as file:
        file.writelines(f"{token}\n" for token in tokens)
