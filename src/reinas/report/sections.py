"""The sections of a report as plain values; `terminal` and `page` render them.

A new section is one more function here, and its name in `SECTIONS`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reinas.fronts import measured
from reinas.report.report import RecipeResult, Report, cell_formulas, drawing
from reinas.report.words import counted, duration, number, setting

TERMINAL_ROWS = 8
"""How many rows of a long table a terminal shows."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One number about the whole search.

    Args:
        label: What it is, for a page.
        value: The number, for a page.
        phrase: Both, for a sentence; empty where the sentence leaves it out.
    """

    label: str
    value: str
    phrase: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Args:
        head: The columns' titles.
        rows: The cells.
        words: The columns that hold words rather than numbers.
        cut: Whether a terminal shows the first rows only.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = ()
    cut: bool = False

    @property
    def numbers(self) -> list[int]:
        """The columns that hold numbers."""
        return [column for column in range(len(self.head)) if column not in self.words]


@dataclass(frozen=True, slots=True)
class Preformatted:
    """Lines whose blanks count; with a `summary` they are folded away, and on pages only."""

    text: str
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG element, on pages only; `make` makes it, which may read the task's data."""

    make: Callable[[], str]


Part = Table | Preformatted | Drawing


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report.

    Args:
        title: Its heading.
        parts: What it has, in order.
        note: A sentence below the heading, on pages only.
        page_only: Whether a terminal leaves it out.
    """

    title: str
    parts: tuple[Part, ...]
    note: str = ""
    page_only: bool = False


def facts(report: Report) -> list[Fact]:
    """The numbers about the whole search."""
    failed = report.failed - report.too_costly
    best = f"{report.best[0].reward:.4f}" if report.best else "none"
    done = f"{report.finished} of {report.trials}"
    repeats = report.repeats and counted(report.repeats, "repeat")
    result = [
        Fact("trials", done, f"{done} trials"),
        Fact("best reward", best, ""),
        Fact("repeats", str(report.repeats), repeats or ""),
    ]
    if report.pruned:
        result.append(Fact("pruned", str(report.pruned), f"{report.pruned} pruned"))
    if report.too_costly:
        least = ", ".join(f"{number(v)} {k}" for k, v in report.least_cost.items())
        phrase = f"{report.too_costly} too costly (the smallest has {least})"
        result.append(Fact("too costly", str(report.too_costly), phrase))
    result.append(Fact("failed", str(failed), f"{failed} failed" if failed else ""))
    time = duration(report.seconds)
    result.append(Fact("child time", time, f"{time} of training"))
    if report.final:
        tested = report.final.summary
        result.append(Fact(f"test of trial {report.final.trial}", tested, ""))
    return result


def sections(report: Report) -> list[Section]:
    """All sections that have something to show, in order."""
    return [section for make in SECTIONS for section in make(report)]


def _best_network(report: Report) -> Iterable[Section]:
    if report.best:
        yield Section("The best network", (Drawing(lambda: drawing(report)),))


def _best_cell(report: Report) -> Iterable[Section]:
    if report.formulas:
        latex = cell_formulas(report.settings, report.best, latex=True) or ""
        parts = (Preformatted(report.formulas), Preformatted(latex, summary="as LaTeX"))
        yield Section("The best cell", parts)


def _best_architectures(report: Report) -> Iterable[Section]:
    if not report.best:
        return
    names = list(report.best[0].metrics)
    rows = [
        (
            str(b.trial),
            f"{b.reward:.4f}",
            *(number(b.metrics.get(n)) for n in names),
            duration(b.seconds),
            b.architecture,
        )
        for b in report.best
    ]
    head = ["trial", "reward", *names, "time", "architecture"]
    yield Section("The best architectures", (Table(head, rows, words=[len(head) - 1]),))


def _front(report: Report) -> Iterable[Section]:
    if not report.front:
        return
    names = report.settings["policy"]["objectives"]
    rows = [
        (
            str(trial.number),
            *(number(measured(trial.outcome, name)) for name in names),
            report.texts[trial.number],
        )
        for trial in report.in_front
    ]
    head = ["trial", *names, "architecture"]
    note = "No other network is at least as good in all of these, and better in one."
    yield Section("The Pareto front", (Table(head, rows, words=[len(head) - 1]),), note)


def _grid(report: Report) -> Iterable[Section]:
    if report.grid:
        head, rows = _grid_rows(report.grid)
        note = "Recipes that the best network was trained by; the best one trained it to the end."
        yield Section("The grid of the best network", (Table(head, rows, cut=True),), note)


def _grid_rows(grid: Sequence[RecipeResult]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Head and rows: what each recipe gave, and where it differs from the others."""
    tried = [k for k in grid[0].recipe if len({str(p.recipe[k]) for p in grid}) > 1]
    measured = [k for k in grid[0].metrics if k != "parameters"]
    rows = [
        (
            "failed" if point.reward is None else f"{point.reward:.4f}",
            *(number(point.metrics.get(k)) for k in measured),
            *(setting(point.recipe[k]) for k in tried),
        )
        for point in grid
    ]
    return ["reward", *measured, *(k.replace("_", " ") for k in tried)], rows


