"""Ask and tell: the trials of a search, whoever evaluates them and however often they die."""

import contextlib
import gc
import json
import math
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from helpers import SPACE, Hashed, Watching, small_search, story
from mortal_store import Died, Mortal
from reinas import (
    Budget,
    MemoryStore,
    Outcome,
    Pruned,
    RandomSearch,
    Store,
    Study,
    search,
    zoph_le,
)
from reinas.errors import SettingError, StoreError, TrialError
from reinas.executors.base import attempt
from reinas.seeds import derive
from reinas.store import schema
from reinas.store.packing import packed
from reinas.study.claims import Holder, is_gone


def opened(store=None, *, trials=40, policy=None, **more):
    """The study of `helpers.small_search`, opened by hand."""
    policy = policy or zoph_le(SPACE, learning_rate=0.05, seed=3)
    more = {"name": "s", "seed": 5, "evaluator": Hashed(), "budget": Budget(trials), **more}
    return Study(SPACE, policy, store=store, **more)


def outcome_of(study, trial):
    return attempt(Hashed(), study.job(trial))


@pytest.fixture(scope="module")
def undisturbed():
    return story(small_search(None).record)


def test_a_loop_of_ask_and_tell_is_the_search(undisturbed):
    """The same trials, outcomes and diagnostics."""
    study = opened()
    while trials := study.ask():
        for trial in trials:
            study.tell(trial, outcome=outcome_of(study, trial))
    assert story(study.record) == undisturbed
    assert study.finished
    assert study.ask() == []


def test_a_trial_has_its_architecture_and_its_seed():
    """What an evaluation needs."""
    study = opened()
    for trial in study.ask():
        assert trial.architecture == SPACE.decode(trial.answers)
        assert trial.seed == derive(5, "evaluate", trial.number)
        assert trial.state == "running"


def test_trials_may_be_told_in_any_order(undisturbed):
    """The policy learns from a batch in the order proposed all the same."""
    study = opened()
    rng = np.random.default_rng(0)
    while trials := study.ask():
        for place in rng.permutation(len(trials)):
            study.tell(trials[place].number, outcome=outcome_of(study, trials[place]))
    assert story(study.record) == undisturbed


def test_asking_again_gives_what_is_not_told_yet():
    """The open batch's unfinished trials come first; the next batch comes when all are told."""
    study = opened(reuse=False)
    first = study.ask()
    assert [t.number for t in first] == list(range(8))
    study.tell(first[2], reward=0.5)
    assert [t.number for t in study.ask()] == [0, 1, 3, 4, 5, 6, 7]


def test_asking_for_one_at_a_time_gives_each_once():
    """Until the batch is handed out; then there is nothing to wait for but one's own tells."""
    study = opened(policy=RandomSearch(SPACE), batch_size=3, reuse=False)
    handed = [study.ask(1)[0] for _ in range(3)]
    assert [t.number for t in handed] == [0, 1, 2]
    assert study.ask(1) == []
    for trial in handed:
        study.tell(trial, reward=0.5)
    assert [t.number for t in study.ask(2)] == [3, 4]


def test_one_of_reward_outcome_and_error_is_told():
    """Neither none nor several; what is no number is refused, NaN is a failure."""
    study = opened()
    trial, other, *_ = study.ask()
    for wrong in ({}, {"reward": 1.0, "error": "no"}, {"reward": "high"}):
        with pytest.raises(SettingError):
            study.tell(trial, **wrong)
    assert study.tell(trial, reward=math.nan).outcome.error == "the reward was nan"
    done = study.tell(other, error="it broke", metrics={"a": 1}, seconds=2.0)
    assert (done.state, done.outcome.metrics, done.outcome.seconds) == ("failed", {"a": 1.0}, 2.0)


