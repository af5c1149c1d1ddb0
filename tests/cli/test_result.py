"""What a search has found, in a terminal of 100 columns."""

import io
import shlex

import pytest
from rich.console import Console

from reinas import Outcome
from reinas.cli.result import print_result
from reinas.report.report import make_report
from reinas.store.values import Proposal


def result(log, location="reinas.db"):
    """What is printed, without trailing blanks."""
    console = Console(record=True, width=100, file=io.StringIO())
    print_result(make_report(log), location, console=console)
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


def test_a_result_says_what_was_found_and_how_to_go_on(log):
    """Counts, the best trial with its metrics and architecture, the next commands."""
    text = result(log)
    assert "demo: 9 of 12 trials, 1 repeat, 3 failed, 19.5 s of training" in text
    assert "best: trial 6, reward 0.9000, parameters 106, accuracy 0.9" in text
    assert "  8 tanh | 8 tanh" in text.splitlines()
    assert "`reinas show demo`" in text
    assert "`reinas finish demo`" in text
    assert "--store" not in text


def test_another_store_is_part_of_the_next_command(log):
    """It would not be found without."""
    assert "`reinas finish demo --store other.db`" in result(log, "other.db")


def test_a_result_without_any_network_says_where_the_reasons_are(make_log):
    """And gives no best."""
    text = result(make_log([(0, 0, (0, 0, 0, 0, 0), None, "no luck", 1.0)], []))
    assert "no child could be trained: `reinas show demo` has the reasons" in text
    assert "best" not in text


@pytest.mark.parametrize("text", ["a[red]b", "x[/y]", "[/]"])
def test_square_brackets_in_names_and_places_are_text(make_log, text):
    """A search may be called anything, and so may its file."""
    log = make_log(name=text)
    said = result(log, f"{text}.db")
    command = f"{shlex.quote(text)} --store {shlex.quote(text + '.db')}`"
    assert f"`reinas show {command}" in said
    assert f"`reinas finish {command}" in said
    failed = make_log([(0, 0, (0, 0, 0, 0, 0), None, "no", 1.0)], [], name=text)
    assert f"`reinas show {shlex.quote(text)}`" in result(failed)


def test_square_brackets_in_metrics_are_text(make_log):
    """An evaluator of one's own names its metrics as it likes."""
    log = make_log([], [])
    log.propose(0, [Proposal(0, (0, 0, 0, 0, 0), (0, 0, 0, 0, 0), "text", None)])
    log.record(0, Outcome(0.5, 1.0, {"latency [ms]": 3.0, "[/x]": 4.0}))
    text = result(log)
    assert "latency [ms]" in text
    assert "[/x]" in text


def test_numbers_of_parameters_are_whole_numbers(make_log):
    """A network of a million weights is told in digits, not in powers of ten."""
    log = make_log([], [])
    log.propose(0, [Proposal(0, (0, 0, 0, 0, 0), (0, 0, 0, 0, 0), "text", None)])
    log.record(0, Outcome(0.5, 1.0, {"parameters": 1_234_567}))
    assert "1234567" in result(log).replace(",", "")


def test_long_architectures_are_not_cut(conv_log):
    """A line may be long, but it is all there."""
    assert make_report(conv_log).best[0].architecture in result(conv_log)
