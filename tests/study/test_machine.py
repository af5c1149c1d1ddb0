"""A study under any order of ask, report, tell, kill, open and extend, by one process or two."""

import contextlib
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from helpers import SPACE, Hashed, story
from mortal_store import Died, Mortal
from reinas import Budget, MemoryStore, Outcome, Store, Study, zoph_le
from reinas.errors import TrialError
from reinas.executors.base import attempt
from reinas.store import checking
from reinas.study.claims import Holder

SIZE = 4
"""Trials of a batch; budgets are multiples of it, so that an extended study is a longer one."""
WORKERS = st.integers(0, 1)
DEATHS = {"left": st.none() | st.integers(1, 6), "before": st.booleans()}
"""After how many transactions the process dies, if it does; before or after the last is written."""


def opened(store, trials):
    """A study object, as each process has one."""
    return Study(
        SPACE,
        zoph_le(SPACE, learning_rate=0.05, seed=3),
        store=store,
        name="s",
        seed=5,
        budget=Budget(trials),
        batch_size=SIZE,
    )


def outcome_of(study, trial):
    """The outcome that the trial has whoever evaluates it."""
    return attempt(Hashed(), study.job(trial))


def to_the_end(study):
    """One process does what is left."""
    while trials := study.ask():
        for trial in trials:
            study.tell(trial, outcome=outcome_of(study, trial))
    return study.record


class Machine(RuleBasedStateMachine):
    """Two processes that share a study, each with a connection of its own."""

    handed = Bundle("handed")

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "s.db"
        self.trials = 3 * SIZE
        self.stores, self.studies = [None, None], [None, None]
        for worker in (0, 1):
            self._open(worker)
        self.owners = {}
        self.told = set()

    def _open(self, worker):
        self.stores[worker] = Mortal(self.path, 10**9, before=False)
        self.studies[worker] = opened(self.stores[worker], self.trials)

    def _forget(self, worker):
        Holder._living.pop(self.studies[worker]._holder.name, None)
        self.stores[worker].close()

    def _die(self, worker):
        """The process is gone with all that it held."""
        self._forget(worker)
        self.owners = {n: owner for n, owner in self.owners.items() if owner != worker}
        self._open(worker)

    @contextlib.contextmanager
    def _within(self, worker, left, before):
        """The process dies at its n-th transaction from now, before or after it is written."""
        store = self.stores[worker]
        store.left, store.before = left or 10**9, before
        try:
            yield
        except Died:
            self._die(worker)
        else:
            store.left = 10**9

    @rule(target=handed, worker=WORKERS, count=st.integers(1, 3), **DEATHS)
    def ask(self, worker, count, left, before):
        found = []
        with self._within(worker, left, before):
            found = self.studies[worker].ask(count, wait=0)
            for trial in found:
                assert trial.number not in self.told
                assert self.owners.get(trial.number, worker) == worker, "two hold one trial"
                self.owners[trial.number] = worker
        return [(worker, trial.number) for trial in found]

    @rule(which=handed, step=st.integers(1, 3), **DEATHS)
    def report(self, which, step, left, before):
        for worker, number in which:
            if self.owners.get(number) == worker:
                with self._within(worker, left, before), contextlib.suppress(TrialError):
                    self.studies[worker].report(number, step, step / 4)

    @rule(which=consumes(handed), **DEATHS)
    def tell(self, which, left, before):
        for worker, number in which:
            if self.owners.get(number) != worker:
                continue
            study = self.studies[worker]
            with self._within(worker, left, before):
                study.tell(number, outcome=outcome_of(study, study.record.trial(number)))
                self.owners.pop(number, None)
            if study.record.trial(number).outcome is not None:
                self.told.add(number)

    @rule(worker=WORKERS)
    def kill(self, worker):
        self._die(worker)

    @rule(worker=WORKERS)
    def release(self, worker):
        self.studies[worker].release()
        self.owners = {n: owner for n, owner in self.owners.items() if owner != worker}

    @rule()
    def extend(self):
        if self.trials < 6 * SIZE:
            self.trials += SIZE
            for worker in (0, 1):
                self._die(worker)

    @rule(number=st.integers(0, 30))
    def tell_twice(self, number):
        if number in self.told:
            with contextlib.suppress(TrialError):
                self.studies[0].tell(number, outcome=Outcome(123.0))

    @invariant()
    def whole(self):
        if hasattr(self, "told"):
            record = self.studies[0].record
            assert self.told <= {trial.number for trial in record.finished()}
            assert all(trial.reward != 123.0 for trial in record.best(5))

    def teardown(self):
        if not hasattr(self, "told"):
            return
        for worker in (0, 1):
            self._forget(worker)
        store = Store(self.path)
        try:
            record = to_the_end(opened(store, self.trials))
            assert checking.problems(store) == []
            assert story(record) == story(to_the_end(opened(MemoryStore(), self.trials)))
        finally:
            store.close()
            self.folder.cleanup()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
