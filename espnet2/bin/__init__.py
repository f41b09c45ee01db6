"""Command lines: each parses its options, calls one function, and returns an exit status."""

import signal
import sys

if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # `python -m espnet2.bin.NAME` imports for seconds: Ctrl-C ends it until `espnet2.utils.cli.run` takes over.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
