"""`reinas toy`: the review's example, worked through with measured numbers."""

from contextlib import closing
from dataclasses import asdict
from statistics import mean
from typing import Annotated, Any, Literal

from pydantic import Field

from reinas.cli.interrupts import interruptible
from reinas.cli.options import JsonOption, with_options
from reinas.cli.output import Bar, out, print_json
from reinas.config.execution import make_executor
from reinas.config.option import Option
from reinas.config.options import ExecutorOptions, SeedOptions, WorkerOptions
from reinas.config.settings import Settings, read
from reinas.report.terminal import table

CHILDREN = {
    (0, 0): "linear, linear",
    (0, 1): "linear, sigmoid",
    (1, 0): "sigmoid, linear",
    (1, 1): "sigmoid, sigmoid",
}
THETA = ("c", "w1", "b1", "w2", "b2")


class ToyOptions(SeedOptions, WorkerOptions):
    """What the toy example is worked through with."""

    seeds: Annotated[int, Field(ge=1), Option("Training seeds per network.")] = 3
    losses: Annotated[
        Literal["measured", "review"],
        Option("measured: train the networks; review: take the losses that the review prints."),
    ] = "measured"
    starts: Annotated[int, Field(ge=1), Option("Starting points of REINFORCE.")] = 5
    converge: Annotated[
        bool,
        Option("Also train the networks ten times as long: have they converged? A minute."),
    ] = False


@with_options(ToyOptions)
def toy(given: Settings, json: JsonOption = False) -> None:
    """Work through the review's toy example: four children, two decisions.

    Trains the four small networks ("children") with several seeds and computes the expected
    reward and its exact gradient. Then it descends from the review's three starting points, learns
    by REINFORCE from new ones, and says where each ends and why.

    Examples:
    - `reinas toy`
    - `reinas toy --losses review` (no training: the review's own numbers)
    - `reinas toy --converge --seeds 12` (are the children trained to the end?)
    """
    options = read(ToyOptions, given)
    from reinas.questions import toy as study

    measured = {a: [loss] for a, loss in study.REVIEW_LOSSES.items()}
    if options.losses == "measured":
        measured = _train(study, options, quiet=json)
    trained = _train_longer(options, quiet=json) if options.converge else []
    means = {answers: mean(values) for answers, values in measured.items()}
    descents = [list(study.descend(start, means)) for start in study.REVIEW_STARTS]
    fresh = [list(study.reinforce(means, seed=options.seed + k)) for k in range(options.starts)]
    if json:
        print_json(_document(study, measured, means, descents, fresh, trained))
        return
    _print_losses(measured)
    if trained:
        _print_convergence(trained, options.seeds)
    for points in descents:
        _print_descent(study, points, means)
    _print_fresh(fresh)


def _train(study: Any, options: ToyOptions, *, quiet: bool) -> Any:
    bar = Bar(quiet=quiet)
    task = bar.add_task("training the four children", total=4 * options.seeds, note="")
    executor = make_executor(ExecutorOptions(workers=options.workers))
    with (
        interruptible(bar, lambda: "stopped before all children were trained"),
        closing(executor),
    ):
        bar.start()
        return study.train_children(
            options.seeds,
            executor,
            seed=options.seed,
            on_child=lambda: bar.update(task, advance=1),
        )


def _train_longer(options: ToyOptions, *, quiet: bool) -> list[tuple[str, Any]]:
    """The median losses of each way to train, by the number of epochs."""
    from reinas.questions.toy_convergence import TRAININGS, losses_over_epochs, medians

    bar = Bar(quiet=quiet)
    total = sum(training.epochs[-1] for training in TRAININGS)
    task = bar.add_task("training them longer, in epochs", total=total, note="")
    with interruptible(bar, lambda: "stopped before all children were trained"):
        bar.start()
        return [
            (
                training.name,
                medians(
                    losses_over_epochs(
                        training,
                        options.seeds,
                        seed=options.seed,
                        on_epochs=lambda count: bar.update(task, advance=count),
                    )
                ),
            )
            for training in TRAININGS
        ]


def _document(
    study: Any, measured: Any, means: Any, descents: Any, fresh: Any, trained: Any
) -> dict[str, Any]:
    longer = {
        name: {
            str(epoch): {f"r{a}{b}": value for (a, b), value in by.items()}
            for epoch, by in found.items()
        }
        for name, found in trained
    }
    return {
        **({"longer": longer} if longer else {}),
        "losses": {
            f"r{a}{b}": {"mean": mean(v), "least": min(v), "most": max(v), "all": v}
            for (a, b), v in measured.items()
        },
        "descents": [
            {
                "start": points[0].theta,
                "gradient": study.closed_form(points[0].theta, means)[1],
                "points": [{**asdict(p), "likeliest": CHILDREN[p.likeliest]} for p in points],
            }
            for points in descents
        ],
        "reinforce": [
            [{**asdict(p), "likeliest": CHILDREN[p.likeliest]} for p in points] for points in fresh
        ],
    }


def _print_losses(measured: Any) -> None:
    rows = [
        (f"r{a}{b}", CHILDREN[a, b], f"{mean(v):.4f}", f"{min(v):.4f}", f"{max(v):.4f}")
        for (a, b), v in measured.items()
    ]
    out.print("[bold]The four children[/]: mean squared error after training\n")
    out.print(table(["", "h, g", "mean", "least", "most"], rows, right=(2, 3, 4)))
    seeds = len(next(iter(measured.values())))
    if seeds > 1:
        folds = ", ".join(
            f"r{a}{b} varies {max(v) / min(v):.1f}-fold" for (a, b), v in measured.items()
        )
        out.print(
            f"\nOver {seeds} training seeds {folds}: a child's loss depends on its random weights,"
            " so the reward is random. What follows takes the means.",
            soft_wrap=True,
        )