def test_a_trial_is_told_once():
    """A second outcome is refused, as is one for a trial that does not exist."""
    study = opened()
    trial = study.ask()[0]
    study.tell(trial, reward=0.5)
    with pytest.raises(TrialError, match="has an outcome already"):
        study.tell(trial, reward=0.75)
    with pytest.raises(TrialError, match="has no trial 99"):
        study.tell(99, reward=0.75)
    assert study.best_trial.reward == 0.5


def test_reports_are_kept_as_they_come():
    """And go with the outcome."""
    study = opened()
    trial = study.ask()[0]
    for step in (1, 2, 3):
        study.report(trial, step, step / 10)
        assert study.record.reports(trial.number)[-1] == (step, step / 10)
    done = study.tell(trial, reward=0.4)
    assert done.outcome.reports == ((1, 0.1), (2, 0.2), (3, 0.3))
    with pytest.raises(SettingError, match="score must be a finite number"):
        study.report(trial, 4, math.nan)


def test_a_pruned_trial_has_its_last_score():
    """The policy learns from it; it is never the best."""
    study = opened(policy=RandomSearch(SPACE), batch_size=2, reuse=False)
    one, other = study.ask()
    with pytest.raises(TrialError, match="has reported no score"):
        study.prune(one)
    study.report(one, 1, 0.7)
    study.report(one, 2, 0.9)
    assert study.prune(one).outcome.pruned == Pruned(2, 0.9)
    study.tell(other, reward=0.5)
    assert [t.state for t in study.trials] == ["pruned", "complete"]
    assert study.best_trial.number == 1
    assert study.record.diagnostics() == [(0, {"reward": 0.7})]


def test_without_a_complete_trial_there_is_no_best():
    """The error says what there is instead."""
    study = opened(reuse=False)
    with pytest.raises(TrialError, match=r"no complete trial yet.*0 trials"):
        _ = study.best_trial
    study.tell(study.ask()[0], error="it broke")
    with pytest.raises(TrialError, match="1 failed"):
        _ = study.best_architecture


def test_a_reward_that_is_good_enough_ends_the_study():
    """Also when it is opened again."""
    store = MemoryStore()
    study = opened(store, budget=Budget(40, reward=0.8), policy=RandomSearch(SPACE))
    study.tell(study.ask()[0], reward=0.9)
    assert study.ask() == []
    assert study.stopped == "trial 0 has a reward of 0.9000"
    del study
    assert opened(store, budget=Budget(40, reward=0.8), policy=RandomSearch(SPACE)).ask() == []
    assert opened(store, policy=RandomSearch(SPACE)).ask()


def test_time_ends_the_study():
    """What is finished is kept."""
    study = opened(budget=Budget(40, seconds=0.05))
    study.tell(study.ask()[0], reward=0.5)
    time.sleep(0.06)
    assert study.ask() == []
    assert study.stopped == "its 0.05 seconds are over"


def test_all_trials_as_a_data_frame():
    """One row each: state, reward, text, metrics and the decisions' values."""
    study = opened(policy=RandomSearch(SPACE), batch_size=4, reuse=False)
    one, other, *_ = study.ask()
    study.tell(one, reward=0.5, metrics={"loss": 2.0})
    study.tell(other, error="it broke")
    frame = study.dataframe()
    assert list(frame["state"]) == ["complete", "failed", "running", "running"]
    assert frame.loc[0, "metrics.loss"] == 2.0
    assert frame.loc[1, "error"] == "it broke"
    assert list(frame["architecture"]) == [str(t.architecture) for t in study.trials]
    for row, trial in zip(frame.itertuples(), study.trials, strict=True):
        layers = trial.architecture.layers
        assert frame.loc[row.Index, "decisions.depth"] == len(layers)
        assert frame.loc[row.Index, "decisions.layer1.width"] == layers[0].width
        if len(layers) == 1:
            assert frame["decisions.layer2.width"].isna()[row.Index]


# ---- killed anywhere -----------------------------------------------------------------------------


