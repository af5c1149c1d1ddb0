"""`reinas compare`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from reinas.cli.interrupts import interruptible
from reinas.cli.options import STORE, StoreOption
from reinas.config.settings import Plain
from reinas.errors import SettingError

Study = Annotated[
    str | None,
    typer.Option(
        help="A question of the review: rnn, rl or estimator; it brings its own settings.",
        metavar="NAME",
    ),
]


def compare(
    table: Annotated[
        str | None,
        typer.Option(
            help="Where rewards are looked up: nasbench201:cifar10 (see `reinas tables`), or"
            " FILE.csv.",
        ),
    ] = None,
    decisions: Annotated[
        str | None,
        typer.Option(help="The columns of a CSV table that name an architecture.", metavar="A,B"),
    ] = None,
    reward: Annotated[
        str | None,
        typer.Option(help="The column to search by; several are training seeds.", metavar="COLUMN"),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(help="A column that the search does not see.", metavar="COLUMN"),
    ] = None,
    cost: Annotated[
        str | None, typer.Option(help="The column with the seconds.", metavar="COLUMN")
    ] = None,
    maximise: Annotated[
        bool | None,
        typer.Option(
            "--maximise/--minimise",
            help="Is a higher reward better? Default: maximise.",
            show_default=False,
        ),
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(help="mean: of the training seeds (default); seeds: one of them, drawn."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Instead of a table: train children for this task.")
    ] = None,
    space: Annotated[str | None, typer.Option(help="With --task: what may be built.")] = None,
    study: Study = None,
    policies: Annotated[
        str | None,
        typer.Option(
            help="Who competes, each with its parameters after colons (see the examples). Default:"
            " random, evolution, local, reinas.",
            metavar="A,B,...",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Runs a policy. Default: 100, or 5 with --task.", show_default=False),
    ] = None,
    first_seed: Annotated[int, typer.Option(help="The first seed; the others follow.")] = 0,
    evaluations: Annotated[
        int | None,
        typer.Option(help="Children a run. Default: 200, or 32 with --task.", show_default=False),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Checkpoints. Default: an eighth, a quarter, half and all of the evaluations.",
            metavar="25,50,...",
        ),
    ] = None,
    children: Annotated[
        int | None, typer.Option(help="Children a batch. Default: what each policy likes.")
    ] = None,
    repeats: Annotated[
        str | None,
        typer.Option(
            help="A repeated architecture: reuse its outcome, or train it again. Default: train"
            " where rewards are drawn, else reuse.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(help="Processes; 0 runs in this one. Default: the number of cores.", min=0),
    ] = Plain.model_fields["workers"].default,
    store: StoreOption = STORE,
    name: Annotated[
        str | None,
        typer.Option(help="With --task: what its searches in the store are called."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Any parameter of the table, or of the space, task and recipe.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(help="Write all numbers; - is standard output.", metavar="FILE"),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with figures.", metavar="FILE")
    ] = None,
) -> None:
    """Compare policies at equal cost: the same seeds, evaluations and rewards for each.

    Every finished run is kept in the store, so the same command goes on where it was stopped, and
    more seeds or another policy only add what is missing. Parameters of a policy that are not
    given are its published defaults.

    Examples:
    - `reinas compare --table nasbench201:cifar10 --policies random,local,reinas --html page.html`
    - `reinas compare --table nasbench201:cifar10 --policies
    random,evolution:population=10:sample=5`
    - `reinas compare --table nasbench201:cifar100 --policies random,tpe,zoph-le:learning_rate=0.01
    --seeds 20 --evaluations 400 --at 100,400`
    - `reinas compare --table runs.csv --decisions depth,width --reward val_1,val_2 --report test`
    - `reinas compare --table landscape --set table.interactions=2 --policies independent,zoph-le`
    - `reinas compare --task digits --space cells --set space.channels=4 --set space.cells=1`
    - `reinas compare --study rl`
    """
    whats = {"--table": table, "--task": task, "--study": study}
    chosen = [option for option, given in whats.items() if given is not None]
    if len(chosen) != 1:
        got = f", not {' and '.join(chosen)}" if chosen else ""
        raise SettingError(f"compare on what? Give one of --table, --task and --study{got}")
    columns = {
        "decisions": decisions,
        "reward": reward,
        "report": report,
        "cost": cost,
        "maximise": maximise,
    }
    _refuse("--table", table, {**columns, "noise": noise})
    _refuse("--task", task, {"space": space, "name": name})
    if study is not None:
        _refuse("--table or --task", None, {"set": set_ or None})
    from reinas.cli import comparing

    shared = comparing.Shared(
        policies=policies,
        seeds=seeds,
        first_seed=first_seed,
        evaluations=evaluations,
        at=at,
        children=children,
        repeats=repeats,
        workers=workers,
        store=store,
        json=json,
        html=html,
    )
    with interruptible():
        if table is not None:
            comparing.on_table(shared, table, columns, noise, set_ or ())
        elif task is not None:
            comparing.on_task(shared, task, space, name, set_ or ())
        elif study is not None:
            comparing.on_study(shared, study)


def _refuse(kind: str, chosen: str | None, options: Mapping[str, object]) -> None:
    """Raise `SettingError` for the first option that is given without what it belongs to."""
    for key, value in options.items():
        if chosen is None and value is not None:
            raise SettingError(f"--{key} is for {kind}: give that, or leave it out")
