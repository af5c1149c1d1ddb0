"""What `reinas compare` does: make, run, say."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reinas.cli import contest
from reinas.cli.output import err, json_text, out, print_wide, progress, stop
from reinas.compare import page
from reinas.compare.comparison import (
    Comparison,
    PolicySpec,
    Problem,
    assemble,
    check,
    run_all,
    run_specs,
)
from reinas.compare.runs import RunSpec
from reinas.compare.summary import document, summarise
from reinas.config.run_options import RunOptions, make_executor
from reinas.config.settings import Setting, configure, parse_set
from reinas.errors import FileError, InterruptError, SettingError
from reinas.evaluators.tabular import TabularEvaluator
from reinas.report.page import write
from reinas.report.terminal import table
from reinas.store import Store
from reinas.study.observer import Observer
from reinas.study.study import Study

STANDARD_OUTPUT = Path("-")
DEFAULT = "random,evolution,local,bayes"


@dataclass(frozen=True)
class Shared:
    """The options that all kinds of comparisons have."""

    policies: str | None
    seeds: int | None
    first_seed: int
    evaluations: int | None
    at: str | None
    children: int | None
    repeats: str | None
    workers: int
    store: str
    json: Path | None
    html: Path | None

    def contest(
        self, seeds: int, evaluations: int
    ) -> tuple[list[PolicySpec], tuple[int, ...], int, tuple[int, ...]]:
        """Contenders, seeds, evaluations and checkpoints, checked; these are the defaults."""
        count = seeds if self.seeds is None else self.seeds
        total = evaluations if self.evaluations is None else self.evaluations
        specs = contest.specs(DEFAULT if self.policies is None else self.policies)
        if self.at is None:
            at = sorted({max(1, total // share) for share in (8, 4, 2, 1)})
        else:
            at = contest.whole_numbers("--at", self.at)
        check(specs, count, total, at)
        children = 1 if self.children is None else self.children
        if children < 1:
            raise SettingError(f"children must be at least 1, got {children}")
        if self.repeats not in (None, "reuse", "train"):
            raise SettingError(f"repeats is train or reuse, got {self.repeats!r}")
        if self.first_seed < 0:
            raise SettingError(f"--first-seed must be at least 0, got {self.first_seed}")
        self.check_files()
        numbers = range(self.first_seed, self.first_seed + count)
        return specs, tuple(numbers), total, tuple(at)

    def check_files(self) -> None:
        """Raise before hours are spent on what cannot be written."""
        if self.html == STANDARD_OUTPUT:
            raise SettingError("--html: takes a file; only --json can go to standard output")
        for path in (self.json, self.html):
            if path is not None and path != STANDARD_OUTPUT:
                folder = path.absolute().parent
                if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
                    raise FileError(f"{path} cannot be written: give a file in a folder that can")


def on_table(
    shared: Shared,
    name: str,
    columns: Mapping[str, Any],
    noise: str | None,
    texts: Sequence[str],
) -> None:
    """Runs on a table, in all cores."""
    specs, seeds, evaluations, at = shared.contest(100, 200)
    made = contest.make_table(contest.table_settings(name, **columns, more=parse_set(texts)))
    evaluator = TabularEvaluator(made, noise)  # type: ignore[arg-type]
    repeats: Any = shared.repeats or ("reuse" if evaluator.noise == "mean" else "train")
    tables = [made] * len(seeds)
    work = run_specs(
        tables,
        specs,
        seeds,
        evaluations,
        noise=evaluator.noise,
        batch_size=shared.children,
        reuse=repeats == "reuse",
    )
    problem = Problem(name, evaluator.settings, made.reward, made.maximise, made.report)
    runs = run_plans(work, shared)
    show(shared, assemble(problem, tables, specs, seeds, evaluations, at, runs))


class _Counter(Observer):
    """Counts trials, also those that were finished before."""

    def __init__(self, advance: Callable[[], None]) -> None:
        self._advance = advance

    def on_start(self, study: Study[Any]) -> None:
        """Count what is there already."""
        for _ in range(study.record.count()[1]):
            self._advance()

    def on_trial(self, trial: Any) -> None:
        """Count one more."""
        self._advance()


def run_plans(work: Sequence[RunSpec], shared: Shared) -> list[Any]:
    """The runs, with a progress bar; Ctrl-C says how to go on."""
    bar = progress(quiet=False)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        bar.advance(task)

    task = bar.add_task("runs", total=len(work), note="")
    try:
        bar.start()
        return run_all(work, Store(shared.store), shared.workers, advance)
    except KeyboardInterrupt:
        raise InterruptError(
            f"stopped with {done} of {len(work)} runs finished; they are kept in"
            f" {shared.store}: the same command goes on"
        ) from None
    finally:
        stop(bar)


def on_task(
    shared: Shared, task: str, space: str | None, name: str | None, texts: Sequence[str]
) -> None:
    """Searches with trained children, one after the other."""
    from reinas.compare.trained import run_searches
    from reinas.evaluators.trained import TrainedEvaluator

    specs, seeds, evaluations, at = shared.contest(5, 32)
    options = {"task.name": Setting(task, "--task"), "workers": Setting(shared.workers)}
    if space is not None:
        options["space.name"] = Setting(space, "--space")
    more = parse_set(texts)
    for key, setting in more.items():
        if key.partition(".")[0] not in ("task", "space", "recipe"):
            raise SettingError(f"{setting.origin}: here are only task.*, space.* and recipe.*")
    config = configure(options, more)
    for note in config.task.notes:
        err.print(note, style="dim", soft_wrap=True, markup=False)
    name = name or f"{config.space.name}-{config.task.name}"
    total = len(seeds) * len(specs) * evaluations
    bar = progress(quiet=False)
    bar_task = bar.add_task("children", total=total, note="")
    try:
        bar.start()
        runs = run_searches(
            name,
            config.space,
            TrainedEvaluator(config.task, config.recipe),
            specs,
            seeds,
            evaluations=evaluations,
            batch_size=shared.children,
            reuse=shared.repeats != "train",
            store=Store(shared.store),
            executor=make_executor(RunOptions(workers=shared.workers)),
            observer=_Counter(lambda: bar.advance(bar_task)),
        )
    except KeyboardInterrupt:
        raise InterruptError(
            f"stopped; every finished child is kept in {shared.store}: the same command goes on"
        ) from None
    finally:
        stop(bar)
    title = f"{config.space.name} for {config.task.name}"
    settings = {"space": dict(config.space.settings), "task": dict(config.task.settings)}
    problem = Problem(title, settings, config.task.reward_name)
    show(shared, Comparison(problem, tuple(specs), seeds, evaluations, at, runs))


def on_study(shared: Shared, name: str) -> None:
    """One of the review's questions, with settings of its own."""
    from reinas.cli.studying import answer

    shared.check_files()
    given = answer(name, shared)
    if shared.html is not None:
        write(
            page.study_page(given.question, given.protocol, given.comparisons, given.tables),
            shared.html,
        )
    if shared.json is not None:
        _write_json(given.document(), shared.json)
    if shared.json == STANDARD_OUTPUT:
        return
    out.print(given.question, style="bold", soft_wrap=True, markup=False)
    out.print(given.protocol, soft_wrap=True, markup=False)
    print_tables(given.tables)
    for comparison in given.comparisons:
        out.print(f"\n{comparison.problem.name}", style="bold underline", markup=False)
        print_tables(page.tables(comparison, summarise(comparison)))
    _written(shared)


