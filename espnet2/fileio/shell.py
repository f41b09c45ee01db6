"""Commands in lists, such as `sox utt1.sph -t wav - |`, which the shell runs."""

from __future__ import annotations

import io
import subprocess

from espnet2.interface.errors import AudioError


def output_of(command: str) -> io.BytesIO:
    """Run a command, which ends with `|`, and return its standard output; raises `AudioError` if it fails."""
    done = subprocess.run(command[:-1], shell=True, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        last = f" ({lines[-1].strip()})" if lines else ""
        raise AudioError(f"{command}: expected a recording, found exit status {done.returncode}{last}")
    return io.BytesIO(done.stdout)
