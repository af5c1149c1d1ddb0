"""`reinas search` and `reinas resume`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from reinas.cli.interrupts import interruptible
from reinas.cli.options import (
    STORE,
    AccumulateOption,
    AddressOption,
    CpusOption,
    ExecutorOption,
    GpusOption,
    JsonOption,
    MemoryLimitOption,
    ReplicasOption,
    RetriesOption,
    ShardsOption,
    StopAfterOption,
    StoreOption,
    TargetRewardOption,
    TimeLimitOption,
    WorkersOption,
)
from reinas.cli.output import err, out, print_json, progress, stop
from reinas.cli.transfer import cell_settings
from reinas.config.run_options import make_executor, make_schedule
from reinas.config.settings import (
    Config,
    Setting,
    configure,
    make_policy,
    parse_set,
    read_toml,
    restored,
)
from reinas.errors import InterruptError, SettingError
from reinas.report.report import make_report
from reinas.report.terminal import print_result, typed
from reinas.store import Store
from reinas.study.budget import Budget
from reinas.study.observer import Observer
from reinas.study.study import Study
from reinas.types import Trial


def search(
    space: Annotated[
        str | None,
        typer.Argument(
            help="conv, conv-blocks, mlp, recurrent or toy; see `reinas spaces`. Default: one that"
            " fits the task."
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="What the network is for: a name (see `reinas tasks`), images:FOLDER,"
            " arrays:FILE.npz, table:FILE.csv or text:FILE. Default: one that fits the space."
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The column of a table to predict.", metavar="COLUMN")
    ] = None,
    cell_from: Annotated[
        str | None,
        typer.Option(
            help="Search nothing: train the best cell of that search, or one of `reinas zoo`.",
            metavar="NAME",
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="How many children. Default: 64.")] = None,
    children: Annotated[
        int | None,
        typer.Option(help="Children a batch, one update each. Default: what the policy likes."),
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="Who decides; see `reinas policies`. Default: reinas.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="All randomness. Default: 0.")] = None,
    workers: WorkersOption = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs a child. Default: the task's recipe.")
    ] = None,
    time_limit: TimeLimitOption = None,
    memory_limit: MemoryLimitOption = None,
    max_parameters: Annotated[
        int | None,
        typer.Option(help="Children with more parameters are not trained.", metavar="N"),
    ] = None,
    max_flops: Annotated[
        int | None,
        typer.Option(
            help="Children with more multiply-adds for an example are not trained.", metavar="N"
        ),
    ] = None,
    grow: Annotated[
        bool,
        typer.Option(
            "--grow", help="Begin with 6 layers, 2 more every 1,600 trials (growth.* changes it)."
        ),
    ] = False,
    repeats: Annotated[
        str | None,
        typer.Option(help="A repeated architecture: reuse its outcome (default) or train it."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help=f"The SQLite file. Default: {STORE}.", metavar="FILE")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The search's name. Default: made from space and task.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any parameter, such as space.depth=4.", metavar="KEY=VALUE"),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file with the same keys.", metavar="FILE.toml")
    ] = None,
    stop_after: StopAfterOption = None,
    target_reward: TargetRewardOption = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    cpus: CpusOption = None,
    gpus: GpusOption = None,
    retries: RetriesOption = None,
    replicas: ReplicasOption = None,
    shards: ShardsOption = None,
    accumulate: AccumulateOption = None,
    json: JsonOption = False,
) -> None:
    """Search for a network.

    Everything that is finished is kept in the store: a search that was stopped or killed goes
    on with `reinas resume NAME`, or with the same command where it had a --name.

    Examples:
    - `reinas search conv --task digits`
    - `reinas search mlp --task wine --trials 100 --policy random --name first`
    - `reinas search conv --set space.depth=4 --set space.filters=[8,16]`
    - `reinas search conv --policy zoph-le --set policy.learning_rate=0.01`
    - `reinas search conv --task images:photos --set task.size=32 --max-parameters 200000`
    - `reinas search --task table:data.csv --target price`
    - `reinas search conv --task cifar10 --grow --set space.depth=20 --trials 12800`
    - `reinas search recurrent --task text:wiki --set space.base=8 --set task.size=small`
    - `reinas search --cell-from zoph-le-cell --task text:book.txt --set task.level=char`
    - `reinas search conv --task digits --stop-after 600 --target-reward 0.97`
    - `reinas search conv --task digits --executor ray --address auto --cpus 2`
    - `reinas search conv --policy zoph-le --replicas 4 --shards 2 --children 2`
    - `reinas search --config run.toml`
    """
    given = {
        "space.name": (space, "SPACE"),
        "task.name": (task, "--task"),
        "task.target": (target, "--target"),
        "policy.name": (policy, "--policy"),
        "recipe.epochs": (epochs, "--epochs"),
        "trials": (trials, "--trials"),
        "children": (children, "--children"),
        "seed": (seed, "--seed"),
        "workers": (workers, "--workers"),
        "time_limit": (time_limit, "--time-limit"),
        "memory_limit": (memory_limit, "--memory-limit"),
        "max_parameters": (max_parameters, "--max-parameters"),
        "max_flops": (max_flops, "--max-flops"),
        "grow": (grow or None, "--grow"),
        "repeats": (repeats, "--repeats"),
        "stop_after": (stop_after, "--stop-after"),
        "target_reward": (target_reward, "--target-reward"),
        "executor": (executor, "--executor"),
        "address": (address, "--address"),
        "cpus": (cpus, "--cpus"),
        "gpus": (gpus, "--gpus"),
        "retries": (retries, "--retries"),
        "replicas": (replicas, "--replicas"),
        "shards": (shards, "--shards"),
        "accumulate": (accumulate, "--accumulate"),
        "store": (store, "--store"),
        "name": (name, "--name"),
    }
    options = {k: Setting(v, origin) for k, (v, origin) in given.items() if v is not None}
    sources = [read_toml(config) if config else {}, options, parse_set(set_ or ())]
    if cell_from is not None:
        if policy is not None or space not in (None, "recurrent"):
            raise SettingError(
                "--cell-from: it trains one recurrent cell, so no --policy and no other space go"
                " with it"
            )
        place = options.get("store", Setting(STORE)).value
        sources.insert(0, cell_settings(cell_from, place))
    made = configure(*sources)
    home = Store(made.plain.store)
    name = made.plain.name
    if name is not None and name.startswith("-"):
        raise SettingError(f"--name: {name} would be taken for an option by other commands")
    if name is None:
        name = home.free_name(f"{made.space.name}-{made.task.name}")
    run(made, home, name, as_json=json)


def resume(
    name: Annotated[str, typer.Argument(help="The search's name; see `reinas list`.")],
    trials: Annotated[
        int | None, typer.Option(help="Extend the search to this many trials.")
    ] = None,
    workers: WorkersOption = None,
    time_limit: TimeLimitOption = None,
    memory_limit: MemoryLimitOption = None,
    stop_after: StopAfterOption = None,
    target_reward: TargetRewardOption = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    cpus: CpusOption = None,
    gpus: GpusOption = None,
    retries: RetriesOption = None,
    shards: ShardsOption = None,
    store: StoreOption = STORE,
    json: JsonOption = False,
) -> None:
    """Go on with a search, whatever stopped it.

    The trials are the ones that it would have had without the stop. A finished search is
    extended by asking for more --trials.

    Examples:
    - `reinas resume demo`
    - `reinas resume demo --trials 200`
    - `reinas resume demo --executor ray --address auto`
    """
    home = Store(store)
    log = home.get(name)
    if trials is not None and trials < log.trials:
        raise SettingError(
            f"--trials: search '{name}' is for {log.trials} trials already, and"
            f" can only be extended; got {trials}"
        )
    given = {
        "trials": trials or log.trials,
        "workers": workers,
        "time_limit": time_limit,
        "memory_limit": memory_limit,
        "stop_after": stop_after,
        "target_reward": target_reward,
        "executor": executor,
        "address": address,
        "cpus": cpus,
        "gpus": gpus,
        "retries": retries,
        "shards": shards,
        "store": store,
        "name": name,
    }
    options = {k: Setting(v, f"--{k.replace('_', '-')}") for k, v in given.items() if v is not None}
    run(restored(log.settings, options), home, name, as_json=json)


def run(config: Config, store: Store, name: str, *, as_json: bool) -> None:
    """Run the search with a progress bar, then say what it found."""
    from reinas.evaluators.trained import Limits, TrainedEvaluator
    from reinas.study.search import search as run_search

    plain = config.plain
    executor = make_executor(plain)
    schedule = make_schedule(plain)
    bar = _Bar(quiet=as_json, load=_Live(executor, schedule))
    for note in () if as_json else config.task.notes:
        err.print(note, style="dim", soft_wrap=True, markup=False)
    try:
        policy = make_policy(config)
        limits = Limits(plain.max_parameters, plain.max_flops)
        evaluator = TrainedEvaluator(config.task, config.recipe, limits)
        with interruptible():
            study = run_search(
                config.space,
                policy,
                evaluator,
                budget=Budget(plain.trials, plain.stop_after, plain.target_reward),
                batch_size=plain.children,
                seed=plain.seed,
                store=store,
                name=name,
                executor=executor,
                schedule=schedule,
                reuse=plain.repeats == "reuse",
                growth=config.growth,
                observer=bar,
            )
    except KeyboardInterrupt:
        bar.stop()
        if name not in store.names():
            raise InterruptError("stopped before the search had begun") from None
        done = store.get(name).count()[1]
        raise InterruptError(
            f"stopped with {done} of {plain.trials} trials finished; all of them are kept:"
            f" `reinas resume {typed(name, store.location)}` goes on"
        ) from None
    finally:
        bar.stop()
    report = make_report(study.record)
    if as_json:
        notes = list(config.task.notes)
        head = {"store": store.location, "notes": notes, "stopped": study.stopped}
        print_json({**head, **report.json()})
    else:
        print_result(out, report, store.location, study.stopped)
    if not report.best:  # nothing was found, for whatever reasons
        raise typer.Exit(1)


class _Live:
    """What executor and schedule are doing, as text."""

    def __init__(self, *parts: Any) -> None:
        self._parts = parts

    def __str__(self) -> str:
        return "  ".join(filter(None, (str(part.status()) for part in self._parts)))


class _Bar(Observer):
    """The progress bar of a search: trials done, best so far, failures, the cluster's load."""

    def __init__(self, *, quiet: bool, load: object | None) -> None:
        self._bar = progress(quiet=quiet, live=load)
        self._best: float | None = None
        self._failed = 0

    def on_start(self, study: Study[Any]) -> None:
        """Show what is there already."""
        log = study.record
        report = make_report(log, top=1)
        self._failed = report.failed
        self._best = report.best[0].reward if report.best else None
        self._task = self._bar.add_task(
            log.name, total=log.trials, completed=report.finished, note=self._note()
        )
        self._bar.start()

    def on_trial(self, trial: Trial) -> None:
        """Count one more trial."""
        if trial.outcome is not None:
            self._failed += trial.outcome.error is not None
            if trial.outcome.reward is not None:
                self._best = max(trial.outcome.reward, self._best or trial.outcome.reward)
        self._bar.update(self._task, advance=1, note=self._note())

    def stop(self) -> None:
        """Leave the bar as it is."""
        stop(self._bar)

    def _note(self) -> str:
        best = "-" if self._best is None else f"{self._best:.4f}"
        return f"best {best}  failed {self._failed}"
