"""A study: ask for trials, tell what came of them."""

import contextlib
import json
import math
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from reinas.errors import InvalidSettingError, TrialError
from reinas.evaluators.base import AbstractEvaluator
from reinas.policies.base import AbstractPolicy, State
from reinas.spaces.base import AbstractSpace
from reinas.spaces.growth import Growth
from reinas.store import AbstractStore
from reinas.store.values import Report
from reinas.study import setup
from reinas.study.budget import Budget
from reinas.study.claims import Holder, is_gone
from reinas.study.lifecycle import Lifecycle
from reinas.study.observer import Observer
from reinas.study.stopping import AbstractStopping, is_given_up
from reinas.training.checkpoints import DISK_LIMIT, Checkpoints, checked_limit
from reinas.types import A, Outcome, Pruned, Trial

LEASE = 3600.0
POLL = 0.05  # seconds between two looks at whether other workers have finished
PATIENCE = 10.0  # seconds of waiting for them after which a warning says so


class Study(Lifecycle[A]):
    """A search whose trials you evaluate yourself: `ask` for trials, `tell` their outcomes.

    Everything is kept in the store at once. Killed at any moment and opened again with the same
    arguments, a study goes on to the trials that it would have had. Several processes may open
    one study on one store: each trial is handed out once, and a worker that died gives its trials
    back, at once where it was on this machine, else when its lease ends. Several threads may
    share one object.

    >>> import reinas
    >>> space = reinas.ProductSpace((("depth", (1, 2, 3)), ("width", (8, 16))))
    >>> study = reinas.Study(space, budget=reinas.Budget(trials=6))
    >>> while trials := study.ask():
    ...     for trial in trials:
    ...         trial = study.tell(trial, reward=1 / sum(v for _, v in trial.architecture.values))
    >>> str(study.best_architecture)
    'depth=1, width=8'

    Args:
        space: What may be built.
        policy: What proposes architectures and learns from the outcomes. None: Bayesian search.
        store: A `Store`, a file, or None for memory.
        name: The study's name in the store. None: made from the space's name.
        seed: All randomness is derived from it.
        batch_size: How many trials the policy proposes at a time. None: the policy's own choice.
        budget: When the study ends. None: after 64 trials.
        reuse: Whether an architecture that was evaluated before takes over that outcome.
        growth: Networks begin shallow and grow to the space's depth. None: full depth.
        evaluator: What measures the trials, for the record; None where that is your own code.
        schedule: What runs the study, for the record; None for ask and tell.
        stopping: The rule by which `should_stop` decides, and the schedule of a search. None:
            every trial is evaluated whole.
        disk_limit: GiB that the checkpoints of paused children may take.
        lease: Seconds after which a silent worker on another machine counts as dead. Any call
            renews it, so it only has to be longer than a trial between two reports.
        observer: Is told of every finished trial.
        continuing: Whether what runs the study can go on with trials that were stopped early,
            where the policy proposes them again (`AbstractPolicy.continue_stopped`).

    Raises:
        SettingError: The settings do not fit together, or the store has a study of that name with
            other settings, which are named.
        StoreError: The store cannot be read or written.
    """

    def __init__(
        self,
        space: AbstractSpace[A],
        policy: AbstractPolicy | None = None,
        *,
        store: AbstractStore | str | None = None,
        name: str | None = None,
        seed: int = 0,
        batch_size: int | None = None,
        budget: Budget | None = None,
        reuse: bool = True,
        growth: Growth | None = None,
        evaluator: AbstractEvaluator[A] | None = None,
        schedule: Mapping[str, Any] | None = None,
        stopping: AbstractStopping | None = None,
        disk_limit: float = DISK_LIMIT,
        lease: float = LEASE,
        observer: Observer | None = None,
        continuing: bool = False,
    ) -> None:
        budget = budget or Budget()
        if not lease > 0:
            raise InvalidSettingError("lease", f"must be above 0 seconds, got {lease}")
        checked_limit(disk_limit)
        self.policy = setup.default_policy(space, seed) if policy is None else policy
        batch_size = setup.checked_batch_size(batch_size, self.policy)
        settings = setup.settings(
            space, self.policy, evaluator, batch_size, seed, reuse, growth, schedule, stopping
        )
        home = setup.opened(store)
        with home.called(name, space.name) as chosen:
            record = home.put(chosen, settings, budget.trials)
        super().__init__(space, record, seed, batch_size, budget, reuse, growth, observer)
        self.stopping = stopping
        if continuing and reuse and stopping is not None:
            self.continuing = self.policy.continue_stopped()
        identity = f"{record.name}, {record.created}: {json.dumps(settings, sort_keys=True)}"
        self.checkpoints = Checkpoints(home.checkpoints(record.name), identity, disk_limit)
        self._holder = Holder(lease)
        self._lease, self._renewed = lease, time.monotonic()
        self._handed: set[int] = set()
        self._next = 0  # the batch after the last one that the policy has learned from
        self._lock = threading.RLock()

    # ---- ask, report, tell -------------------------------------------------------------------

    def ask(self, count: int | None = None, *, wait: float | None = None) -> list[Trial[A]]:
        """Trials to evaluate; an empty list once the budget is spent.

        Without a count these are all unfinished trials of the open batch that no other worker
        holds, also those that this object was handed before; when the batch is finished, the
        policy learns from it and proposes the next one. Several workers ask for one trial each.
        Where other workers hold all that is left, the call waits for them.

        Args:
            count: At most so many trials, none of which this object was handed before. The list
                is empty, too, where this object was handed all that is left. None: all.
            wait: Seconds to wait for other workers at most; the list is empty then. None: as long
                as it takes.

        Returns:
            Trials with their architecture and seed, in the order proposed.

        Raises:
            AnswersError: The policy did not propose what was requested.
        """
        if count is not None and count < 1:
            raise InvalidSettingError("count", f"must be at least 1, got {count}")
        begun = time.monotonic()
        give_up = math.inf if wait is None else begun + wait
        warned = False
        while True:
            with self._lock:
                self._renew()
                batch = self._open_batch(take=count is None)
                handed = self._hand_out(batch, count)
                others = any(t.worker not in (None, self._holder.name) for t in batch)
            if handed or not batch or (count is not None and not others):
                return handed
            if self.is_over or time.monotonic() >= give_up:
                return []
            if not warned and time.monotonic() - begun > PATIENCE:
                warned = True
                holders = sorted({t.worker.partition("/")[0] for t in batch if t.worker})
                warnings.warn(
                    f"'{self.name}' waits for {len(batch)} trials that others hold:"
                    f" {', '.join(holders)}; they come back when their lease of"
                    f" {self._lease:g} s ends",
                    stacklevel=2,
                )
            time.sleep(POLL)

    def release(self) -> None:
        """Let other study objects of this machine have the trials that this one was handed.

        Without it they wait until this object is gone: a notebook keeps it after an error.
        """
        self._holder.leave()

    def report(self, trial: Trial[A] | int, step: int, score: float) -> None:
        """Report how good a running trial is after a step, so that its learning curve is kept.

        Args:
            trial: The trial, or its number.
            step: Counts up from 1; an epoch, say.
            score: The reward that the trial would have if it ended here.

        Raises:
            InvalidSettingError: The step is no whole number from 1 on, or the score is not finite.
            TrialError: There is no such trial, or it has an outcome already.
        """
        number, step, score = _number(trial), *setup.reported(step, score)
        with self._lock:
            self._renew()
            if self.record.trial(number).outcome is not None:
                raise TrialError(
                    f"trial {number} of '{self.name}' has an outcome already, and reports no more"
                )
            self.record.report(Report(number, step, score, time.time()))
        self.observer.on_report(number, step, score)

    def report_all(self, trial: Trial[A] | int, scores: Mapping[int, float]) -> None:
        """Report all that a trial has come to, at once: whole or not at all.

        Args:
            trial: The trial, or its number.
            scores: Its score after each step.
        """
        now = time.time()
        with self._lock:
            self._renew()
            with self.record.together():
                for step, score in scores.items():
                    self.record.report(Report(_number(trial), int(step), float(score), now))

    def should_stop(self, trial: Trial[A] | int, steps: int) -> bool:
        """Whether the rule of early stopping gives a running trial up; then `prune` it.

        Call it after each `report`. It compares with what all trials have reported by now.

        Args:
            trial: The trial, or its number.
            steps: How many steps each trial has when it is evaluated whole.

        Returns:
            False where the last step reported is none of the rule's rungs, and without a rule.
        """
        rule = self.stopping
        return rule is not None and is_given_up(rule, self.record, _number(trial), steps)

    def tell(
        self,
        trial: Trial[A] | int,
        *,
        reward: float | None = None,
        outcome: Outcome | None = None,
        error: str | None = None,
        metrics: Mapping[str, float] | None = None,
        seconds: float = 0.0,
    ) -> Trial[A]:
        """Tell what came of a trial: exactly one of a reward, an outcome and an error.

        Trials may be told in any order, also by another process than the one that asked. With
        its last trial the policy learns from the batch.

        Args:
            trial: The trial, or its number.
            reward: Higher is better. One that is not finite makes the trial a failed one.
            outcome: All of it at once.
            error: Why the trial failed, in one line.
            metrics: Further measurements by name.
            seconds: How long the evaluation took.

        Returns:
            The finished trial.

        Raises:
            TrialError: There is no such trial, or it has an outcome already.
            InvalidSettingError: Not exactly one of the three was given.
        """
        told = setup.told(reward, outcome, error, metrics, seconds)
        with self._lock:
            self._renew()
            done = self.record_outcome(self.record.trial(_number(trial)), told)
            self.notify(done)
            self._settle(self.record.unfinished(done.batch))
            self._learn_if_finished(done.batch)
        return done

    def prune(self, trial: Trial[A] | int) -> Trial[A]:
        """Stop a trial early: the policy learns from the last score that it reported.

        Args:
            trial: The trial, or its number.

        Returns:
            The finished trial, in the state `pruned`.

        Raises:
            TrialError: It has reported nothing, or has an outcome already.
        """
        reports = self.record.reports(_number(trial))
        if not reports:
            raise TrialError(f"trial {_number(trial)} cannot be pruned: it has reported no score")
        return self.tell(trial, outcome=Outcome(None, pruned=Pruned(*reports[-1])))

    # ---- batches in their order --------------------------------------------------------------

    def _open_batch(self, *, take: bool) -> list[Trial]:
        """The unfinished trials of the first batch that has any; none where the budget is spent.

        Finished batches are learned from, and the next one is proposed.
        """
        while not self.is_over:
            self._catch_up()
            batch = self._next
            trials = self.record.batch(batch)
            if not trials:
                request = self.request(batch, self.record.count()[0])
                if request is None:
                    return []
                answers = self.policy.propose(
                    request.count, length=request.length, seed=request.seed
                )
                trials = self.propose(request, answers, self._holder.claim() if take else None)
            if left := self._settle([trial for trial in trials if trial.outcome is None]):
                return left
            self._learn_if_finished(batch)
        return []

    def _hand_out(self, batch: Sequence[Trial], count: int | None) -> list[Trial[A]]:
        """Those of an open batch's trials that are handed to the caller now."""
        if not batch:
            return []
        me, number = self._holder.name, batch[0].batch
        mine = {t.number for t in batch if t.worker == me}
        new = mine - self._handed
        most = len(batch) if count is None else count - len(new)
        if most > 0 and len(mine) < len(batch):
            claim = self._holder.claim()
            taken = self.record.claim(number, claim, most, now=time.time(), gone=is_gone)
            new |= set(taken)
        chosen = mine | new if count is None else set(sorted(new)[:count])
        self._handed |= chosen
        return [self.decoded(trial, me) for trial in batch if trial.number in chosen]

    def _settle(self, trials: Sequence[Trial]) -> list[Trial]:
        """Finish those of a batch's open trials that nobody has to evaluate; what is left."""
        left = []
        for trial in trials:
            if trial.repeat_of is None:
                outcome = self.undecodable(trial)
            else:
                outcome = self.record.trial(trial.repeat_of).outcome
            if outcome is None:
                left.append(trial)
                continue
            with contextlib.suppress(TrialError):  # another process has just done the same
                self.notify(self.record_outcome(trial, outcome))
        return left

    def _learn_if_finished(self, batch: int) -> None:
        """Let the policy learn from the batch, if it is the next one and all of it is finished."""
        self._catch_up()
        if batch != self._next or self.record.unfinished(batch):
            return
        diagnostics = setup.diagnostics(self.policy.update(self.record.batch(batch)))
        self.record.learned(batch, diagnostics, setup.state(self.policy))
        self._next = batch + 1

    def _catch_up(self) -> None:
        """Restore the policy where another process, or an earlier one, has learned more."""
        if self.record.last_update() + 1 != self._next:
            snapshot = self.record.snapshot()
            if snapshot is not None:
                self._restore(snapshot[1])
                self._next = snapshot[0] + 1

    def _restore(self, state: State) -> None:
        try:
            self.policy.restore(state)
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            raise setup.unknown_state(self.name, self.policy, error) from error

    def _renew(self) -> None:
        """Hold on to this object's trials for another lease."""
        if time.monotonic() - self._renewed > self._lease / 4:
            self._renewed = time.monotonic()
            self.record.renew(self._holder.claim())


def _number(trial: Trial | int) -> int:
    number: Any = trial.number if isinstance(trial, Trial) else trial
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise InvalidSettingError("trial", f"must be a trial or its number, got {trial!r}")
    return int(number)
