"""The verb `serve` of `espnet`: a service over HTTP and WebSocket."""

from __future__ import annotations

import argparse
import os
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.runtime.batch_size import batch_size_or_auto
from espnet2.runtime.bundle_arguments import THREADS
from espnet2.runtime.cli.options import add_option
from espnet2.runtime.cli.verbs import MODELS
from espnet2.runtime.option_fields import is_finite, require
from espnet2.serving.limits import Limits
from espnet2.utils.text_file import read_text
from espnet2.utils.types import mapping_or_none, str_or_none

TOKEN = "ESPNET_SERVE_TOKEN"  # variable of the environment
CONNECTIONS = 1024  # at once; others get status 503
GRACE = 60  # seconds in which requests may end after SIGTERM
MB = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add bundles, address, search and limits."""
    text = "bundle, or a trained model, which is exported on first use; the name of its directory is that in requests"
    parser.add_argument(MODELS, nargs="+", metavar="MODEL", help=text)
    add_option(parser, "cache_dir", type=str_or_none, help="directory of exported models (default: the user's cache)")
    add_option(parser, "host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add_option(parser, "port", type=int, default=8000, help="(default: 8000)")
    add_option(
        parser,
        "token_file",
        type=str_or_none,
        help=f"file with the token that requests have to bear (default: ${TOKEN})",
    )
    group = parser.add_argument_group("models")
    add_option(group, "quantized", action="store_true", help="run the int8 graphs of bundles that have them")
    add_option(group, "num_threads", type=int, help=THREADS)
    add_option(group, "batch_size", type=batch_size_or_auto, help="utterances decoded together, or auto (default: 16)")
    add_option(
        group,
        "options",
        type=mapping_or_none,
        help="further options of recognisers, such as '{beam_size: 5, ctc_weight: 0.3}'",
    )
    limits, default = parser.add_argument_group("limits"), Limits()
    for name, text in (
        ("seconds", "of the longest recording"),
        ("deadline", "seconds in which a request is answered or given up"),
        ("patience", "seconds in which a body has to arrive"),
        ("megabytes", "of the largest body"),
        ("characters", "of the longest text"),
    ):
        add_option(
            limits, f"most_{name}", type=float, default=getattr(default, name), help=f"{text} (default: %(default)g)"
        )
    add_option(parser, "log_level", default="INFO", help="(default: INFO)")


def serve(args: argparse.Namespace) -> int:
    """Serve the bundles that the options name, until the process is told to end; returns the exit status."""
    import uvicorn

    from espnet2.serving.app import make_service
    from espnet2.serving.models import open_models

    given = {
        name: getattr(args, f"most_{name}") for name in ("seconds", "deadline", "patience", "megabytes", "characters")
    }
    for name, value in given.items():
        require(is_finite(value) and value > 0, f"--most_{name}", "a positive number", value)
    require(0 <= args.port < 1 << 16, "--port", "a number from 0 to 65535", args.port)
    limits = Limits(**given)
    options: dict[str, Any] = {"quantized": args.quantized, "num_threads": args.num_threads}
    search = {"batch_size": args.batch_size} if args.batch_size is not None else {}
    models = open_models(args.bundles, options, {**search, **(args.options or {})})
    config = uvicorn.Config(
        make_service(models, limits, _token(args.token_file)),
        args.host,
        args.port,
        log_level=args.log_level.lower(),
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
        ws_max_size=16 * MB,
    )
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 2


def _token(path: str | None) -> str | None:
    """The token that requests have to bear; raises `OptionError` for an empty one."""
    if path is None:
        return os.environ.get(TOKEN) or None
    token = read_text(path, "a token", OptionError).strip()
    if not token:
        raise OptionError(f"--token_file: expected a file with a token, found an empty one: {path}")
    return token
