"""A report in a terminal of 100 columns."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from reinas import Outcome
from reinas.report.report import make_report
from reinas.report.terminal import headline, print_report
from reinas.store.values import Proposal


def story(log):
    """What is printed, without trailing blanks."""
    console = Console(record=True, width=100, file=io.StringIO())
    print_report(console, make_report(log))
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


def test_the_story_has_the_best_architectures_in_order(log):
    """Trial, reward, metrics, time and architecture, one line each."""
    lines = [line.split(maxsplit=6) for line in story(log).splitlines()]
    head = lines.index(["trial", "reward", "parameters", "accuracy", "time", "architecture"])
    assert lines[head + 1 : head + 5] == [
        ["6", "0.9000", "106", "0.9", "5.0", "s", "8 tanh | 8 tanh"],
        ["2", "0.7500", "102", "0.75", "3.0", "s", "4 relu | 8 tanh"],
        ["3", "0.7500", "103", "0.75", "4.0", "s", "4 tanh"],
        ["8", "0.6000", "108", "0.6", "2.5", "s", "4 relu"],
    ]


def test_the_story_has_the_failures_with_their_reasons_as_text(log):
    """What stands in square brackets is not taken for markup."""
    lines = [line.split(maxsplit=1) for line in story(log).splitlines()]
    head = lines.index(["trials", "reason"])
    assert lines[head + 1] == ["2", "diverged <b>badly</b>"]
    assert lines[head + 2] == ["1", "ValueError: bad [luck]"]


BRACKETS = "[/] [bold]x[/bold] [/nothing] [1, 2] [link=a]"


def test_square_brackets_in_reasons_are_text(make_log):
    """Even those that would be an error of markup."""
    log = make_log([(0, 0, (0, 0, 0, 0, 0), None, BRACKETS, 1.0)], [])
    assert BRACKETS in story(log)


@pytest.mark.parametrize("text", ["a[red]b", "x[/y]", "[/]"])
def test_square_brackets_in_names_are_text(make_log, text):
    """A search may be called anything."""
    assert text in story(make_log(name=text))


def test_square_brackets_in_metrics_are_text(make_log):
    """An evaluator of one's own names its metrics as it likes."""
    log = make_log([], [])
    log.propose(0, [Proposal(0, (0, 0, 0, 0, 0), (0, 0, 0, 0, 0), "text", None)])
    log.record(0, Outcome(0.5, 1.0, {"latency [ms]": 3.0, "[/x]": 4.0}))
    text = story(log)
    assert "latency [ms]" in text
    assert "[/x]" in text


def test_numbers_of_parameters_are_whole_numbers(make_log):
    """A network of a million weights is told in digits, not in powers of ten."""
    log = make_log([], [])
    log.propose(0, [Proposal(0, (0, 0, 0, 0, 0), (0, 0, 0, 0, 0), "text", None)])
    log.record(0, Outcome(0.5, 1.0, {"parameters": 1_234_567}))
    assert "1234567" in story(log).replace(",", "")


def test_long_architectures_are_not_cut(conv_log):
    """A line may be long, but it is all there."""
    assert "…" not in story(conv_log)


def test_the_test_result_comes_first(log, final):
    """Once it was measured."""
    assert "finished" not in story(log)
    log.finish(final)
    text = story(log)
    assert "finished: trial 6, test accuracy 0.9722 (95 % interval 0.8583 to 0.9951)" in text


def test_pruned_trials_have_a_count_of_their_own(log):
    """They are neither failed nor trained to the end."""
    report = replace(make_report(log), finished=10, pruned=1)
    assert "10 of 12 trials, 1 repeat, 1 pruned, 3 failed" in headline(report)


def test_a_long_grid_is_cut(log):
    """Eight of ten recipes, and the heading says so."""
    for n in range(10):
        log.record_point({"rate": n / 10}, Outcome(n / 100))
    lines = story(log).splitlines()
    head = lines.index("The grid of the best network: the first 8 of 10")
    assert [line.split()[0] for line in lines[head + 2 : head + 10]] == [
        f"0.0{n}00" for n in range(9, 1, -1)
    ]
    assert not any(line.startswith(("0.0100", "0.0000")) for line in lines)


def test_the_policys_way_is_told_in_at_most_eight_lines(make_log):
    """Twenty batches are seven groups of three or two, each the mean of its batches."""
    diagnostics = [(n, {"entropy": float(n), "reward": n / 100}) for n in range(20)]
    batches = [(n, n, (0, 0, 0, 0, 0), None, 0.5, 1.0) for n in range(20)]
    lines = [line.split() for line in story(make_log(batches, diagnostics)).splitlines()]
    head = next(n for n, line in enumerate(lines) if line[:1] == ["batches"])
    assert set(lines[head]) == {"batches", "entropy", "reward"}
    place = lines[head].index("entropy")
    rows = [(line[0], float(line[place])) for line in lines[head + 1 :] if line]
    groups = [range(n, min(n + 3, 20)) for n in range(0, 20, 3)]
    assert rows == [(f"{g[0]}-{g[-1]}", pytest.approx(sum(g) / len(g))) for g in groups]


def test_diagnostics_may_differ_from_batch_to_batch(make_log):
    """A policy may have something to say only now and then."""
    diagnostics = [
        (0, {"reward": 0.5}),
        (1, {"reward": 0.5, "entropy": 2.0}),
        (2, {"reward": 0.25}),
    ]
    assert "0.25" in story(make_log(diagnostics=diagnostics))
    assert "0.5" in story(make_log(diagnostics=diagnostics[:2]))


def test_a_search_without_trials_has_a_story(make_log):
    """One line."""
    assert story(make_log([], [])).strip() == "demo: 0 of 12 trials, 0.0 s of training"
