"""Figures of a service for Prometheus, of one process or added up over several."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from espnet2.serving.models import Model

PATHS = ("/v1/audio/transcriptions", "/v1/audio/translations", "/v1/audio/speech", "/v1/models")
SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)
GAUGES = {"waiting_seconds": "Speech that waits for a place", "streams": "Live streams"}
PERIOD = 1.0  # seconds after which other processes see new values of gauges
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # variable in which the client looks for the directory


def share_figures(directory: str, number: int) -> None:
    """Keep figures that are made from now on in files of a directory, where those of process `number` go on.

    Its gauges begin anew, since those of a process that has ended count no more.
    """
    os.environ[DIRECTORY] = directory
    values.ValueClass = values.MultiProcessValue(lambda: number)
    mark_process_dead(number, directory)


class Metrics:
    """Counters, histograms and gauges of one service, with a registry of its own.

    Args:
        models: Whose queues are shown.
        directory: That this process shares with others, see `share_figures`; None: its figures are all.
    """

    def __init__(self, models: Mapping[str, Model], directory: str | None = None) -> None:
        self._models, self._directory = models, directory
        self._registry = registry = CollectorRegistry()
        self.requests = Counter("espnet_requests", "Answers by path and status", ["path", "status"], registry=registry)
        self.latency = Histogram(
            "espnet_request_seconds", "Time to an answer", ["path"], buckets=SECONDS, registry=registry
        )
        self.audio = Counter("espnet_audio_seconds", "Speech received", ["model"], registry=registry)
        self._gauges = {
            name: Gauge(f"espnet_{name}", text, ["model"], registry=registry, multiprocess_mode="livesum")
            for name, text in GAUGES.items()
        }

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Note an answer; paths that clients make up are one."""
        path = path if path in PATHS else "other"
        self.requests.labels(path, status).inc()
        self.latency.labels(path).observe(seconds)

    def refresh(self) -> None:
        """Set the gauges to what the models say."""
        for name, model in self._models.items():
            for gauge, value in model.gauges().items():
                self._gauges[gauge].labels(name).set(value)

    async def keep_fresh(self) -> None:
        """Refresh the gauges again and again, until this is cancelled."""
        while True:
            self.refresh()
            await asyncio.sleep(PERIOD)

    def text(self) -> str:
        """All figures in Prometheus's format."""
        self.refresh()
        registry = self._registry
        if self._directory is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, self._directory)
        return generate_latest(registry).decode()
