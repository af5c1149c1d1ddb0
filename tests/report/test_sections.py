"""Sections as plain values: written once, for every renderer."""

import pytest

from reinas import Outcome, Trial
from reinas.errors import TrialError
from reinas.report.report import make_report
from reinas.report.sections import Drawing, Table, sections
from reinas.report.trials import finished_trials
from reinas.types import Pruned


def titled(log):
    return {section.title: section for section in sections(make_report(log))}


def test_a_search_has_these_sections_in_this_order(log):
    """Those that have something to show."""
    assert list(titled(log)) == [
        "The best network",
        "The best architectures",
        "Failures",
        "Policy diagnostics",
        "Settings",
    ]


def test_a_search_without_trials_has_settings(make_log):
    """What it was begun with."""
    assert list(titled(make_log([], []))) == ["Settings"]


def test_drawings_are_made_only_when_they_are_rendered(log, monkeypatch):
    """A terminal does not need the task's data."""
    from reinas.report import sections as module

    def fail(report):
        raise AssertionError("drawn")

    monkeypatch.setattr(module, "drawing", fail)
    parts = [part for section in titled(log).values() for part in section.parts]
    (drawn,) = [part for part in parts if isinstance(part, Drawing)]
    with pytest.raises(AssertionError, match="drawn"):
        drawn.make()


def test_every_row_of_a_table_has_a_cell_per_column(log):
    """In all sections."""
    tables = [p for s in titled(log).values() for p in s.parts if isinstance(p, Table)]
    assert len(tables) == 4
    assert all(len(row) == len(table.head) for table in tables for row in table.rows)


def test_a_trial_without_an_outcome_cannot_be_reported():
    """It is an error that names the trial."""
    with pytest.raises(TrialError, match="trial 3 has no outcome to report: it is waiting"):
        finished_trials([Trial(3, 0, (0,))])


@pytest.mark.parametrize(
    ("outcome", "repeat_of", "kind"),
    [
        (Outcome(0.5), None, "trained"),
        (Outcome(0.5), 1, "repeat"),
        (Outcome(None, pruned=Pruned(2, 0.5)), None, "pruned"),
        (Outcome(None, error="diverged"), None, "failed"),
    ],
)
def test_trials_are_of_four_kinds(outcome, repeat_of, kind):
    """A repeat is one whatever its outcome."""
    (trial,) = finished_trials([Trial(3, 0, (0,), outcome, repeat_of)])
    assert trial.kind == kind
