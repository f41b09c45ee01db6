"""The verb `serve` of `espnet`: a service over HTTP and WebSocket."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.interface.errors import OptionError, reason_of, shortened
from espnet2.runtime.batch_size import batch_size_or_auto
from espnet2.runtime.bundle_arguments import THREADS, inference_options_or_none
from espnet2.runtime.cli.options import add_option
from espnet2.runtime.cli.verbs import MODELS
from espnet2.runtime.memory import share_memory
from espnet2.runtime.opening import available_cores
from espnet2.runtime.option_fields import is_finite, require
from espnet2.serving.limits import Limits
from espnet2.serving.messages import parse_object
from espnet2.utils.cli import add_log_level
from espnet2.utils.text_file import read_text
from espnet2.utils.types import str_or_none
from espnet2.utils.work_directory import work_directory

if TYPE_CHECKING:
    from espnet2.serving.guard import Guard

TOKEN, PLAN = "ESPNET_SERVE_TOKEN", "ESPNET_SERVE_PLAN"  # variables of the environment
CONNECTIONS = 1024  # at once; others get status 503
GRACE = 60  # seconds in which requests may end after SIGTERM
MB = 1 << 20
MOST = 1e12  # of any limit
TURN = 0.001  # seconds after which a thread that computes lets others in, of which one answers all connections
LOGS = ("uvicorn.access", "uvicorn.error")
IN_ADDRESS = re.compile(r"token=[^&\s\"]*")
MOST_PROCESSES = 1024  # more than any machine has cores; a number above is a slip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add bundles, address, search and limits."""
    text = "bundle, or a trained model, which is exported on first use; the default of NAME is that of its directory"
    parser.add_argument(MODELS, nargs="+", metavar="[NAME=]MODEL", help=text)
    add_option(parser, "cache_dir", type=str_or_none, help="directory of exported models (default: the user's cache)")
    add_option(parser, "host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add_option(parser, "port", type=int, default=8000, help="port to listen on; 0: any free one (default: 8000)")
    add_option(
        parser,
        "token_file",
        type=str_or_none,
        help=f"file with the token that requests have to bear (default: ${TOKEN})",
    )
    add_log_level(parser, "--log-level")
    _add_model_arguments(parser.add_argument_group("models"))
    _add_process_arguments(parser.add_argument_group("processes"))
    limits, default = parser.add_argument_group("limits"), Limits()
    for name, text in (
        ("seconds", "of the longest recording"),
        ("deadline", "seconds in which a request is answered or given up"),
        ("patience", "seconds in which a body has to arrive"),
        ("megabytes", "of the largest body"),
        ("total_megabytes", "of bodies and decoded recordings of all requests at once, of each process"),
        ("characters", "of the longest text"),
    ):
        add_option(
            limits, f"most_{name}", type=float, default=getattr(default, name), help=f"{text} (default: %(default)g)"
        )


def _add_model_arguments(group: argparse._ActionsContainer) -> None:
    add_option(group, "quantized", action="store_true", help="run the int8 graphs of bundles that have them")
    add_option(group, "num_threads", type=int, help=THREADS)
    add_option(group, "batch_size", type=batch_size_or_auto, help="utterances decoded together, or auto (default: 16)")
    add_option(
        group,
        "mapped",
        action="store_true",
        help="read weights from the files, mapped into memory, which processes share; calls take longer",
    )
    add_option(
        group,
        "options",
        type=inference_options_or_none,
        help="further options of recognisers, such as '{beam_size: 5, ctc_weight: 0.3}'",
    )


def _add_process_arguments(group: argparse._ActionsContainer) -> None:
    add_option(group, "processes", type=int, default=1, help="processes that share the cores (default: 1)")
    add_option(
        group,
        "ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="serve by replicas of a Ray cluster, or of one that is started on this machine",
    )
    add_option(
        group,
        "replicas",
        type=int,
        nargs=2,
        default=(1, 1),
        metavar=("LEAST", "MOST"),
        help="with --ray, between which requests decide; of --num_threads cores each (default: 1 1)",
    )


def without_tokens(record: logging.LogRecord) -> bool:
    """Hide the tokens that addresses in a line of a log have, and shorten these; all lines are written."""
    if isinstance(record.args, tuple):
        record.args = tuple(map(_shown, record.args))
    return True


def _shown(value: Any) -> Any:
    return shortened(IN_ADDRESS.sub("token=...", value)) if isinstance(value, str) else value


@dataclass(frozen=True)
class Plan:
    """A service, as each of its processes makes it.

    Attributes:
        bundles: Directories by name.
        options: Of all models, see `open_models`.
        search: Of recognisers.
        limits: Of requests.
        token: Of requests.
        processes: That share the machine.
        directory: Of several processes, for their numbers and figures.
    """

    bundles: dict[str, str]
    options: dict[str, Any]
    search: dict[str, Any]
    limits: dict[str, float] = field(default_factory=dict)
    token: str | None = None
    processes: int = 1
    directory: str | None = None

    def make(self) -> Guard:
        """The application; raises `EspnetError` where a model cannot be opened."""
        from espnet2.serving.app import make_service
        from espnet2.serving.models import open_models

        sys.setswitchinterval(TURN)
        for name in LOGS:
            logging.getLogger(name).addFilter(without_tokens)
        share_memory(self.processes)
        models = open_models(self.bundles, self.options, self.search)
        return make_service(models, Limits(**self.limits), self.token, self.directory)

    def check(self) -> None:
        """Raise `EspnetError` where the application could not be made."""
        from espnet2.serving.models import open_models

        for model in open_models(self.bundles, self.options, self.search).values():
            model.close()


def make_planned() -> Guard:
    """The application of the plan in the environment: one of several processes, with a number and cores of its own."""
    from espnet2.serving.metrics import share_figures
    from espnet2.serving.processes import take_number, use_cores

    found = parse_object(os.environ.get(PLAN, ""))
    if found is None:
        raise OptionError(f"{PLAN}: expected the plan of a service, found none")
    plan = Plan(**found)
    assert plan.directory is not None
    number = take_number(Path(plan.directory))
    share_figures(plan.directory, number)
    threads = use_cores(number, plan.processes, plan.options["num_threads"])
    return replace(plan, options={**plan.options, "num_threads": threads}).make()


def serve(args: argparse.Namespace) -> int:
    """Serve the bundles that the options name, until the process is told to end; returns the exit status."""
    import uvicorn

    plan = plan_of(args)
    if args.ray is not None:
        from espnet2.serving.replicas import serve_on_ray

        plan.check()
        return serve_on_ray(plan.make, args.ray, args.host, args.port, args.replicas, plan.options["num_threads"])
    _require_address(args.host, args.port)
    from espnet2.serving.connections import PatientProtocol

    running: dict[str, Any] = {
        "http": PatientProtocol,
        "host": args.host,
        "port": args.port,
        "log_level": args.log_level.lower(),
        "limit_concurrency": CONNECTIONS,
        "timeout_graceful_shutdown": GRACE,
        "ws_max_size": 16 * MB,
    }
    if args.processes > 1:
        plan.check()
        with work_directory(tempfile.gettempdir(), "espnet-serve") as directory:
            os.environ[PLAN] = json.dumps(asdict(replace(plan, directory=str(directory))))
            try:
                uvicorn.run("espnet2.serving.command:make_planned", factory=True, workers=args.processes, **running)
            except SystemExit:  # of an address that is not free, which is logged
                return 2
        return 0
    server = uvicorn.Server(uvicorn.Config(plan.make(), **running))
    server.run()
    return 0 if server.started else 2


def _require_address(host: str, port: int) -> None:
    """Raise `OptionError` for an address on which nothing can listen, before models are opened."""
    try:
        if not host:  # which means all addresses of the machine
            raise ValueError("none")
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except (OSError, ValueError) as error:
        found = f"{host}:{port}: {reason_of(error)}"
        raise OptionError(f"--host, --port: expected an address to listen on, found {found}") from error


def plan_of(args: argparse.Namespace) -> Plan:
    """The plan that options describe; raises `OptionError`."""
    limits = {item.name: getattr(args, f"most_{item.name}") for item in fields(Limits)}
    for name, value in limits.items():
        require(is_finite(value) and 0 < value <= MOST, f"--most_{name}", f"a positive number up to {MOST:g}", value)
    require(0 <= args.port < 1 << 16, "--port", "a number from 0 to 65535", args.port)
    processes, (least, most) = args.processes, args.replicas
    require(1 <= processes <= MOST_PROCESSES, "--processes", f"a number from 1 to {MOST_PROCESSES}", processes)
    require(1 <= least <= most, "--replicas", "two numbers of at least 1, the smaller one first", f"{least} {most}")
    if args.ray is not None and processes > 1:
        raise OptionError(f"--processes: expected none with --ray, found {processes}")
    if args.ray is None and (least, most) != (1, 1):
        raise OptionError(f"--replicas: expected --ray with it, found {least} {most} alone")
    threads = args.num_threads
    if threads is None and args.ray is not None:
        threads = max(available_cores() // most, 1)
    options = {"quantized": args.quantized, "num_threads": threads, "mapped": args.mapped}
    search = {"batch_size": args.batch_size} if args.batch_size is not None else {}
    bundles = {name: str(Path(path).absolute()) for name, path in args.bundles.items()}  # also for other machines
    return Plan(bundles, options, {**search, **(args.options or {})}, limits, _token(args.token_file), processes)


def _token(path: str | None) -> str | None:
    """The token that requests have to bear; raises `OptionError` for an empty one."""
    if path is None:
        return os.environ.get(TOKEN) or None
    token = read_text(path, "a token", OptionError).strip()
    if not token:
        raise OptionError(f"--token_file: expected a file with a token, found an empty one: {path}")
    return token
