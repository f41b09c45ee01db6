"""Write the token list of a Whisper vocabulary: `python -m espnet2.bin.whisper_export_vocabulary --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.recipe.vocabularies import export_whisper as export_vocabulary
from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import str2bool

__all__ = ["export_vocabulary", "get_parser", "main"]


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.whisper_export_vocabulary",
        description="Write the token list of one of Whisper's vocabularies, as the package openai-whisper has them.",
    )
    add_log_level(parser)
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
