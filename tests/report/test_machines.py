"""Who trained what: every number worked out by hand."""

import io

import pytest
from rich.console import Console

from reinas import Outcome
from reinas.report import machines as report
from reinas.report.machines import Gradients, Machine, machines
from reinas.report.page import body
from reinas.report.report import make_report
from reinas.report.terminal import print_report
from reinas.store.values import AttemptRecord, Proposal, Update
from reinas.types import Attempt


@pytest.fixture
def clock(monkeypatch):
    """It is the second 2,000."""
    monkeypatch.setattr(report.time, "time", lambda: 2000.0)


EFFORTS = [
    AttemptRecord(0, "one:11", 200.0, 1100.0, None, True),
    AttemptRecord(1, "two:21", 200.0, 500.0, "its worker died", False),
    AttemptRecord(1, "two:22", 500.0, 2000.0, None, True),
    AttemptRecord(2, "one:11", 1100.0, 2000.0, None, True),
    AttemptRecord(3, "two:23", 700.0, 900.0, "its node was lost", False),
    AttemptRecord(4, "two:24", 1500.0, None, None, False),
]


def test_each_machine_has_its_children_an_hour(clock):
    """Two in the 1,800 seconds of the first are 4 an hour; the second's one took as long."""
    found = machines(EFFORTS, [], working=True)
    assert found.machines == (
        Machine("one", workers=1, busy=0, children=2, an_hour=4.0, lost=0),
        Machine("two", workers=4, busy=1, children=1, an_hour=2.0, lost=2),
    )


def test_a_night_without_work_does_not_count(clock):
    """Two children in 100 seconds each, hours apart: 36 an hour."""
    attempts = [
        AttemptRecord(0, "m:1", 0.0, 100.0, None, True),
        AttemptRecord(1, "m:2", 9000.0, 9100.0, None, True),
    ]
    (machine,) = machines(attempts, [], working=False).machines
    assert machine.an_hour == pytest.approx(36.0)


def test_lost_children_were_run_again_or_not(clock):
    """Trial 1 was, trial 3 was not."""
    found = machines(EFFORTS, [], working=True)
    assert (found.lost, found.retried) == (2, 1)


def test_what_is_under_way_is_so_only_while_somebody_works(clock):
    """A search that was killed has nobody at work, whatever its last rows say."""
    (child,) = machines(EFFORTS, [], working=True).under_way
    assert (child.trial, child.worker, child.seconds) == (4, "two:24", 500.0)
    idle = machines(EFFORTS, [], working=False)
    assert idle.under_way == ()
    assert [m.busy for m in idle.machines] == [0, 0]


def test_gradients_are_so_many_steps_late():
    """The mean and the most of what they came from and were applied to."""
    updates = [Update(0, 0, 0, 0, 0), Update(1, 2, 1, 0, 1), Update(2, 1, 0, 0, 2)]
    found = machines(EFFORTS, updates, working=False)
    assert found.gradients == Gradients(count=3, replicas=2, late=1.0, latest=2)


def test_a_search_without_workers_has_nothing_to_say():
    """In this process there are none."""
    assert machines([], [], working=False) is None


def propose(log, *numbers):
    """Trials that are not finished yet."""
    answers = (0, 0, 0, 0, 0)
    log.propose(9, [Proposal(number, answers, answers, "text", None) for number in numbers])


def test_the_terminal_and_the_page_show_them(log):
    """A worker that has finished a trial, in more than an hour."""
    propose(log, 9)
    log.attempted(Attempt(9, "one<1>:7", 1.0))
    log.record(9, Outcome(0.5))
    console = Console(record=True, width=100, file=io.StringIO())
    print_report(console, make_report(log))
    text = console.export_text()
    assert "Machines (0 children lost)" in text
    assert any(line.split()[:5] == ["one<1>", "1", "0", "1", "0"] for line in text.splitlines())
    assert "<td>one&lt;1&gt;</td>" in body(make_report(log))


def test_attempts_are_kept_until_they_end(log):
    """One that was lost, one that came to an outcome, one that was given up with the search."""
    propose(log, 9, 10)
    log.attempted(Attempt(9, "a:1", 10.0))
    log.record(9, Outcome(0.5))
    log.attempted(Attempt(10, "a:2", 11.0))
    log.attempted(Attempt(10, "a:2", 11.0, "its worker died"))
    log.record(10, Outcome(0.5))
    first, second = log.attempts()
    assert first.finished
    assert (second.lost, second.finished) == ("its worker died", False)
    assert second.ended is not None
    log.close_attempts()
    assert log.attempts() == [first, second]


def test_an_attempt_of_a_killed_search_is_not_taken_for_the_one_that_finished(log):
    """It ends when it began: nobody knows more."""
    propose(log, 9)
    log.attempted(Attempt(9, "a:1", 10.0))
    log.close_attempts(unknown_end=True)
    log.attempted(Attempt(9, "a:2", 20.0))
    log.record(9, Outcome(0.5))
    assert [(e.worker, e.finished) for e in log.attempts()] == [("a:1", False), ("a:2", True)]
    assert log.attempts()[0].ended == 10.0
