"""Comparisons on a table and on trained children: make them, run them, show them."""

from collections.abc import Callable, Sequence
from typing import Any

from reinas.cli.compare.options import CompareOptions
from reinas.cli.compare.setup import make_runs, make_table
from reinas.cli.compare.show import show
from reinas.cli.interrupts import interruptible
from reinas.cli.output import Bar, print_notes
from reinas.compare.comparison import Comparison, Problem, assemble, run_all, run_specs
from reinas.compare.runs import RunSpec
from reinas.config.execution import make_executor, worker_count
from reinas.config.objects import configure
from reinas.config.options import ExecutorOptions
from reinas.config.settings import Settings, cited, section
from reinas.errors import InvalidSettingError, SettingError
from reinas.evaluators.tabular import TabularEvaluator
from reinas.store import Store
from reinas.study.observer import Observer
from reinas.study.study import Study
from reinas.types import Trial


def on_table(options: CompareOptions, name: str, given: Settings, more: Settings) -> None:
    """Runs on a table, in all cores."""
    with cited(more):
        runs = make_runs(options, 100, 200, section(more, "stopping"))
    table = make_table(name, given, more)
    if options.stopping is not None and table.steps is None:
        raise InvalidSettingError(
            "stopping",
            f"needs rewards before the end of a training, which {name} lacks:"
            " give a CSV file with fidelities",
        )
    evaluator = TabularEvaluator(table, options.noise)
    reuse = evaluator.noise == "mean" if options.reuse is None else options.reuse
    tables = [table] * len(runs.seeds)
    work = run_specs(
        tables,
        runs.specs,
        runs.seeds,
        runs.evaluations,
        noise=evaluator.noise,
        batch_size=options.batch_size,
        reuse=reuse,
    )
    problem = Problem(name, evaluator.settings, table.reward, table.maximise, table.report)
    found = run_plans(work, options)
    comparison = assemble(
        problem,
        tables,
        runs.specs,
        runs.seeds,
        runs.evaluations,
        runs.at,
        found,
        evaluator.noise,
    )
    show(options, comparison)


def run_plans(work: Sequence[RunSpec], options: CompareOptions) -> list[Any]:
    """The runs, with a progress bar."""
    store = Store(options.store)  # what is wrong with it is said before anything is shown
    bar = Bar()
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        bar.advance(task)

    def stopped() -> str:
        return (
            f"stopped with {done} of {len(work)} runs finished; they are kept in {options.store}:"
            " the same command continues"
        )

    task = bar.add_task("runs", total=len(work), note="")
    with interruptible(bar, stopped):
        bar.start()
        return run_all(work, store, worker_count(options), advance)


class _Counter(Observer):
    """Counts trials, those that were finished before included."""

    def __init__(self, advance: Callable[[], None]) -> None:
        self._advance = advance

    def on_start(self, study: Study[Any]) -> None:
        """Count what is there already."""
        for _ in range(study.record.count()[1]):
            self._advance()

    def on_trial(self, trial: Trial) -> None:
        """Count one more."""
        self._advance()


def on_task(options: CompareOptions, parts: Settings, more: Settings) -> None:
    """Searches with trained children, one after the other."""
    from reinas.compare.trained import run_searches
    from reinas.evaluators.trained import TrainedEvaluator

    with cited(more):
        runs = make_runs(options, 5, 32, section(more, "stopping"))
    more = {key: setting for key, setting in more.items() if not key.startswith("stopping.")}
    for key, setting in more.items():
        if key.partition(".")[0] not in ("task", "space", "recipe"):
            raise SettingError(
                f"{setting.origin}: here are only task.*, space.*, recipe.* and stopping.*"
            )
    config = configure(parts, more)
    print_notes(config.task.notes)
    total = len(runs.seeds) * len(runs.specs) * runs.evaluations
    store = Store(options.store)
    bar = Bar()
    bar_task = bar.add_task("children", total=total, note="")

    def stopped() -> str:
        return (
            f"stopped; every finished child is kept in {options.store}: the same command continues"
        )

    with interruptible(bar, stopped), cited(config.settings):
        bar.start()
        found = run_searches(
            options.name or f"{config.space.name}-{config.task.name}",
            config.space,
            TrainedEvaluator(config.task, config.recipe),
            runs.specs,
            runs.seeds,
            evaluations=runs.evaluations,
            batch_size=options.batch_size,
            reuse=options.reuse is not False,
            store=store,
            executor=make_executor(ExecutorOptions(workers=options.workers)),
            observer=_Counter(lambda: bar.advance(bar_task)),
        )
    title = f"{config.space.name} for {config.task.name}"
    settings = {"space": dict(config.space.settings), "task": dict(config.task.settings)}
    problem = Problem(title, settings, config.task.reward_name)
    comparison = Comparison(
        problem, tuple(runs.specs), runs.seeds, runs.evaluations, runs.at, found
    )
    show(options, comparison)
