"""The loop: propose, evaluate, record, learn."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic, Literal

from reinas.errors import AnswersError, SettingError
from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor, reason
from reinas.executors.serial import Serial
from reinas.policies.base import AbstractPolicy
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.store import Log, Store
from reinas.store.log import Proposal
from reinas.store.memory import MemoryLog
from reinas.store.store import plain
from reinas.types import A, Answers, Job, Outcome, Trial

Repeats = Literal["train", "reuse"]


@dataclass(frozen=True, slots=True)
class Growth:
    """The schedule of depth (section 4.1): `start` layers, `step` more every `every` samples."""

    start: int = 6
    step: int = 2
    every: int = 1600

    def __post_init__(self) -> None:
        for key in ("start", "step", "every"):
            if getattr(self, key) < 1:
                raise SettingError(f"growth: {key} must be at least 1, got {getattr(self, key)}")

    def depth(self, trial: int) -> int:
        """The depth of a batch whose first trial is number `trial`, before any limit."""
        return self.start + self.step * (trial // self.every)

    def check(self, space: AbstractSpace[Any]) -> None:
        """Raise `SettingError` where the space has no depths to grow through."""
        deepest = len(space.lengths)
        if deepest == 1:
            raise SettingError(
                f"growth: networks of the space '{space.name}' as it is cannot grow layer by layer:"
                " that takes conv with a space.depth above 1"
            )
        if self.start >= deepest:
            raise SettingError(
                f"growth: from {self.start} layers on, but the space '{space.name}' has {deepest}"
                " at most, so nothing would grow: try space.depth=20, or a smaller growth.start"
            )


@dataclass(frozen=True)
class Result(Generic[A]):
    """What a search has found: the best trial and its architecture (None if every child failed).

    All trials, failures and diagnostics are in `log`.
    """

    name: str
    best: Trial | None
    architecture: A | None
    log: Log


def search(
    space: AbstractSpace[A],
    policy: AbstractPolicy,
    evaluator: AbstractEvaluator[A],
    *,
    trials: int = 64,
    children: int | None = None,
    seed: int = 0,
    store: Store | str | None = None,
    name: str | None = None,
    executor: AbstractExecutor | None = None,
    repeats: Repeats = "reuse",
    growth: Growth | None = None,
    on_start: Callable[[Log], None] | None = None,
    on_trial: Callable[[Trial], None] | None = None,
) -> Result[A]:
    """Search `space` for `trials` architectures, `children` to a batch (None: the policy's own).

    `store` is a `Store`, a file, or None for memory. Called again with the same name and
    settings it goes on where it was, however it ended: the trials are the same as if it had
    never stopped. More trials than before extend it. With `repeats="reuse"` an architecture
    that was measured already is not measured again: its outcome is taken over and marked.
    With `growth` the networks begin shallow and grow to the space's depth.
    `on_start` is called once with the search's log, when nothing can be refused any more;
    `on_trial` with every trial that finishes.
    """
    children = policy.batch if children is None else children
    check_budget(trials, children, repeats)
    home = store if isinstance(store, Store) else Store(store)
    name = home.free_name(space.name) if name is None else name
    settings = {
        "space": dict(space.settings),
        "policy": dict(policy.settings),
        "evaluator": dict(evaluator.settings),
        "children": children,
        "seed": seed,
        "repeats": repeats,
    }
    if growth is not None:
        growth.check(space)
        settings["growth"] = asdict(growth)
    evaluator.check(space.decode(space.sample(1, derive(seed, "check"))[0]))
    runner = executor or Serial()
    with home.lock(name):
        log = home.put(name, plain(settings), trials)
        if on_start is not None:
            on_start(log)
        loop = Loop(
            space, policy, evaluator, runner, log, children, seed, repeats, growth, on_trial
        )
        try:
            loop.run()
        finally:
            runner.close()
    return result(space, log)


def result(space: AbstractSpace[A], log: Log) -> Result[A]:
    """What a search has found so far."""
    best = next(iter(log.best()), None)
    return Result(log.name, best, space.decode(best.answers) if best else None, log)


@dataclass
class Loop(Generic[A]):
    """One search, step by step, in whatever log; `search` sets one up and checks it."""

    space: AbstractSpace[A]
    policy: AbstractPolicy
    evaluator: AbstractEvaluator[A]
    executor: AbstractExecutor
    log: Log | MemoryLog
    children: int
    seed: int
    repeats: Repeats = "reuse"
    growth: Growth | None = None
    on_trial: Callable[[Trial], None] | None = None

    def run(self) -> None:
        """Batch after batch, from the last one that the policy has learned from."""
        batch = 0
        if (snapshot := self.log.snapshot()) is not None:
            batch = snapshot[0] + 1
            self.policy.restore(snapshot[1])
        while trials := self.log.batch(batch) or self._propose(batch):
            self._evaluate(trials)
            diagnostics = self.policy.update(self.log.batch(batch))
            self.log.learned(batch, diagnostics, self.policy.state())
            batch += 1

    def _propose(self, batch: int) -> list[Trial]:
        """Write down the next batch, whole; none when the budget is used up."""
        first, _ = self.log.count()
        count = min(self.children, self.log.trials - first)
        if count <= 0:
            return []
        length = self._length(first)
        answered = self.policy.propose(
            count, length=length, seed=derive(self.seed, "propose", batch)
        )
        proposed = [tuple(map(int, answers)) for answers in answered]
        if [len(answers) for answers in proposed] != [length] * count:
            raise AnswersError(
                f"the policy was asked for {count} times {length} answers, and gave"
                f" {[len(answers) for answers in proposed]}: is it for this space?"
            )
        for answers in proposed:
            self.space.check(answers)
        keys = [self._key(answers) for answers in proposed]
        known = self.log.first_with(keys, batch) if self.repeats == "reuse" else {}
        proposals = []
        for number, (answers, key) in enumerate(zip(proposed, keys, strict=True), start=first):
            proposals.append(Proposal(number, answers, key, known.get(key)))
            if self.repeats == "reuse":
                known.setdefault(key, number)
        self.log.propose(batch, proposals)
        return self.log.batch(batch)

    def _length(self, first: int) -> int:
        """How many decisions a batch takes whose first trial has this number."""
        lengths = self.space.lengths
        if self.growth is None:
            return lengths[-1]
        return lengths[min(self.growth.depth(first), len(lengths)) - 1]

    def _key(self, answers: Answers) -> Answers:
        """Canonical answers: equal for equal architectures."""
        try:
            return self.space.encode(self.space.decode(answers))
        except AnswersError:
            raise
        except Exception:
            return answers  # the space cannot build it: it fails when it is evaluated

    def _evaluate(self, trials: Sequence[Trial]) -> None:
        """Finish what is not finished yet; repeats take over their original's outcome last."""
        jobs = []
        for trial in trials:
            if trial.outcome is not None or trial.repeat_of is not None:
                continue
            try:
                architecture = self.space.decode(trial.answers)
            except Exception as error:
                self._record(trial, Outcome(None, error=reason(error)))
                continue
            seed = derive(self.seed, "evaluate", trial.number)
            jobs.append(Job(trial.number, architecture, seed))
        by_number = {trial.number: trial for trial in trials}
        for job, outcome in self.executor.run(self.evaluator, jobs):
            self._record(by_number[job.trial], outcome)
        for trial in trials:
            if trial.outcome is None and trial.repeat_of is not None:
                original = self.log.trial(trial.repeat_of).outcome
                if original is not None:
                    self._record(trial, replace(original, seconds=0.0))

    def _record(self, trial: Trial, outcome: Outcome) -> None:
        self.log.record(trial.number, outcome)
        if self.on_trial is not None:
            self.on_trial(replace(trial, outcome=outcome))


def check_budget(trials: int, children: int, repeats: str) -> None:
    """Raise `SettingError` unless a search can have these."""
    for key, value in (("trials", trials), ("children", children)):
        if value < 1:
            raise SettingError(f"{key} must be at least 1, got {value}")
    if repeats not in ("train", "reuse"):
        raise SettingError(f"repeats is train or reuse, got {repeats!r}")
