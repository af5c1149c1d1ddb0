"""What a study gives: comparisons, tables beside them, and all numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reinas.compare.comparison import (
    Comparison,
    PolicySpec,
    Problem,
    gathered,
    plans,
    run_all,
)
from reinas.compare.page import Table
from reinas.compare.runs import Run, RunSpec, table_of
from reinas.compare.summary import document, summarise
from reinas.store import Store

OnRun = Callable[[int, int], None]
"""Told how many runs are done, and how many there are so far."""


@dataclass(frozen=True)
class QuestionResult:
    """A question of the review, and what was measured."""

    question: str
    protocol: str
    comparisons: tuple[Comparison, ...] = ()
    tables: tuple[Table, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Everything as JSON takes it."""
        return {
            "question": self.question,
            "protocol": self.protocol,
            "comparisons": [document(c, summarise(c)) for c in self.comparisons],
            "tables": [
                {"title": title, "head": head, "rows": rows} for title, head, rows in self.tables
            ],
            **self.more,
        }


@dataclass
class RunContext:
    """Where runs are made: a store, so many processes, and somebody who is told."""

    store: Store
    workers: int
    on_run: OnRun
    done: int = 0
    total: int = 0

    def run(self, plans: Sequence[RunSpec]) -> list[Run]:
        """The runs of these plans, by all cores; what the store has is not run again."""
        self.total += len(plans)
        self.on_run(self.done, self.total)
        return run_all(plans, self.store, self.workers, self._count)

    def _count(self) -> None:
        self.done += 1
        self.on_run(self.done, self.total)


def compared(
    context: RunContext,
    name: str,
    tables: Sequence[dict[str, Any]],
    specs: Sequence[PolicySpec],
    seeds: Sequence[int],
    evaluations: int,
    at: Sequence[int],
) -> Comparison:
    """The contenders on these tables, one a seed (which may be the same)."""
    made = [table_of(table) for table in tables]
    runs = context.run(plans(made, specs, seeds, evaluations))
    problem = Problem(name, tables[0], made[0].reward, made[0].maximise, made[0].report)
    return gathered(problem, made, specs, seeds, evaluations, at, runs)