def lived(store, *, count=None):
    """A life of a loop with ask, report and tell, to its end or the process's."""
    study = opened(store, trials=14, batch_size=4)
    while trials := study.ask(count):
        for trial in trials:
            outcome = outcome_of(study, trial)
            study.report(trial, 1, 0.25)
            study.report(trial, 2, 0.5)
            study.tell(trial, outcome=outcome)
    return study.record


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("count", [None, 1])
def test_dying_at_any_transaction_of_ask_report_and_tell_changes_nothing(before, count, tmp_path):
    """Whatever was the last transaction, the study goes on to the undisturbed one's trials."""
    truth = story(lived(MemoryStore(), count=count))
    deaths = 0
    for n in range(1, 400, 3):
        path = tmp_path / f"{n}.db"
        mortal = Mortal(path, n, before=before)
        try:
            lived(mortal, count=count)
        except Died:
            deaths += 1
        else:
            break
        mortal.bury()
        record = lived(Store(path), count=count)
        assert story(record) == truth, n
        told = [t.outcome.reports for t in record.finished() if t.repeat_of is None]
        assert set(told) == {((1, 0.25), (2, 0.5))}
    assert 20 < deaths < 130  # it ended because nothing was left to interrupt


# ---- several workers -----------------------------------------------------------------------------

WORKER = textwrap.dedent(
    """
    import json, sys, time
    sys.path.insert(0, sys.argv[2])
    from study.test_study import opened, outcome_of
    study = opened(sys.argv[1], trials=60, batch_size=6)
    print("ready", flush=True)
    sys.stdin.readline()  # until the others are ready, too
    while trials := study.ask(1):
        for trial in trials:
            print(json.dumps(trial.number), flush=True)
            time.sleep(0.01)
            study.tell(trial, outcome=outcome_of(study, trial))
    print("end", flush=True)
    """
)


def worker(path):
    tests = str(Path(__file__).parents[1])
    arguments = [sys.executable, "-c", WORKER, str(path), tests]
    pipe = subprocess.PIPE
    return subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True)


def go(*processes):
    """Let workers begin once all of them are ready."""
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()


def test_two_processes_share_a_study_on_one_store(tmp_path):
    """Each trial is handed out once, to one of them, and the trials are those of one process."""
    path = tmp_path / "s.db"
    opened(str(path), trials=60, batch_size=6)
    with worker(path) as one, worker(path) as two:
        go(one, two)
        outputs = [process.communicate(timeout=120)[0].split() for process in (one, two)]
    assert [output[-1] for output in outputs] == ["end", "end"]
    taken = [[int(word) for word in output[:-1]] for output in outputs]
    assert min(map(len, taken)) > 0  # both have worked
    record = Store(path).get("s")
    evaluated = [t.number for t in record.finished() if t.repeat_of is None]
    assert sorted(taken[0] + taken[1]) == evaluated
    alone = small_search(None, trials=60, batch_size=6)
    assert story(record) == story(alone.record)


def test_a_killed_worker_gives_its_trial_back_at_once(tmp_path):
    """On the same machine its process is known to have ended; the other worker takes it up."""
    path = tmp_path / "s.db"
    with worker(path) as process:
        go(process)
        held = json.loads(process.stdout.readline())
        process.kill()
    study = opened(str(path), trials=60, batch_size=6)
    assert held in [t.number for t in study.ask()]


def test_a_worker_elsewhere_gives_its_trials_back_when_its_lease_ends(monkeypatch):
    """Until then nobody else gets them; any call of the holder renews the lease."""
    store = MemoryStore()
    policy = RandomSearch(SPACE)
    one = opened(store, policy=policy, lease=0.3, batch_size=4, reuse=False)
    monkeypatch.setattr("reinas.study.study.is_gone", lambda worker: False)
    held = one.ask(2)
    two = opened(store, policy=RandomSearch(SPACE), lease=0.3, batch_size=4, reuse=False)
    assert [t.number for t in two.ask()] == [2, 3]
    assert two.ask(1, wait=0.1) == []
    time.sleep(0.1)
    one.report(held[0], 1, 0.5)
    assert two.ask(4, wait=0.1) == []
    assert [t.number for t in two.ask(4)] == [0, 1]  # waits until the lease has ended


