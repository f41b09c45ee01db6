"""Figures of a service for Prometheus."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from espnet2.serving.models import Model, Recognition, Streaming

PATHS = ("/v1/audio/transcriptions", "/v1/audio/translations", "/v1/audio/speech", "/v1/models")
SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Metrics:
    """Counters, histograms and gauges of one service, with a registry of its own.

    Args:
        models: Whose queues are shown.
    """

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter("espnet_requests", "Answers by path and status", ["path", "status"], registry=registry)
        self.latency = Histogram(
            "espnet_request_seconds", "Time to an answer", ["path"], buckets=SECONDS, registry=registry
        )
        self.audio = Counter("espnet_audio_seconds", "Speech received", ["model"], registry=registry)
        waiting = Gauge("espnet_waiting_seconds", "Speech that waits for a place", ["model"], registry=registry)
        streams = Gauge("espnet_streams", "Live streams", ["model"], registry=registry)
        for name, model in models.items():
            if isinstance(model, Recognition):
                waiting.labels(name).set_function(functools.partial(_waiting, model))
            elif isinstance(model, Streaming):
                streams.labels(name).set_function(functools.partial(_streams, model))

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Note an answer; paths that clients make up are one."""
        path = path if path in PATHS else "other"
        self.requests.labels(path, status).inc()
        self.latency.labels(path).observe(seconds)

    def text(self) -> str:
        """All figures in Prometheus's format."""
        return generate_latest(self._registry).decode()


def _waiting(model: Recognition) -> float:
    return model.scheduler.waiting


def _streams(model: Streaming) -> float:
    return model.hub.count
