"""`reinas.fit`: a good network for some data, in some minutes."""

import contextlib
import json
import math
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from reinas.children import build as registered
from reinas.children.build import Builder, check_builder
from reinas.devices import Placement
from reinas.devices import count as count_devices
from reinas.errors import InvalidSettingError, SettingError
from reinas.evaluators.limits import Limits
from reinas.evaluators.trained import TrainedEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.executors.processes import Processes
from reinas.export.network import FoundNetwork
from reinas.export.saved import describe, save
from reinas.finishing.final_training import measure_test_part
from reinas.fitting.assembly import Member, assemble, description_of, joined
from reinas.fitting.clock import Clock, write_whole
from reinas.fitting.files import FIT, check_known, network_folder, workplace
from reinas.fitting.fit_observer import FitObserver
from reinas.fitting.phases import Phases
from reinas.fitting.pieces import PieceEvaluator
from reinas.fitting.plan import Plan, plan_for
from reinas.fitting.probe import Pacing, probe
from reinas.policies.bayes import BayesianSearch
from reinas.policies.starting import StartingWith
from reinas.seeds import derive
from reinas.store import AbstractStore
from reinas.store.json import now
from reinas.store.values import FinalRecord
from reinas.study import setup
from reinas.study.budget import Budget
from reinas.study.study import Study
from reinas.tasks.base import AbstractTask, check_parts
from reinas.threads import cores
from reinas.training.tensors import search_scalings

LEAST_SECONDS = 10.0
"""Less time than this is used up by starting."""
LEAST_START = 4
"""Architectures before the policy's first model: the starts are known to be good."""
MOST_TRIALS = 100_000
BATCH = 4
"""Candidates per worker and batch where they are trained whole, since they end at other times."""


@dataclass(frozen=True)
class Fitted:
    """What a fit has given.

    Args:
        network: The network, which takes raw examples.
        folder: Where it is saved; `reinas.load(folder)` gives it again.
        study: All candidates.
        members: The networks in it, the heaviest first.
        metrics: What it comes to on the test part, which was measured once.
        summary: The metrics as one line.
        seconds: How long it took.
    """

    network: FoundNetwork
    folder: Path
    study: Study[Any]
    members: tuple[Member, ...]
    metrics: Mapping[str, float]
    summary: str
    seconds: float


def fit(
    task: AbstractTask,
    *,
    minutes: float = 10.0,
    seed: int = 0,
    plan: Plan | None = None,
    limits: Limits | None = None,
    ensemble: int | None = None,
    placement: Placement | None = None,
    executor: AbstractExecutor | None = None,
    store: AbstractStore | str | None = None,
    name: str | None = None,
    folder: Path | str | None = None,
    build: Builder | None = None,
    observer: FitObserver | None = None,
    begun: float | None = None,
) -> Fitted:
    """Find, train, test and save a good network within some minutes.

    Many candidates are trained for a short time, proposed by Bayesian search from architectures
    that are known to be good; the best go on from where they were, and are trained to the end.
    Those that are best together on the validation part make the network. Interrupted and called
    again with the same store and name, it goes on with the time that was left.

    Args:
        task: The data, the objective and the reward.
        minutes: How long it may take, everything included.
        seed: All randomness is derived from it; what depends on the time differs all the same.
        plan: What to search and how to train. None: what suits the data.
        limits: What each network may cost.
        ensemble: Networks in the ensemble at most. None: the plan's number.
        placement: Where networks train. None: an accelerator where there is one, else the CPU, in
            the precision that is fastest there.
        executor: Where networks train, as many at a time as it has places. None: in worker
            processes, one per core, or one on an accelerator.
        store: A `Store`, a file, or None for memory.
        name: The study's name in the store. None: made from the task's name.
        folder: Where the network is saved. None: a folder called like the study.
        build: Builds networks from architectures. None: `reinas.build`.
        observer: Watches.
        begun: When the time began, in seconds since 1970. None: now.

    Returns:
        The network and what is known about it.

    Raises:
        SettingError: The arguments do not fit together, or there is a study of that name with
            other settings or one that is finished.
        BusyError: Another process works on the study.
        ReinasError: No network could be trained in the time.
    """
    begun = time.time() if begun is None else begun
    _check(minutes, ensemble)
    placement = (placement or Placement("auto", "auto")).resolved()
    builder = registered if build is None else build
    if build is not None:
        check_builder(build)
    limits = limits or Limits()
    watch = observer or FitObserver()
    home = setup.opened(store)
    with ExitStack() as stack:
        name = stack.enter_context(home.called(name, f"fit-{task.name}"))
        place = Path(name.replace("/", "-")) if folder is None else Path(folder)
        stack.enter_context(network_folder(place))
        executor = stack.enter_context(closing(executor or _workers(placement)))
        count = max(1, executor.status().places)
        plan, task = _planned(task, plan, ensemble, executor)
        evaluated = TrainedEvaluator(task, plan.recipe, limits, build, placement)
        check_known(home, name, evaluated)
        stack.enter_context(home.lock(name))
        work = stack.enter_context(workplace(home, name))
        clock = Clock(work / "clock.json", 60 * minutes, begun)
        _check_time(clock, minutes, name)
        evaluator = PieceEvaluator(task, placement, limits, builder)
        stack.enter_context(clock.running())
        watch.on_plan(plan, clock)
        pacing = _pacing(plan, evaluator, executor, clock, work)
        plan = replace(plan, starts=_starts(plan, pacing, home, name))
        study = _study(plan, evaluated, count, home, name, seed, watch)
        phases = Phases(plan, study, evaluator, executor, count, clock, work, pacing, watch)
        watch.on_start(study)
        phases.explore()
        phases.narrow()
        phases.train()
        phases.close()
        executor.close()
        watch.on_phase("test", clock.seconds)
        return _finish(phases, task, builder, place)