def test_a_released_study_gives_its_trials_back_at_once():
    """Though the object is still there; what it asks for later is its own again."""
    store = MemoryStore()
    one, two = (opened(store, policy=RandomSearch(SPACE), batch_size=4) for _ in range(2))
    assert len(one.ask(3)) == 3
    assert len(two.ask(4, wait=0.1)) == 1
    one.release()
    assert len(two.ask(2, wait=0.1)) == 2
    assert len(one.ask(4, wait=0.1)) == 1


def test_a_search_that_failed_leaves_nothing_held(tmp_path):
    """A notebook keeps the error, and with it the search's objects; nobody waits for them."""
    kept = []

    class Full(Store):
        left = 20

        @contextlib.contextmanager
        def begin(self, **how):
            with super().begin(**how) as connection:
                self.left -= 1
                if self.left == 0:
                    raise StoreError("the disk is full")
                yield connection

    try:
        small_search(Full(tmp_path / "s.db"))
    except StoreError as error:
        kept.append(error)
    begun = time.monotonic()
    small_search(tmp_path / "s.db")
    assert kept
    assert time.monotonic() - begun < 30


def test_threads_may_share_one_study(undisturbed):
    """Each trial is evaluated once."""
    study, seen = opened(), []

    def work():
        while not study.finished:
            for trial in study.ask(1):
                seen.append(trial.number)
                study.tell(trial, outcome=outcome_of(study, trial))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(seen) == len(set(seen))
    assert story(study.record) == undisturbed


def test_a_holder_is_gone_with_its_process_or_its_study():
    """One on another machine, or alive, is not known to be gone."""
    holder = Holder(10.0)
    name = holder.name
    assert not is_gone(name)
    assert not is_gone("elsewhere:1/2.3")
    machine = name.rpartition(":")[0]
    assert is_gone(f"{machine}:999999999/1.1")
    del holder
    gc.collect()
    assert is_gone(name)


def test_the_observer_sees_reports_and_trials():
    """In the order in which they come."""
    seen = []

    class Seen(Watching):
        def on_report(self, trial, step, score):
            seen.append((trial, step, score))

    study = opened(observer=Seen(lambda trial: seen.append(trial.number)), reuse=False)
    trial = study.ask()[0]
    study.report(trial, 1, 0.5)
    study.tell(trial, outcome=Outcome(0.75))
    assert seen == [(0, 1, 0.5), 0]


@pytest.mark.parametrize("make", [MemoryStore, None])
def test_a_told_outcome_is_checked_as_an_evaluators_is(make, tmp_path):
    """What is not finite makes a failed trial, which can be read again."""
    store = make() if make else Store(tmp_path / "s.db")
    study = opened(store)
    numbers = [trial.number for trial in study.ask()][:5]
    told = [
        Outcome(math.nan, metrics={"a": np.float32(1)}),
        Outcome(np.float64(0.5), seconds=math.nan),
        Outcome(None, pruned=Pruned(2, math.inf)),
        Outcome(-math.inf),
        Outcome("0.25"),
    ]
    for number, outcome in zip(numbers, told, strict=True):
        study.tell(number, outcome=outcome)
    found = [opened(store).record.trial(number).outcome for number in numbers]
    assert [o.error for o in found] == [
        "the reward was nan",
        None,
        "the reward was inf",
        "the reward was -inf",
        None,
    ]
    assert found[0].metrics == {"a": 1.0}
    assert [(o.reward, o.seconds) for o in (found[1], found[4])] == [(0.5, 0.0), (0.25, 0.0)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"outcome": Outcome("a")}, "outcome has the reward 'a', which is no number"),
        ({"outcome": 0.5}, "outcome is a float, not an Outcome"),
        ({"outcome": Outcome(0.5, metrics={"a": "b"})}, "outcome has the metric a = 'b', which is"),
        ({"outcome": Outcome(0.5, metrics=[1])}, "outcome has metrics of type list"),
        ({"outcome": Outcome(0.5, seconds="s")}, "outcome has the seconds 's', which is no number"),
        ({"outcome": Outcome(0.5, curve=[1])}, "outcome has a curve of type list"),
        ({"outcome": Outcome(None, pruned=3)}, "outcome has a pruned of type int"),
        ({"reward": 0.5, "metrics": {"a": "b"}}, "metrics has a = 'b', which is no number"),
        ({"reward": 0.5, "seconds": math.nan}, "seconds must be finite and 0 or more, got nan"),
    ],
)
def test_an_outcome_that_no_store_takes_is_refused(wrong, words):
    """In one sentence, and the trial stays open."""
    study = opened()
    trial = study.ask()[0]
    with pytest.raises(SettingError, match=words):
        study.tell(trial, **wrong)
    assert study.record.trial(trial.number).outcome is None


