"""Utterances of many requests that are decoded together."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from espnet2.fileio.audio import read_audio
from espnet2.runtime.asr import Speech2Text
from espnet2.serving.scheduler import Abandoned, BusyError, Scheduler, Ticket

OPTIONS = {"beam_size": 3, "ctc_weight": 0.4, "num_threads": 1}


@pytest.fixture(scope="module")
def speeches(demo_dir) -> list[np.ndarray]:
    return [read_audio(path, 16000) for path in sorted((demo_dir / "recordings").glob("*.flac"))][:4]


@pytest.fixture(scope="module")
def recognizer(demo_bundle) -> Speech2Text:
    return Speech2Text(demo_bundle, **OPTIONS, batch_size=4)


@pytest.fixture
def make(recognizer):
    """Make schedulers that are closed at the end."""
    made = []

    def make_one(**options):
        made.append(Scheduler(recognizer, **{"size": 4, "most_waiting": 100.0, **options}))
        return made[-1]

    yield make_one
    for scheduler in made:
        scheduler.close()


@pytest.mark.parametrize("gatherings", [1, 2])
def test_results_are_those_of_one_by_one(make, recognizer, speeches, gatherings):
    scheduler = make(gatherings=gatherings)
    futures = [scheduler.submit(speech, Ticket()) for speech in speeches * 2]
    texts = [future.result(60)[0].text for future in futures]
    assert texts == [recognizer(speech)[0][0] for speech in speeches] * 2
    assert scheduler.waiting == 0


def test_an_utterance_enters_while_others_run(make, recognizer, speeches):
    scheduler = make(company=0.0)
    first = scheduler.submit(speeches[0], Ticket())
    time.sleep(0.05)
    second = scheduler.submit(speeches[1], Ticket())
    assert [first.result(60)[0].text, second.result(60)[0].text] == [recognizer(s)[0][0] for s in speeches[:2]]


def test_more_than_may_wait_is_refused_with_a_time(make, speeches):
    seconds = len(speeches[0]) / 16000
    scheduler = make(size=1, most_waiting=1.5 * seconds, company=0.3)
    futures = [scheduler.submit(speeches[0], Ticket())]
    with pytest.raises(BusyError, match=r"expected at most .* s of speech waiting") as error:
        for _ in range(4):
            futures.append(scheduler.submit(speeches[0], Ticket()))
    assert error.value.seconds >= 1
    assert all(future.result(60) for future in futures)


def test_a_request_that_is_refused_in_part_is_given_up(make, speeches):
    scheduler, ticket = make(size=1, most_waiting=len(speeches[0]) / 16000, company=0.3), Ticket()
    with pytest.raises(BusyError):
        list(scheduler.each(scheduler.recognizer, speeches[:1] * 5, ticket))
    assert ticket.is_over()


def test_work_of_a_ticket_that_is_given_up_ends(make, speeches):
    scheduler, ticket = make(size=1, company=0.0), Ticket()
    running = [scheduler.submit(speeches[0], ticket) for _ in range(3)]
    ticket.give_up()
    assert all(isinstance(future.exception(60), Abandoned) for future in running)
    late = scheduler.submit(speeches[0], Ticket(deadline=time.monotonic() - 1))
    assert isinstance(late.exception(60), Abandoned)
    assert scheduler.submit(speeches[0], Ticket()).result(60)[0].text


def test_an_utterance_that_is_taken_while_a_scheduler_closes_is_recognised(make, speeches, monkeypatch):
    scheduler = make()
    put, closing = scheduler._jobs.put, threading.Thread(target=scheduler.close)

    def late(job):
        if job is not None:
            closing.start()
            closing.join(0.2)
        put(job)

    monkeypatch.setattr(scheduler._jobs, "put", late)
    assert scheduler.submit(speeches[0], Ticket()).result(30)[0].text


def test_an_error_of_one_utterance_is_its_own(make, recognizer, speeches, monkeypatch):
    forward = recognizer.forward

    def failing(group):
        if any(len(speech) == len(speeches[1]) for speech in group):
            raise ValueError("no")
        return forward(group)

    monkeypatch.setattr(recognizer, "forward", failing)
    futures = [make().submit(speech, Ticket()) for speech in speeches[:3]]
    assert isinstance(futures[1].exception(60), ValueError)
    assert futures[0].result(60) and futures[2].result(60)


def test_closing_finishes_what_waits_and_takes_nothing_new(make, speeches):
    scheduler = make(size=2, gatherings=2)
    futures = [scheduler.submit(speech, Ticket()) for speech in speeches]
    closing = threading.Thread(target=scheduler.close)
    closing.start()
    closing.join(60)
    assert all(future.result(0)[0].text for future in futures)
    with pytest.raises(BusyError, match="shutting down"):
        scheduler.submit(speeches[0], Ticket())