def _check(minutes: float, ensemble: int | None) -> None:
    if not LEAST_SECONDS / 60 <= minutes < math.inf:
        raise InvalidSettingError(
            "minutes", f"must be at least {LEAST_SECONDS / 60:.2g} and finite, got {minutes:g}"
        )
    if ensemble is not None and ensemble < 1:
        raise InvalidSettingError("ensemble", f"must be at least 1, got {ensemble}")


def _workers(placement: Placement) -> AbstractExecutor:
    """Worker processes, one per core or per accelerator."""
    device = placement.device
    return Processes(cores() if device == "cpu" else count_devices(device))


def _planned(
    task: AbstractTask, plan: Plan | None, ensemble: int | None, executor: AbstractExecutor
) -> tuple[Plan, AbstractTask]:
    """The plan and the task as it wants it; the data are read while the executor starts."""
    starting = threading.Thread(target=executor.open)
    starting.start()  # imports take seconds, and so may the data
    try:
        plan = plan_for(task) if plan is None else plan
        plan = plan if ensemble is None else replace(plan, members=ensemble)
        task = plan.prepared(task)
        check_parts(task)
    finally:
        starting.join()
    return plan, task


def _check_time(clock: Clock, minutes: float, name: str) -> None:
    """Refuse minutes that are over before anything could be trained."""
    if clock.left < LEAST_SECONDS / 2:
        what = "starting" if not clock.earlier else f"'{name}' so far, and starting again,"
        raise SettingError(
            f"{minutes:g} minutes are too few here: {what} took {clock.spent / 60:.1f}; give more"
            " minutes"
        )


def _study(
    plan: Plan,
    evaluated: TrainedEvaluator,
    workers: int,
    home: AbstractStore,
    name: str,
    seed: int,
    observer: FitObserver,
) -> Study[Any]:
    """The candidates' study, new or as it was left."""
    space = plan.space
    starts = [space.encode(architecture) for architecture in plan.starts]
    start = max(LEAST_START, len(starts))
    policy = BayesianSearch(space, start=start, seed=derive(seed, "policy"))
    return Study(
        space,
        StartingWith(policy, starts),
        store=home,
        name=name,
        seed=seed,
        batch_size=BATCH * workers if plan.by_recipe else workers,
        budget=Budget(trials=min(MOST_TRIALS, space.size)),  # later proposals would be repeats
        evaluator=evaluated,
        schedule=FIT,
        observer=observer,
    )


def _pacing(
    plan: Plan, evaluator: PieceEvaluator, executor: AbstractExecutor, clock: Clock, work: Path
) -> Pacing:
    """What the probe decides, kept for a fit that goes on."""
    file = work / "pacing.json"
    # a damaged file is no loss: what it holds is measured anew
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Pacing(tuple(kept["starts"]), float(kept["slice"]), float(kept["begun"]))
    pacing = probe(plan, evaluator, executor, clock, work)
    write_whole(file, json.dumps(asdict(pacing)))
    return pacing


def _starts(plan: Plan, pacing: Pacing, home: AbstractStore, name: str) -> tuple[Any, ...]:
    """Where the search begins: as the probe has chosen, or as the study was begun."""
    known = home.find(name)
    if known is None:
        return tuple(plan.starts[n] for n in pacing.starts if n < len(plan.starts))
    return tuple(plan.space.decode(tuple(a)) for a in known.settings["policy"]["starts"])


def _finish(phases: Phases, task: AbstractTask, builder: Builder, folder: Path) -> Fitted:
    """Choose, test once, save."""
    plan, study = phases.plan, phases.study
    members = assemble(phases, task, builder)
    mirror = plan.mirror and len(task.inputs) == 3
    child = joined(members, task, mirror=mirror)
    metrics = measure_test_part(child, task, phases.evaluator.placement)
    summary = task.objective.summary(metrics)
    first = members[0]
    final = FinalRecord(first.trial.number, plan.recipe.settings, metrics, now(), summary)
    study.record.finish(final)
    story = {"search": study.name, "trial": first.trial.number, "recipe": plan.recipe.settings}
    story |= description_of(members, mirror=mirror)
    description = describe(study.space, first.trial.answers, task, **story, metrics=metrics)
    network = FoundNetwork(child.cpu(), *search_scalings(task), description).eval()
    save(network, folder)
    return Fitted(network, folder, study, tuple(members), metrics, summary, phases.clock.spent)
