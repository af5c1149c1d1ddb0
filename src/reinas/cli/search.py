"""`reinas search` and `reinas resume`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from reinas.cli.options import (
    STORE,
    JsonOption,
    MemoryLimitOption,
    StoreOption,
    TimeLimitOption,
    WorkersOption,
)
from reinas.cli.output import err, out, print_json, progress
from reinas.config import Config, Setting, configure, make_policy, parse_set, read_toml, restored
from reinas.errors import InterruptError, SettingError
from reinas.report.gather import gather
from reinas.report.terminal import print_result
from reinas.store import Store
from reinas.types import Trial


def search(
    space: Annotated[
        str | None, typer.Argument(help="conv, mlp or toy; see `reinas spaces`. Default: conv.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="What the network is for; see `reinas tasks`.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="How many children. Default: 64.")] = None,
    children: Annotated[
        int | None, typer.Option(help="Children a batch, one update each. Default: 8.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="Who decides; see `reinas policies`. Default: zoph-le.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="All randomness. Default: 0.")] = None,
    workers: WorkersOption = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs a child. Default: the task's recipe.")
    ] = None,
    time_limit: TimeLimitOption = None,
    memory_limit: MemoryLimitOption = None,
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
    json: JsonOption = False,
) -> None:
    """Search for a network.

    Everything that is finished is kept in the store: a search that was stopped or killed goes
    on with the same command or with `reinas resume NAME`.

    Examples:
    - `reinas search conv --task digits`
    - `reinas search mlp --task wine --trials 100 --policy random --name first`
    - `reinas search conv --set space.depth=4 --set space.filters=[8,16] --set
    policy.learning_rate=0.01`
    - `reinas search --config run.toml`
    """
    given = {
        "space.name": (space, "SPACE"),
        "task.name": (task, "--task"),
        "policy.name": (policy, "--policy"),
        "recipe.epochs": (epochs, "--epochs"),
        "trials": (trials, "--trials"),
        "children": (children, "--children"),
        "seed": (seed, "--seed"),
        "workers": (workers, "--workers"),
        "time_limit": (time_limit, "--time-limit"),
        "memory_limit": (memory_limit, "--memory-limit"),
        "repeats": (repeats, "--repeats"),
        "store": (store, "--store"),
        "name": (name, "--name"),
    }
    options = {k: Setting(v, origin) for k, (v, origin) in given.items() if v is not None}
    made = configure(read_toml(config) if config else {}, options, parse_set(set_ or ()))
    home = Store(made.plain.store)
    name = made.plain.name or _new_name(made, home.names())
    run(made, home, name, as_json=json)


def resume(
    name: Annotated[str, typer.Argument(help="The search's name; see `reinas list`.")],
    trials: Annotated[
        int | None, typer.Option(help="Extend the search to this many trials.")
    ] = None,
    workers: WorkersOption = None,
    time_limit: TimeLimitOption = None,
    memory_limit: MemoryLimitOption = None,
    store: StoreOption = STORE,
    json: JsonOption = False,
) -> None:
    """Go on with a search, whatever stopped it.

    The trials are the ones that it would have had without the stop. A finished search is
    extended by asking for more --trials.

    Examples:
    - `reinas resume demo`
    - `reinas resume demo --trials 200`
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
        "store": store,
        "name": name,
    }
    options = {k: Setting(v, f"--{k.replace('_', '-')}") for k, v in given.items() if v is not None}
    run(restored(log.settings, options), home, name, as_json=json)


def run(config: Config, store: Store, name: str, *, as_json: bool) -> None:
    """Run the search with a progress bar, then say what it found."""
    from reinas.evaluators.trained import TrainedEvaluator
    from reinas.loop import search as run_search

    executor = _executor(config)
    plain = config.plain
    with progress(quiet=as_json) as bar:
        watcher = _Watcher(bar, name, store, plain.trials)
        try:
            result = run_search(
                config.space,
                make_policy(config),
                TrainedEvaluator(config.task, config.recipe),
                trials=plain.trials,
                children=plain.children,
                seed=plain.seed,
                store=store,
                name=name,
                executor=executor,
                repeats=plain.repeats,
                on_trial=watcher,
            )
        except KeyboardInterrupt:
            bar.stop()
            done = store.get(name).count()[1] if name in store.names() else 0
            raise InterruptError(
                f"stopped with {done} of {plain.trials} trials finished; all of them are kept:"
                f" `reinas resume {name}` goes on"
            ) from None
    report = gather(result.log)
    if as_json:
        print_json({"store": store.location, **report.json()})
    else:
        err.print()
        print_result(out, report, store.location)


def _executor(config: Config) -> Any:
    plain = config.plain
    if plain.workers == 0:
        if plain.time_limit is not None or plain.memory_limit is not None:
            raise SettingError(
                "--time-limit and --memory-limit need worker processes, which can be killed:"
                " give --workers 1 or more"
            )
        from reinas.executors.serial import Serial

        return Serial()
    from reinas.executors.processes import Processes

    return Processes(plain.workers, time_limit=plain.time_limit, memory_limit=plain.memory_limit)


class _Watcher:
    """Keeps the progress bar: trials done, best so far, failures, time left."""

    def __init__(self, bar: Any, name: str, store: Store, trials: int) -> None:
        self._bar = bar
        self._best: float | None = None
        self._failed = 0
        done = 0
        if name in store.names():
            report = gather(store.get(name), top=1)
            done, self._failed = report.finished, report.failed
            self._best = report.best[0].reward if report.best else None
        self._task = bar.add_task(name, total=trials, completed=done, note=self._note())

    def _note(self) -> str:
        best = "-" if self._best is None else f"{self._best:.4f}"
        return f"best {best}  failed {self._failed}"

    def __call__(self, trial: Trial) -> None:
        if trial.outcome is not None:
            self._failed += trial.outcome.error is not None
            if trial.outcome.reward is not None:
                self._best = max(trial.outcome.reward, self._best or trial.outcome.reward)
        self._bar.update(self._task, advance=1, note=self._note())


def _new_name(config: Config, taken: Sequence[str]) -> str:
    """space-task, with a number where that is taken."""
    stem = f"{config.space.name}-{config.task.name}"
    names = [stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