def _print_convergence(trained: Any, seeds: int) -> None:
    out.print(f"\n[bold]Have they converged?[/] Median mean squared error of {seeds} seeds\n")
    head = ["training", "epochs", *(f"r{a}{b}" for a, b in CHILDREN)]
    rows = [
        (name, f"{epoch:,}", *(f"{by[child]:.4f}" for child in CHILDREN))
        for name, found in trained
        for epoch, by in found.items()
    ]
    out.print(table(head, rows, right=range(1, len(head))))
    found = trained[0][1]
    first, last = found[min(found)], found[max(found)]
    out.print(
        f"\nAfter {min(found):,} epochs the greatest median is {max(first.values()):.4g}, after"
        f" {max(found):,} it is {max(last.values()):.4g}.",
        soft_wrap=True,
    )


def _print_descent(study: Any, points: Any, means: Any) -> None:
    start, end = points[0], points[-1]
    _, gradient = study.closed_form(start.theta, means)
    theta = ", ".join(f"{x:g}" for x in start.theta)
    out.print(f"\n[bold]Exact gradient descent from ({theta})[/], steps of size {study.RATE:g}\n")
    slopes = ", ".join(f"{n} {g:.2e}" for n, g in zip(THETA, gradient, strict=True))
    out.print(f"J = E\\[loss] = {start.expected:.4f}; its gradient: {slopes}\n", soft_wrap=True)
    rows = [
        (
            f"{p.step:,}",
            f"{p.expected:.4f}",
            f"{p.gradient_norm:.1e}",
            f"{p.first:.4f}",
            f"{p.second[0]:.4f}",
            f"{p.second[1]:.4f}",
            CHILDREN[p.likeliest],
        )
        for p in points
        if p.step == 0 or str(p.step)[0] == "1" or p is end
    ]
    head = ["step", "J", "|gradient|", "P(A1=1)", "P(A2=1|0)", "P(A2=1|1)", "likeliest child"]
    out.print(table(head, rows, right=range(6)))
    out.print("\n" + _story(study, points, means), soft_wrap=True)


def _story(study: Any, points: Any, means: Any) -> str:
    """Where the descent ends, and why it took so long, in plain words."""
    best = min(means, key=means.__getitem__)
    stations = study.stations(points)
    end = points[-1]
    if len(stations) == 1:
        text = (
            f"It begins at ({CHILDREN[end.likeliest]}) and stays there: J goes from"
            f" {points[0].expected:.4f} to {end.expected:.4f}."
        )
    else:
        way = ", then ".join(
            f"({CHILDREN[child]}) to step {last.step:,} (J {last.expected:.4f}, |gradient|"
            f" {last.gradient_norm:.0e})"
            for child, _, last in stations[:-1]
        )
        text = (
            f"On its way it was sure of {way}. These are plateaus, not minima: where a sigmoid is"
            " nearly sure, p (1 - p) is nearly 0, and so is the gradient; but it still points"
            f" down, and the descent ends at ({CHILDREN[end.likeliest]}), J {end.expected:.4f}."
        )
    verdict = "the best child" if end.likeliest == best else "not the best child yet"
    return f"{text} That is {verdict}."


def _print_fresh(fresh: Any) -> None:
    end = fresh[0][-1].step
    out.print(
        f"\n[bold]REINFORCE from {len(fresh)} fresh starts[/] (theta uniform in +-0.08, 8 children"
        f" per step, {end:,} steps, Adam 0.05)\n",
        soft_wrap=True,
    )
    head = ["start", "steps", "J", "P(A1=1)", "P(A2=1|A1)", "likeliest child"]
    rows = [
        (k, f"{point.step:,}", *_where(point))
        for place in range(len(fresh[0]))
        for k, point in enumerate(points[place] for points in fresh)
    ]
    out.print(table(head, rows, right=range(5)))
    early = fresh[0][0].step
    undecided = [mean(min(p[0].first, 1 - p[0].first) for p in fresh)]
    undecided.append(mean(min(q, 1 - q) for p in fresh for q in [_second(p[0])]))
    out.print(
        f"\nAfter {early:,} steps ({8 * early:,} sampled children) {_counted(fresh, 0)}; after"
        f" {end:,} ({8 * end:,}) {_counted(fresh, -1)}. Near 0 no sigmoid is sure of anything, so"
        f" every child is sampled and they can be compared. After {early:,} steps the less likely"
        f" answer to the first decision has probability {undecided[0]:.3f} on average, to the"
        f" second {undecided[1]:.4f}: what is worth more is settled first.",
        soft_wrap=True,
    )


def _counted(fresh: Any, place: int) -> str:
    """How many starts have which likeliest child."""
    likeliest = [CHILDREN[points[place].likeliest] for points in fresh]
    counts = (f"({child}) in {likeliest.count(child)}" for child in dict.fromkeys(likeliest))
    return f"the likeliest child is {', '.join(counts)} of {len(fresh)} starts"


def _second(point: Any) -> float:
    """P(A2 = 1) after the likelier first answer."""
    second: float = point.second[point.likeliest[0]]
    return second


def _where(point: Any) -> tuple[str, str, str, str]:
    return (
        f"{point.expected:.4f}",
        f"{point.first:.4f}",
        f"{_second(point):.4f}",
        CHILDREN[point.likeliest],
    )
