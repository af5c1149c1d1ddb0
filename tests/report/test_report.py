"""What a report says, against a store filled by hand (conftest.py)."""

import json

import pytest

from reinas.report.report import Running, make_report, space_of
from reinas.report.sections import sections
from reinas.store.values import Claim, Proposal, Report


def test_trials_are_counted(log):
    """Nine of twelve have finished; three failed, one is a repeat."""
    report = make_report(log)
    assert (report.trials, report.finished) == (12, 9)
    assert (report.failed, report.repeats) == (3, 1)
    assert report.name == "demo"
    assert report.settings["seed"] == 5


def test_time_is_the_sum_over_children(log):
    """2 + 0.5 + 3 + 4 + 0 + 1 + 5 + 1.5 + 2.5; a repeat costs nothing."""
    assert make_report(log).seconds == pytest.approx(19.5)


def test_failures_are_grouped_by_reason_the_most_frequent_first(log):
    """Reasons are kept letter by letter."""
    failures = make_report(log).failures
    assert list(failures.items()) == [
        ("diverged <b>badly</b>", 2),
        ("ValueError: bad [luck]", 1),
    ]


def test_the_best_are_different_architectures_in_order(log):
    """Highest first; of equals the earliest; each architecture once, at its best reward."""
    best = make_report(log).best
    assert [(b.trial, b.reward) for b in best] == [(6, 0.90), (2, 0.75), (3, 0.75), (8, 0.60)]
    assert [b.architecture for b in best] == [
        "8 tanh | 8 tanh",
        "4 relu | 8 tanh",
        "4 tanh",
        "4 relu",
    ]
    assert best[0].answers == (1, 1, 1, 1, 1)
    assert best[0].metrics == {"parameters": 106, "accuracy": 0.90}
    assert best[0].seconds == 5.0


def test_the_best_can_be_cut(log):
    """`top` says how many."""
    assert [b.trial for b in make_report(log, 2).best] == [6, 2]


def test_the_policys_way_is_told_batch_by_batch(log):
    """What it said of each batch, with the batch's number."""
    diagnostics = make_report(log).diagnostics
    assert [m["batch"] for m in diagnostics] == [0, 1, 2]
    assert [m["entropy"] for m in diagnostics] == [3.0, 2.0, 1.0]


def test_the_test_result_is_there_once_it_was_measured(log, final):
    """Before it is None."""
    assert make_report(log).final is None
    log.finish(final)
    assert make_report(log).final == final


def test_a_search_without_trials_has_an_empty_report(make_log):
    """Nothing is the best of nothing."""
    report = make_report(make_log([], []))
    assert (report.finished, report.failed, report.repeats, report.seconds) == (0, 0, 0, 0)
    assert (report.best, report.failures, report.diagnostics) == ((), {}, ())


def test_unfinished_trials_are_not_counted(log):
    """A trial that was proposed and has no outcome yet is not in the report."""
    log.propose(3, [Proposal(9, (0, 0, 0, 0, 0), (0, 0, 0, 0, 0), "text", None)])
    assert make_report(log).finished == 9


def test_a_space_of_ones_own_is_told_by_the_stores_text(make_log):
    """A report must be readable without the script that has the space."""
    trials = [(0, 0, (1, 2, 3), None, 0.5, 1.0)]
    log = make_log(trials, [], settings={"space": {"name": "mine"}}, text=lambda _: "Net(3)")
    assert space_of(log.settings) is None
    assert make_report(log).best[0].architecture == "Net(3)"


def test_a_report_is_json(log, final):
    """All of it, and it comes back with the same numbers."""
    log.finish(final)
    said = json.loads(json.dumps(make_report(log).json()))
    assert said["best"][0]["trial"] == 6
    assert said["failures"] == {"diverged <b>badly</b>": 2, "ValueError: bad [luck]": 1}
    assert said["final"]["metrics"]["accuracy"] == 0.9722


def test_running_trials_have_their_last_report(log):
    """Those that a worker holds; not those whose worker is known to have ended."""
    answers = (0, 0, 0, 0, 0)
    log.propose(3, [Proposal(n, answers, answers, f"net {n}", None) for n in (9, 10, 11, 12)])
    log.claim(3, Claim("alive", 100.0), 2, now=0.0, gone=lambda worker: False)
    log.claim(3, Claim("dead", 100.0), 1, now=0.0, gone=lambda worker: False)
    for step, score in ((1, 0.25), (2, 0.5)):
        log.report(Report(9, step, score, 1.0))
    report = make_report(log, gone=lambda worker: worker == "dead")
    assert report.running == (
        Running(9, "alive", 2, 0.5, "net 9"),
        Running(10, "alive", None, None, "net 10"),
    )
    assert json.loads(json.dumps(report.json()))["running"][0]["score"] == 0.5
    table = next(s for s in sections(report) if s.title == "Running").parts[0]
    assert [row[:4] for row in table.rows] == [("9", "-", "2", "0.5"), ("10", "-", "-", "-")]
