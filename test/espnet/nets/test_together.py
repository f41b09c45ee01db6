"""Tests of the meeting point of searches that run side by side."""

from __future__ import annotations

import functools
import itertools
import subprocess
import sys
import threading
from contextvars import ContextVar

import numpy as np
import pytest

from espnet.nets.together import Gathering, Stopped, together


class Doubler:
    """Doubles numbers, and notes how many came at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def many(self, calls):
        self.sizes.append(len(calls))
        if "wrong" in calls:
            raise ValueError("expected numbers, found wrong")
        return [2 * call for call in calls]

    def __call__(self, call):
        return together(self.many, call)


def repeat(function, times, start=1):
    """A task: `function` of its own last result, `times` times."""
    for _ in range(times):
        start = function(start)
    return start


def outcomes(size, tasks):
    found = dict(Gathering(size).run(tasks))
    return [found[number] for number in sorted(found)]


def values(size, tasks):
    return [outcome.value() for outcome in outcomes(size, tasks)]


def test_outside_of_a_gathering_calls_are_answered_at_once():
    double = Doubler()
    assert double(3) == 6
    assert double.sizes == [1]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_results_are_those_of_one_by_one(size):
    lengths = [3, 0, 5, 1, 1, 8, 2]
    double = Doubler()
    assert values(size, [functools.partial(repeat, double, n) for n in lengths]) == [2**n for n in lengths]
    assert max(double.sizes) == min(size, 6)
    assert sum(double.sizes) == sum(lengths)


def test_calls_of_all_tasks_come_together():
    double = Doubler()
    values(4, [functools.partial(repeat, double, 5) for _ in range(4)])
    assert double.sizes == [4] * 5


def test_a_waiting_task_enters_where_one_has_ended():
    double = Doubler()
    values(2, [functools.partial(repeat, double, n) for n in (1, 4, 3)])
    assert double.sizes == [2] * 4


def test_tasks_are_taken_when_there_is_a_place():
    taken = []

    def tasks():
        for number in range(5):
            taken.append(number)
            yield functools.partial(repeat, double, 2 + number)

    double = Doubler()
    run = Gathering(2).run(tasks())
    assert next(run)[0] == 0
    assert taken == [0, 1]
    assert [number for number, _ in run] == [1, 2, 3, 4]


def test_searches_out_of_step_come_into_step():
    full, partial_ = Doubler(), Doubler()

    def search(steps):
        return repeat(lambda value: partial_(full(value)), steps)

    def late():
        return partial_(search(4))

    assert values(3, [functools.partial(search, 5), functools.partial(search, 5), late]) == [4**5, 4**5, 2 * 4**4]
    assert full.sizes[:4] == [3] * 4


def test_different_calls_are_not_mixed():
    double, triple = Doubler(), lambda calls: [3 * call for call in calls]
    tasks = [functools.partial(repeat, double, 4), functools.partial(repeat, functools.partial(together, triple), 4)]
    assert values(2, tasks) == [2**4, 3**4]


def test_no_call_waits_for_ever():
    seldom, often, order = Doubler(), Doubler(), []

    def rare():
        seldom(1)
        order.append("rare")

    def frequent():
        repeat(often, 50)
        order.append("frequent")

    values(4, [rare, frequent, frequent, frequent])
    assert order == ["rare", *["frequent"] * 3]


def test_an_error_reaches_the_task_at_fault_alone():
    double = Doubler()

    def faulty():
        return double(double("wrong"))

    def wise():
        with pytest.raises(ValueError, match="found wrong"):
            double("wrong")
        return double(1)

    good = functools.partial(repeat, double, 3)
    first, second, third, fourth = outcomes(3, [good, faulty, wise, good])
    assert (first.value(), third.value(), fourth.value()) == (8, 2, 8)
    assert isinstance(second.error, ValueError)
    with pytest.raises(ValueError, match="found wrong"):
        second.value()


def test_an_error_outside_of_calls_ends_its_task_alone():
    double = Doubler()
    good = functools.partial(repeat, double, 2)

    def faulty():
        double(1)
        raise SystemExit("done")

    assert [outcome.error is None for outcome in outcomes(3, [good, faulty, good])] == [True, False, True]


def test_as_many_results_as_calls_are_expected():
    with pytest.raises(RuntimeError, match="expected 1 results, found 0"):
        values(2, [lambda: together(lambda calls: [], 1)])


def test_a_caller_that_stops_ends_all_tasks():
    double, unwound, before = Doubler(), [], threading.active_count()

    def endless():
        try:
            while True:
                double(1)
        except Stopped:
            with pytest.raises(Stopped):
                double(2)
            unwound.append(True)
            raise

    def end_soon():
        return double(1)

    run = Gathering(3).run([endless, end_soon, endless, endless])
    assert next(run)[0] == 1
    run.close()
    assert unwound == [True, True]
    assert threading.active_count() == before


def test_an_interrupt_in_a_call_ends_all_tasks():
    def interrupted(calls):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        values(3, [functools.partial(together, interrupted, number) for number in range(5)])
    assert threading.active_count() == before


COMPUTING = """
import os, signal, threading, time
from espnet.nets.together import Gathering, together

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it