@pytest.mark.parametrize("make", [MemoryStore, None])
def test_only_a_running_trial_reports_and_only_whole_steps(make, tmp_path):
    """Anything else is one sentence, and nothing is written."""
    study = opened(make() if make else Store(tmp_path / "s.db"))
    done, trial, *_ = study.ask()
    study.tell(done, reward=0.5)
    for wrong, words in (
        ((done, 1, 0.5), "trial 0 of 's' has an outcome already, and reports no more"),
        ((999, 1, 0.5), "'s' has no trial 999"),
        ((-1, 1, 0.5), "'s' has no trial -1"),
        (("0", 1, 0.5), "trial must be a trial or its number, got '0'"),
        ((trial, 0, 0.5), "step must be a whole number from 1 on, got 0"),
        ((trial, 1.5, 0.5), "step must be a whole number from 1 on, got 1.5"),
        ((trial, "1", 0.5), "step must be a whole number from 1 on, got '1'"),
        ((trial, 1, math.nan), "score must be a finite number, got nan"),
        ((trial, 1, "a"), "score must be a finite number, got 'a'"),
    ):
        with pytest.raises((SettingError, TrialError), match=words):
            study.report(*wrong)
    assert study.record.reports(trial.number) == []
    study.report(trial, np.int64(1), np.float32(0.5))
    assert study.record.reports(trial.number) == [(1, 0.5)]


def test_a_search_outlives_odd_reports():
    """An evaluator that counts from 0 keeps its scores with the outcome."""

    class FromZero(Hashed):
        def __call__(self, job):
            job.report(0, 0.25)
            return Outcome(0.5)

    study = search(SPACE, RandomSearch(SPACE), FromZero(), budget=Budget(2), reuse=False)
    assert [trial.outcome.reports for trial in study.trials] == [((0, 0.25),)] * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_study_that_a_fork_has_copied_is_another_worker(tmp_path):
    """The same object in two processes: no trial is handed to both."""
    study = opened(str(tmp_path / "s.db"), policy=RandomSearch(SPACE), reuse=False)
    mine = study.ask(2)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            numbers = [trial.number for trial in study.ask(2)]
            os.write(write, json.dumps(numbers).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        theirs = json.load(pipe)
    os.waitpid(child, 0)
    assert ([trial.number for trial in mine], theirs) == ([0, 1], [2, 3])


def test_a_state_that_the_policy_does_not_know_is_said(tmp_path):
    """One of an early version lacks an array: a sentence, and nothing is changed."""
    store = Store(tmp_path / "s.db")
    small_search(store, trials=8)
    number, state = store.get("s").snapshot()
    with store.begin(writing=True) as connection:
        del state["worst"]
        connection.execute(schema.snapshots.update().values(state=packed(state)))
    with pytest.raises(StoreError, match=r"'s' cannot go on: what its policy .*worst.*version"):
        small_search(store, trials=16)
    assert store.get("s").count() == (8, 8)
    assert store.get("s").snapshot()[0] == number
