"""Write the token list of a Whisper vocabulary: `python -m espnet2.bin.whisper_export_vocabulary --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import str2bool


def export_vocabulary(
    output: str,
    whisper_model: str,
    whisper_language: str | None = "en",
    whisper_task: str = "transcribe",
    log_level: str = "INFO",
    add_token_file_name: str = "none",
    sot_asr: bool = False,
    speaker_change_symbol: str = "<sc>",
) -> None:
    """Write the tokens in the order of their indices, one on each line, with spaces as such.

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
    from espnet2.recipe.tokens import open_output
    from espnet2.text.byte_level_bpe import SPACE
    from espnet2.text.whisper_token_id_converter import published

    prompt = whisper_language, whisper_task
    vocabulary = published(whisper_model, *prompt, add_token_file_name, sot_asr, speaker_change_symbol)
    with open_output(output) as file:
        file.writelines(f"{token.replace(SPACE, ' ')}\n" for token in vocabulary.tokens)


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.whisper_export_vocabulary",
        description="Write the token list of one of Whisper's vocabularies, as the package openai-whisper has them.",
    )
    parser.add_argument("--log_level", default="INFO", help="(default: INFO)")
    parser.add_argument("--output", "-o", required=True, help="token list, - for standard output")
    parser.add_argument("--whisper_model", required=True, help="whisper_en or whisper_multilingual")
    parser.add_argument("--add_token_file_name", default="none", help="file of further tokens (default: none)")
    parser.add_argument("--whisper_language", default="en", help="language of prompts; checked only (default: en)")
    parser.add_argument("--whisper_task", default="transcribe", help="transcribe or translate; checked only")
    parser.add_argument("--sot_asr", type=str2bool, default=False, help="add speaker_change_symbol (default: false)")
    parser.add_argument("--speaker_change_symbol", default="<sc>", help="between speakers (default: <sc>)")
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), lambda args: export_vocabulary(**vars(args)), cmd)


if __name__ == "__main__":
    raise SystemExit(main())
