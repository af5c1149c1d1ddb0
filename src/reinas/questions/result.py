"""The answer to a question: comparisons, further tables, and all numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reinas.compare.comparison import (
    Comparison,
    PolicySpec,
    Problem,
    assemble,
    run_all,
    run_specs,
)
from reinas.compare.page import TextTable
from reinas.compare.runs import Run, RunSpec, table_of
from reinas.compare.summary import document, summarise
from reinas.store import Store
from reinas.tables.base import Noise

OnRun = Callable[[int, int], None]
"""Called with the number of finished runs and of all runs so far."""


@dataclass(frozen=True)
class QuestionResult:
    """A question of the review, and what was measured.

    Args:
        question: The question.
        protocol: How it was measured.
        comparisons: The comparisons that answer it.
        tables: Further tables.
        more: Further entries of the JSON document.
    """

    question: str
    protocol: str
    comparisons: tuple[Comparison, ...] = ()
    tables: tuple[TextTable, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """All of it as a JSON document."""
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
    """Where runs are executed, and their progress.

    Args:
        store: Where finished runs are kept.
        workers: Number of worker processes; 0 runs in this process.
        on_run: Called when a run has finished.
        done: Number of finished runs.
        total: Number of all runs so far.
    """

    store: Store
    workers: int
    on_run: OnRun
    done: int = 0
    total: int = 0

    def run(self, run_specs: Sequence[RunSpec]) -> list[Run]:
        """Execute runs, except those that are in the store.

        Args:
            run_specs: The runs.

        Returns:
            The runs, in the order of `run_specs`.
        """
        self.total += len(run_specs)
        self.on_run(self.done, self.total)
        return run_all(run_specs, self.store, self.workers, self._count)

    def _count(self) -> None:
        self.done += 1
        self.on_run(self.done, self.total)


def compare(
    context: RunContext,
    name: str,
    tables: Sequence[dict[str, Any]],
    specs: Sequence[PolicySpec],
    seeds: Sequence[int],
    evaluations: int,
    at: Sequence[int],
    *,
    noise: Noise = "mean",
    batch_size: int | None = None,
) -> Comparison:
    """Compare policies on tables.

    Args:
        context: Where the runs are executed.
        name: The comparison's name.
        tables: The settings of one table per seed; they may be the same.
        specs: The policies.
        seeds: The seeds.
        evaluations: Number of evaluations per run.
        at: The checkpoints, in numbers of evaluations.
        noise: What an evaluation gives; one drawn training seed is drawn anew for repeats.
        batch_size: Number of children per batch; None takes each policy's own.

    Returns:
        The comparison.
    """
    opened = [table_of(table) for table in tables]
    reuse = noise == "mean"
    plan = run_specs(
        opened, specs, seeds, evaluations, noise=noise, batch_size=batch_size, reuse=reuse
    )
    runs = context.run(plan)
    first = opened[0]
    problem = Problem(name, tables[0], first.reward, first.maximise, first.report)
    return assemble(problem, opened, specs, seeds, evaluations, at, runs, noise)