def show(shared: Shared, comparison: Comparison) -> None:
    """Tables in the terminal, or JSON; the page."""
    rows = summarise(comparison)
    if shared.html is not None:
        write(page.page(comparison, rows), shared.html)
    if shared.json is not None:
        _write_json(document(comparison, rows), shared.json)
    if shared.json == STANDARD_OUTPUT:
        return
    count = len(comparison.seeds)
    out.print(
        f"{comparison.problem.name}: {count} seed{'s' if count > 1 else ''},"
        f" {comparison.evaluations} evaluations each; 95 % intervals",
        soft_wrap=True,
        markup=False,
    )
    print_tables(page.tables(comparison, rows))
    _written(shared)


def _written(shared: Shared) -> None:
    for path in (shared.json, shared.html):
        if path is not None:
            out.print(f"written: {path}", style="dim", soft_wrap=True, markup=False)


def print_tables(tables: Sequence[page.TextTable]) -> None:
    """Each with its title."""
    for title, head, body in tables:
        out.print(f"\n{title}", style="bold", soft_wrap=True, markup=False)
        made = table(head, body, right=range(1, len(head)))
        print_wide(made)


def _write_json(data: Any, path: Path) -> None:
    if path == STANDARD_OUTPUT:
        sys.stdout.write(json_text(data))
    else:
        write(json_text(data), path)