def computing():
    together(list, 0)
    os.kill(os.getpid(), signal.SIGINT)
    end = time.perf_counter() + 0.01
    while time.perf_counter() < end:
        pass
    together(list, 0)

def waiting():
    for _ in range(3):
        together(list, 0)

for _ in range(20):
    try:
        list(Gathering(3).run([waiting, computing, waiting]))
    except KeyboardInterrupt:
        print(threading.active_count())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_while_a_task_computes_ends_all_tasks():
    done = subprocess.run([sys.executable, "-c", COMPUTING], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["1"] * 20  # threads


def test_an_error_of_the_tasks_themselves_ends_all():
    double = Doubler()

    def tasks():
        yield functools.partial(repeat, double, 5)
        raise OSError("expected a list")

    with pytest.raises(OSError, match="a list"):
        values(2, tasks())


def test_each_task_has_a_context_of_its_own():
    variable, double = ContextVar("variable", default=0), Doubler()
    variable.set(7)

    def task(number):
        seen = variable.get()
        variable.set(number)
        double(1)
        return seen, variable.get()

    assert values(3, [functools.partial(task, number) for number in range(3)]) == [(7, 0), (7, 1), (7, 2)]
    assert variable.get() == 7


def test_a_gathering_within_a_task_answers_its_own_calls():
    double = Doubler()

    def task():
        return sum(values(2, [functools.partial(repeat, double, 2) for _ in range(2)]))

    assert values(3, [task] * 3) == [8] * 3
    assert double.sizes == [2] * 6  # each inner gathering answers its own


def test_what_many_calls_is_answered_at_once():
    double = Doubler()

    def quadruple(calls):
        return [double(double(call)) for call in calls]

    assert values(2, [functools.partial(together, quadruple, number) for number in (1, 2)]) == [4, 8]
    assert double.sizes == [1] * 4


def test_several_gatherings_run_side_by_side():
    double, results = Doubler(), {}

    def gather(name):
        results[name] = values(3, [functools.partial(repeat, double, 20) for _ in range(6)])

    threads = [threading.Thread(target=gather, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {name: [2**20] * 6 for name in range(3)}


def test_many_tasks_of_random_lengths():
    random = np.random.default_rng(0)
    scorers = [Doubler() for _ in range(3)]
    plans = [random.integers(0, 3, random.integers(0, 40)).tolist() for _ in range(60)]

    def task(plan):
        return functools.reduce(lambda value, which: scorers[which](value), plan, 1)

    assert values(16, [functools.partial(task, plan) for plan in plans]) == [2 ** len(plan) for plan in plans]
    calls = list(itertools.chain.from_iterable(scorer.sizes for scorer in scorers))
    assert sum(calls) == sum(map(len, plans))
    assert np.mean(calls) > 4


def test_at_least_one_task_at_once():
    with pytest.raises(ValueError, match="found 0"):
        Gathering(0)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_fewer_threads_than_tasks(limit_threads, most):
    """Where the system gives no more, those that run go on, and errors stay those of their tasks."""
    limit_threads(most)
    double = Doubler()
    tasks = [functools.partial(repeat, double, n % 3) for n in range(9)]
    found = outcomes(5, [*tasks, functools.partial(double, "wrong"), *tasks])
    error = found.pop(9).error
    assert [outcome.value() for outcome in found] == [2 ** (n % 3) for n in range(9)] * 2
    assert isinstance(error, ValueError)
    assert max(double.sizes) == max(most, 1)