def _failures(report: Report) -> Iterable[Section]:
    if report.failures:
        rows = [(str(count), text) for text, count in report.failures.items()]
        yield Section("Failures", (Table(["trials", "reason"], rows, words=[1]),))


def _machines(report: Report) -> Iterable[Section]:
    if (found := report.machines) is None:
        return
    again = f", {found.retried} of them evaluated again" if found.lost else ""
    rows = [
        (m.name, str(m.workers), str(m.busy), str(m.children), f"{m.an_hour:,.0f}", str(m.lost))
        for m in found.machines
    ]
    head = ["machine", "workers", "busy", "children", "per hour", "lost"]
    lost = "1 child" if found.lost == 1 else f"{found.lost} children"
    yield Section(f"Machines ({lost} lost{again})", (Table(head, rows, words=[0]),))


def _running(report: Report) -> Iterable[Section]:
    under_way = () if report.machines is None else report.machines.under_way
    held = {trial.trial: trial for trial in report.running}
    taken = {child.trial: child for child in under_way}
    if not held and not taken:
        return
    rows = []
    for trial in sorted(held | taken, key=lambda n: (-taken[n].seconds if n in taken else 0.0, n)):
        one, child = held.get(trial), taken.get(trial)
        worker = child.worker if child else one.worker if one else "-"
        reported = one is not None and one.step is not None
        rows.append(
            (
                str(trial),
                duration(child.seconds) if child else "-",
                str(one.step) if one and reported else "-",
                number(one.score) if one and reported else "-",
                worker.partition("/")[0],
                one.architecture if one else "-",
            )
        )
    head = ["trial", "for", "last step", "score", "worker", "architecture"]
    yield Section("Running", (Table(head, rows, words=[4, 5], cut=True),))


def _gradients(report: Report) -> Iterable[Section]:
    if report.machines is None or (g := report.machines.gradients) is None:
        return
    head = ["gradients", "replicas", "mean staleness (steps)", "maximum"]
    rows = [(str(g.count), str(g.replicas), f"{g.late:.2f}", str(g.latest))]
    yield Section("Parameter servers", (Table(head, rows),))


def _diagnostics(report: Report) -> Iterable[Section]:
    if not report.diagnostics:
        return

    has_entropy = any("entropy" in row for row in report.diagnostics)
    note = "Means over consecutive batches."
    if has_entropy:
        note += " Entropy is how undecided the policy still is, at its own samples."
    yield Section("Policy diagnostics", (_grouped(report),), note)


def _grouped(report: Report) -> Table:
    """The diagnostics in at most `TERMINAL_ROWS` groups of consecutive batches, averaged."""
    rows = report.diagnostics
    size = -(-len(rows) // TERMINAL_ROWS)
    keys = list(dict.fromkeys(k for row in rows for k in row if k != "batch"))
    cells = []
    for start in range(0, len(rows), size):
        group = rows[start : start + size]
        first, last = int(group[0]["batch"]), int(group[-1]["batch"])
        label = f"{first}" if first == last else f"{first}-{last}"
        values = [[row[k] for row in group if k in row] for k in keys]
        cells.append((label, *(f"{sum(v) / len(v):.4g}" if v else "-" for v in values)))
    return Table(["batches", *keys], cells, words=[0])


def _settings(report: Report) -> Iterable[Section]:
    rows = [(key, str(value)) for key, value in report.settings.items()]
    yield Section("Settings", (Table(["setting", "value"], rows, words=[0, 1]),), page_only=True)


SECTIONS: tuple[Callable[[Report], Iterable[Section]], ...] = (
    _best_network,
    _best_cell,
    _front,
    _best_architectures,
    _grid,
    _failures,
    _machines,
    _running,
    _gradients,
    _diagnostics,
    _settings,
)
"""What makes the sections, in the order in which they are shown."""
