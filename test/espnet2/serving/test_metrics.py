"""Figures of several processes are added up, and those of one that is replaced are kept."""

from __future__ import annotations

import pytest

pytest.importorskip("prometheus_client")

from prometheus_client import values

from espnet2.serving.metrics import DIRECTORY, Metrics, share_figures
from espnet2.serving.models import Model

PATH = "/v1/audio/transcriptions"
ANSWERS = f'espnet_requests_total{{path="{PATH}",status="200"}}'
STREAMS = 'espnet_streams{model="live"}'


class Live(Model):
    """A model of so many streams."""

    def __init__(self, streams: int) -> None:
        super().__init__("live", 16000)
        self.streams = streams

    def gauges(self):
        return {"streams": self.streams}


def figures(metrics: Metrics) -> tuple[float, ...]:
    """Answers and streams."""
    found = dict(line.rsplit(" ", 1) for line in metrics.text().splitlines() if not line.startswith("#"))
    return tuple(float(found.get(name, 0)) for name in (ANSWERS, STREAMS))


def test_a_process_alone():
    live = Live(3)
    metrics = Metrics({"live": live})
    metrics.observe(PATH, 200, 0.3)
    assert figures(metrics) == (1, 3)
    live.streams = 1
    assert figures(metrics) == (1, 1)


def test_processes_that_share_a_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv(DIRECTORY, "")

    def process(number: int, streams: int, answers: int) -> Metrics:
        share_figures(str(tmp_path), number)
        metrics = Metrics({"live": Live(streams)}, str(tmp_path))
        for _ in range(answers):
            metrics.observe(PATH, 200, 0.3)
        metrics.refresh()
        return metrics

    first, second = process(0, 3, 2), process(1, 2, 1)
    assert figures(first) == figures(second) == (3, 5)
    share_figures(str(tmp_path), 0)  # the first one has ended, and the next one loads its models
    assert figures(second) == (3, 2)
    third = process(0, 1, 1)
    assert figures(third) == figures(second) == (4, 3)
    assert "espnet_request_seconds_count{" in third.text()
