"""`reinas search` and `reinas resume`."""

from pathlib import Path
from typing import Annotated

import typer

from reinas.cli.interrupts import interruptible
from reinas.cli.options import JsonOption, NameArgument, set_option, set_settings, with_options
from reinas.cli.output import print_json, print_notes, typed
from reinas.cli.result import print_result
from reinas.cli.search_bar import SearchBar
from reinas.cli.transfer import cell_settings
from reinas.config.execution import SCHEDULE, make_budget, make_executor, make_schedule
from reinas.config.objects import SearchConfig, configure, make_policy, restored
from reinas.config.options import (
    BudgetOptions,
    DiskOptions,
    ExecutorOptions,
    NameOptions,
    PartOptions,
    PlacementOptions,
    ProposalOptions,
    RuleOptions,
    ScheduleOptions,
    SeedOptions,
    SharingOptions,
    StoreOptions,
)
from reinas.config.settings import Setting, Settings, cited, merged, read, read_toml
from reinas.errors import InvalidSettingError, SettingError
from reinas.report.report import make_report
from reinas.store import Store

SPACE = "SPACE"


@with_options(
    PartOptions,
    BudgetOptions,
    ProposalOptions,
    RuleOptions,
    SeedOptions,
    NameOptions,
    StoreOptions,
    PlacementOptions,
    SharingOptions,
    ExecutorOptions,
    DiskOptions,
    ScheduleOptions,
)
def search(
    given: Settings,
    space_argument: Annotated[
        str | None,
        typer.Argument(help="The same as --space.", metavar=SPACE),
    ] = None,
    cell_from: Annotated[
        str | None,
        typer.Option(
            help="No search: train one cell, that search's best or one of `reinas zoo`.",
            metavar="NAME",
        ),
    ] = None,
    set_: Annotated[list[str] | None, set_option("Any parameter, such as space.depth=4.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file with the same keys.", metavar="FILE.toml")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Search for a network.

    Everything that is finished is kept in the store: a search that was stopped or killed is
    continued by `reinas resume NAME`, or by the same command where it had a --name.

    Without a space the one that suits the data is searched (stages, tabular or lstm), and children
    train by the recipe of `reinas fit`. The paper's spaces are conv and recurrent.

    Examples:
    - `reinas search --task digits`
    - `reinas search conv --task digits`
    - `reinas search mlp --task wine --trials 100 --policy random --name first`
    - `reinas search conv --set space.depth=4 --set space.filters=[8,16]`
    - `reinas search conv --policy zoph-le --set policy.learning_rate=0.01`
    - `reinas search --task images:photos --set task.size=32 --max-parameters 200000`
    - `reinas search --task table:data.csv --target price`
    - `reinas search --space mypackage.spaces:MySpace --task digits`
    - `reinas search conv --task cifar10 --grow --set space.depth=20 --trials 12800`
    - `reinas search recurrent --task text:wiki --set space.base=8 --set task.size=small`
    - `reinas search --cell-from zoph-le-cell --task text:book.txt --set task.level=char`
    - `reinas search conv --task digits --stopping asha --set stopping.eta=4`
    - `reinas search conv --task digits --seconds 600 --target-reward 0.97`
    - `reinas search conv --task digits --executor ray --address auto --cpus 2`
    - `reinas search conv --task cifar10 --device cuda --precision auto`
    - `reinas search conv --policy zoph-le --replicas 4 --shards 2 --batch-size 2`
    - `reinas search --config run.toml`
    """
    if space_argument is not None:
        if "space.name" in given:
            raise InvalidSettingError("space", f"names a space, and so does {SPACE}: give one")
        given = merged(given, {"space.name": Setting(space_argument, flag=SPACE)})
    sources = [read_toml(config) if config else {}, given, set_settings(set_)]
    if cell_from is not None:
        sources.insert(0, _cell(cell_from, given))
    made = configure(*sources)
    name = made.options.name
    if name is not None and name.startswith("-"):
        raise InvalidSettingError("name", f"{name} would be taken for an option by other commands")
    with cited(made.settings):
        home = Store(made.options.store)
        with home.called(name, f"{made.space.name}-{made.task.name}") as chosen:
            run(made, home, chosen, as_json=json)


def _cell(cell_from: str, given: Settings) -> dict[str, Setting]:
    """The settings of a search that trains one cell."""
    space = given.get("space.name", Setting("recurrent")).value
    if "policy.name" in given or space != "recurrent":
        raise SettingError(
            "--cell-from trains one recurrent cell: leave --policy and other spaces out"
        )
    return cell_settings(cell_from, read(StoreOptions, given).store)


@with_options(
    BudgetOptions,
    StoreOptions,
    PlacementOptions,
    SharingOptions,
    ExecutorOptions,
    DiskOptions,
    ScheduleOptions,
    without=[key for key in SCHEDULE if key != "shards"],
    defaults=False,
)
def resume(name: NameArgument, given: Settings, json: JsonOption = False) -> None:
    """Continue a search, whatever stopped it.

    Its trials are the same as if it had never been stopped. A finished search is
    extended by more --trials.

    Examples:
    - `reinas resume demo`
    - `reinas resume demo --trials 200`
    - `reinas resume demo --executor ray --address auto`
    """
    home = Store(read(StoreOptions, given).store)
    log = home.get(name)
    trials = given.get("trials", Setting(log.trials)).value
    if trials < log.trials:
        raise InvalidSettingError(
            "trials",
            f"can only be raised: search '{name}' has {log.trials} already; got {trials}",
        )
    budget = {"trials": Setting(log.trials), "name": Setting(name)}
    config = restored(log.settings, merged(budget, given))
    with cited(config.settings):
        run(config, home, name, as_json=json)


def run(config: SearchConfig, store: Store, name: str, *, as_json: bool) -> None:
    """Run the search with a progress bar, then say what it found."""
    from reinas.children.build import load_builder
    from reinas.evaluators.limits import Limits
    from reinas.evaluators.trained import TrainedEvaluator
    from reinas.study.search import search as run_search

    options = config.options
    placement = config.placement.resolved()
    executor, schedule = make_executor(options, placement), make_schedule(options)
    bar = SearchBar(executor, schedule, quiet=as_json)
    if not as_json:
        print_notes((*store.database.notes, *config.task.notes))
    # before Ctrl-C may raise: both import torch, which would abort the process over an exception
    policy = make_policy(config)
    latency = None if options.max_latency is None else options.max_latency / 1000
    limits = Limits(options.max_parameters, options.max_flops, latency)
    builder = None if config.build is None else load_builder(config.build)
    evaluator = TrainedEvaluator(config.task, config.recipe, limits, builder, placement)
    with interruptible(bar, lambda: _stopped(store, name, options.trials)):
        study = run_search(
            config.space,
            policy,
            evaluator,
            budget=make_budget(options),
            batch_size=options.batch_size,
            seed=options.seed,
            store=store,
            name=name,
            executor=executor,
            schedule=schedule,
            growth=config.growth,
            reuse=options.reuse,
            stopping=config.stopping,
            disk_limit=options.disk_limit,
            observer=bar,
        )
    report = make_report(study.record)
    if as_json:
        head = {"store": store.location, "notes": config.task.notes, "stopped": study.stopped}
        print_json({**head, **report.json()})
    else:
        print_result(report, store.location, study.stopped)
    if not report.best:  # nothing was found, for whatever reasons
        raise typer.Exit(1)


def _stopped(store: Store, name: str, trials: int) -> str:
    """What Ctrl-C leaves, and how to go on."""
    if name not in store.names():
        return "stopped before the search had begun"
    done = store.get(name).count()[1]
    return (
        f"stopped with {done} of {trials} trials finished; all of them are kept:"
        f" `reinas resume {typed(name, store.location)}` continues"
    )
