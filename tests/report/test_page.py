"""A report as HTML: well-formed, alone in the world, complete, safe against what it quotes."""

from html.parser import HTMLParser

import pytest

from reinas import Outcome, Toy, ToySpace
from reinas.errors import TrialError
from reinas.report.drawing import unstyled
from reinas.report.page import body
from reinas.report.report import drawing, make_report
from reinas.report.words import duration
from reinas.store.values import Proposal

VOID = {"meta", "br", "hr", "img", "input", "link", "wbr"}
LOADS = {"link", "img", "iframe", "object", "embed", "audio", "video", "source", "base"}


class Read(HTMLParser):
    """Elements, their text, and whether every one that is opened is closed in its turn."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.cells, self.scripts, self.styles = [], [], []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        if inside == "script":
            self.scripts.append(data)
        elif inside == "style":
            self.styles.append(data)
        else:
            self.text += data
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def shown(log):
    """The report of a search."""
    return body(make_report(log))


def check(html):
    """The report, read; it is whole, loads nothing and runs nothing."""
    read = Read(html)
    assert "script" not in read.tags
    assert not LOADS & set(read.tags)
    for tag, key, value in read.attributes:
        assert key not in ("src", "href", "srcset", "xlink:href"), (tag, key, value)
        assert not key.startswith("on"), (tag, key, value)
    assert not any("url(" in style or "@import" in style for style in read.styles)
    return read


def test_the_page_is_whole_and_loads_nothing(log, final):
    """Every element is closed in its turn; no source, no link, no style from elsewhere."""
    log.finish(final)
    check(shown(log))


def test_the_facts_are_on_it(log, final):
    """Trials, best reward, failures, repeats, time and the test result with its interval."""
    log.finish(final)
    text = check(shown(log)).text
    for fact in ("9 of 12", "0.9000", "19.5 s", "demo", "space mlp", "task wine", "seed 5"):
        assert fact in text
    assert "accuracy 0.9722 (95 % interval 0.8583 to 0.9951)" in text
    assert "policy random" in text


def test_the_best_architectures_are_a_table(log):
    """One row each, in order, with reward, metrics, time and the architecture."""
    cells = check(shown(log)).cells
    head = cells.index("trial")
    columns = ["trial", "reward", "parameters", "accuracy", "time", "architecture"]
    assert cells[head : head + 6] == columns
    rows = [cells[head + 6 * n : head + 6 * n + 6] for n in range(1, 5)]
    assert [(r[0], r[1], r[5]) for r in rows] == [
        ("6", "0.9000", "8 tanh | 8 tanh"),
        ("2", "0.7500", "4 relu | 8 tanh"),
        ("3", "0.7500", "4 tanh"),
        ("8", "0.6000", "4 relu"),
    ]
    assert rows[0][2:5] == ["106", "0.9", "5.0 s"]


def test_numbers_of_parameters_are_whole_numbers(make_log):
    """A network of a million weights is told in digits, not in powers of ten."""
    log = make_log([], [])
    log.propose(0, [Proposal(0, (0, 0, 0, 0, 0), (0, 0, 0, 0, 0), "text", None)])
    log.record(0, Outcome(0.5, 1.0, {"parameters": 1_234_567}))
    assert "1234567" in [cell.replace(",", "") for cell in check(shown(log)).cells]


@pytest.mark.parametrize("fixture", ["log", "conv_log"])
def test_the_best_network_is_drawn(fixture, request):
    """The very drawing of `reinas show --svg`."""
    log = request.getfixturevalue(fixture)
    svg = drawing(make_report(log))
    assert svg.startswith("<svg")
    assert unstyled(svg) in shown(log)


def test_reasons_are_quoted_as_text(make_log):
    """What looks like a script in a reason is shown, not run."""
    reason = "<script>alert('x')</script> & <img src=x onerror=alert(1)>"
    html = shown(make_log([(0, 0, (0, 0, 0, 0, 0), None, reason, 1.0)], []))
    read = check(html)
    assert reason in read.cells
    assert read.cells[read.cells.index(reason) - 1] == "1"
    assert "<script>alert" not in html
    assert "<img" not in html


def test_names_settings_and_metrics_are_quoted_as_text(make_log):
    """Everything that a person chose."""
    name = "<script>alert('name')</script>"
    html = shown(make_log(name=name, settings={"note": "<b onclick=alert(1)>&amp;</b>"}))
    read = check(html)
    assert name in read.text
    assert "<b onclick=alert(1)>&amp;</b>" in read.cells
    assert "<script>alert" not in html


def test_a_search_without_trials_has_a_page(make_log):
    """It says that nothing has been trained yet."""
    read = check(shown(make_log([], [])))
    assert "No child has been trained yet" in read.text
    assert "0 of 12" in read.text
    assert "svg" not in read.tags


def test_a_search_with_failures_only_has_a_page(make_log):
    """The reasons, with how many children each has."""
    trials = [(n, 0, (0, 0, 0, 0, 0), None, "out of memory", 1.0) for n in range(3)]
    read = check(shown(make_log(trials, [])))
    assert read.cells[read.cells.index("out of memory") - 1] == "3"
    assert "svg" not in read.tags


def test_a_policy_without_entropy_has_no_column_of_it(make_log):
    """Random search has nothing to be undecided about."""
    html = shown(make_log(diagnostics=[(0, {"reward": 0.5})]))
    assert "entropy" not in check(html).text
    assert "entropy" in check(shown(make_log())).text


def test_a_space_of_ones_own_has_a_page(make_log):
    """Architectures are shown, and drawn, as the text that the store has of them."""
    own = {"space": {"name": "mine"}}
    log = make_log([(0, 0, (1, 2), None, 0.5, 1.0)], [], settings=own, text=lambda _: "Net(<3>)")
    read = check(shown(log))
    assert "Net(<3>)" in read.cells
    assert "svg" in read.tags


def test_nothing_is_drawn_before_a_child_was_trained(make_log):
    """There is no best network then."""
    with pytest.raises(TrialError, match="no trained network to draw yet"):
        drawing(make_report(make_log([], [])))


@pytest.mark.parametrize(
    "evaluator",
    [
        {"name": "mine"},
        {},
        {"task": {"name": "mine", "depth": 3}},
        {"task": {"name": "wine", "reward": "mine"}},
        {"task": "wine"},
        {"task": None},
    ],
)
def test_an_evaluator_of_ones_own_has_a_page(make_log, evaluator):
    """Whatever its settings say of a task."""
    read = check(shown(make_log(settings={"evaluator": evaluator})))
    assert "8 tanh | 8 tanh" in read.cells


def test_the_toys_page_draws_the_toy(make_log):
    """Two hidden units between input and output."""
    trials = [(0, 0, (0, 1), None, 0.5, 1.0)]
    log = make_log(trials, [], space=ToySpace(), task=Toy())
    assert drawing(make_report(log)).count('class="link"') == 3


def test_the_page_shows_the_stored_summary_of_the_test(make_log, final):
    """Whatever the objective wrote."""
    log = make_log()
    log.finish(type(final)(6, {}, {"loss": 0.5}, "now", "RMSE 54.32, R² 0.4567"))
    assert "RMSE 54.32, R² 0.4567" in check(shown(log)).text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (59.4, "59.4 s"),
        (59.99, "1.0 min"),
        (90, "1.5 min"),
        (3599, "1.0 h"),
        (5400, "1.5 h"),
    ],
)
def test_time_is_told_in_the_unit_that_suits(seconds, words):
    """Seconds, minutes, hours; never 60.0 of one."""
    assert duration(seconds) == words
