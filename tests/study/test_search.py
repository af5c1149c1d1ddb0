"""The loop: what is proposed, what is kept, and that a stop changes nothing."""

import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from helpers import SPACE, Hashed, small_search, story
from mortal_store import Died, Mortal
from reinas import AbstractPolicy, Budget, Choice, Outcome, Processes, RandomSearch, Store, search
from reinas.errors import SettingError, TrialError
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace


class Scripted(AbstractPolicy):
    """Proposes what it is told to, and keeps what it was given to learn from."""

    settings: ClassVar = {"name": "scripted"}

    def __init__(self, *batches):
        self.batches = list(batches)
        self.seen = []
        self.asked = []

    def propose(self, count, *, length, seed):
        self.asked.append((count, length, seed))
        return self.batches[len(self.asked) - 1]

    def update(self, trials):
        self.seen.append(list(trials))
        return {"seen": float(len(trials))}

    def state(self):
        return {}

    def restore(self, state):
        pass


class Counted(Hashed):
    """Counts its calls; the reward is 1 over the call's number."""

    settings: ClassVar = {"name": "counted"}

    def __init__(self):
        self.jobs = []

    def __call__(self, job):
        self.jobs.append(job)
        return Outcome(1 / len(self.jobs), seconds=2.0)


def answers(seed, count):
    return SPACE.sample(count, seed, over="decisions")


def test_the_policy_learns_from_each_batch_whole_and_in_the_order_proposed():
    """update() sees the very answers of propose(), with their outcomes, batch after batch."""
    one, two = answers(1, 4), answers(2, 4)
    policy = Scripted(one, two)
    search(SPACE, policy, Hashed(), budget=Budget(8), batch_size=4)
    assert [[t.answers for t in batch] for batch in policy.seen] == [one, two]
    assert [t.number for batch in policy.seen for t in batch] == list(range(8))
    assert all(t.outcome is not None for batch in policy.seen for t in batch)


def test_all_randomness_is_derived_from_the_seed():
    """The seed of a proposal depends on the batch, the seed of an evaluation on the trial."""
    policy, evaluator = Scripted(answers(1, 4), answers(2, 4)), Counted()
    search(SPACE, policy, evaluator, budget=Budget(8), batch_size=4, seed=7, reuse=False)
    assert [seed for _, _, seed in policy.asked] == [derive(7, "propose", b) for b in (0, 1)]
    assert [j.seed for j in evaluator.jobs] == [derive(7, "evaluate", n) for n in range(8)]


def test_the_last_batch_is_what_is_left_of_the_budget():
    """Ten trials in batches of four are four, four and two."""
    policy = Scripted(answers(1, 4), answers(2, 4), answers(3, 2))
    search(SPACE, policy, Hashed(), budget=Budget(10), batch_size=4)
    assert [count for count, _, _ in policy.asked] == [4, 4, 2]


def test_a_repeated_architecture_is_evaluated_once_and_marked():
    """Its outcome is taken over, within a batch and across batches, and costs nothing."""
    a, b = list(SPACE.enumerate())[:2]
    evaluator = Counted()
    found = search(SPACE, Scripted([a, b, a], [b, a, a]), evaluator, budget=Budget(6), batch_size=3)
    trials = found.record.finished()
    assert len(evaluator.jobs) == 2
    assert [t.repeat_of for t in trials] == [None, None, 0, 1, 0, 0]
    assert [t.outcome.reward for t in trials] == [1.0, 0.5, 1.0, 0.5, 1.0, 1.0]
    assert sum(t.outcome.seconds for t in trials) == 4.0


def test_a_repeated_architecture_is_trained_again_on_request():
    """repeats="train" evaluates every trial with its own seed."""
    a = next(SPACE.enumerate())
    evaluator = Counted()
    found = search(
        SPACE, Scripted([a, a, a]), evaluator, budget=Budget(3), batch_size=3, reuse=False
    )
    assert len({job.seed for job in evaluator.jobs}) == 3
    assert [t.repeat_of for t in found.record.finished()] == [None] * 3


def test_a_failed_child_is_repeated_as_a_failure():
    """A failure is an outcome like any other."""

    class Broken(Hashed):
        def __call__(self, job):
            raise RuntimeError("no")

    a = next(SPACE.enumerate())
    found = search(SPACE, Scripted([a, a]), Broken(), budget=Budget(2), batch_size=2)
    assert [t.outcome.error.startswith("RuntimeError: no") for t in found.record.finished()] == [
        True,
        True,
    ]
    with pytest.raises(TrialError, match="no complete trial yet, so none is the best: 2 failed"):
        _ = found.best_trial
    with pytest.raises(TrialError, match="no complete trial"):
        _ = found.best_architecture


def test_the_result_is_the_best_trial():
    """The highest reward, and the architecture that it belongs to."""
    found = small_search(None)
    rewards = [t.outcome.value for t in found.record.finished()]
    assert found.best_trial.reward == max(rewards)
    assert found.best_architecture == SPACE.decode(found.best_trial.answers)


class Unbuildable(AbstractSpace):
    """A space some of whose answers mean nothing that can be decoded."""

    name = "unbuildable"
    settings: ClassVar = {"name": "unbuildable"}
    decisions = (Choice("a", "a", (0, 1, 2, 3)),)

    def decode(self, answers):
        if answers[0] == 3:
            raise ZeroDivisionError("this one has no meaning")
        return answers

    def encode(self, architecture):
        return architecture


def test_answers_that_a_space_cannot_decode_are_failed_trials():
    """One bad architecture never ends a search."""
    found = search(
        Unbuildable(), Scripted([(0,), (3,), (1,)]), Counted(), budget=Budget(3), batch_size=3
    )
    errors = [t.outcome.error for t in found.record.finished()]
    assert [bool(e) for e in errors] == [False, True, False]
    assert errors[1].startswith("ZeroDivisionError: this one has no meaning")


class Misspelt(Unbuildable):
    """A space with a mistake in its encode."""

    def encode(self, architecture):
        return architectur  # noqa: F821 - the mistake


def test_a_mistake_in_encode_ends_the_search():
    """It is a bug in the space, not a bad child."""
    with pytest.raises(NameError, match="architectur"):
        search(Misspelt(), Scripted([(0,)]), Counted(), budget=Budget(1), batch_size=1)


def test_a_policy_that_proposes_nonsense_is_told_so():
    """Answers that are none are a bug in the policy, not a bad child."""
    with pytest.raises(SettingError, match="takes 0 to"):
        search(
            SPACE, Scripted([(9,) * len(SPACE.decisions)]), Hashed(), budget=Budget(1), batch_size=1
        )


@pytest.mark.parametrize("batch", [[], [(0,)], answers(1, 3)])
def test_a_policy_that_gives_other_than_was_asked_is_told_so(batch):
    """Too few, too short or too many: nothing is proposed, and the budget holds."""
    with pytest.raises(SettingError, match=r"should propose 2 architectures of 5 answers each"):
        search(SPACE, Scripted(batch), Hashed(), budget=Budget(2), batch_size=2)


class Careless(Hashed):
    """Returns what people return: numbers of libraries, or no numbers at all."""

    def __init__(self, outcome):
        self.outcome = outcome

    def __call__(self, job):
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "reward"),
    [
        (Outcome(np.float32(0.5), metrics={"a": np.float32(0.25)}), 0.5),
        (Outcome("a"), None),
        (Outcome([1]), None),
        (Outcome(10**400), None),
        (Outcome(0.5, metrics=None), None),
        (Outcome(0.5, curve="up"), None),
        (0.5, None),
    ],
)
def test_whatever_an_evaluator_returns_the_search_goes_on(outcome, reward):
    """What is a number becomes one; anything else is a failed trial with its reason."""
    found = search(SPACE, RandomSearch(SPACE), Careless(outcome), budget=Budget(2), batch_size=2)
    outcomes = [t.outcome for t in found.record.finished()]
    assert [o.reward for o in outcomes] == [reward] * 2
    assert all((o.error is None) == (reward is not None) for o in outcomes)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda: {"budget": Budget(0)}, "trials must be at least 1, got 0"),
        (lambda: {"budget": Budget(8, seconds=0.0)}, "seconds must be above 0 and finite, got 0"),
        (lambda: {"budget": Budget(8, reward=math.nan)}, "reward must be a finite number, got nan"),
        (lambda: {"batch_size": 0}, "batch_size must be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_refused_before_anything_happens(bad, message, tmp_path):
    """And no file is made."""
    with pytest.raises(SettingError, match=message):
        search(SPACE, RandomSearch(SPACE), Hashed(), store=str(tmp_path / "s.db"), **bad())
    assert not list(tmp_path.iterdir())


# ---- stopping and going on -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed():
    return story(small_search(None).record)


def test_dying_at_any_transaction_changes_nothing(undisturbed, tmp_path):
    """Whatever transaction is the last, a resumed search has the trials of the undisturbed one."""
    for before in (True, False):
        deaths = 0
        for n in range(1 + before, 400, 2):
            path = tmp_path / f"{before}{n}.db"
            try:
                small_search(Mortal(path, n, before=before))
            except Died:
                deaths += 1
            else:
                break
            assert story(small_search(str(path)).record) == undisturbed, (before, n)
        assert 30 < deaths < 199  # the loop ended because nothing was left to interrupt


def test_dying_again_and_again_changes_nothing(undisturbed, tmp_path):
    """A search that dies every few transactions still gets to the same end."""
    path = tmp_path / "s.db"
    rng = np.random.default_rng(0)
    for _ in range(200):
        try:
            found = small_search(
                Mortal(path, int(rng.integers(12, 40)), before=bool(rng.integers(2)))
            )
        except Died:
            continue
        assert story(found.record) == undisturbed
        return
    pytest.fail("200 lives were not enough")


SCRIPT = textwrap.dedent(
    """
    import sys
    sys.path.insert(0, sys.argv[2])
    from helpers import small_search
    small_search(sys.argv[1], on_trial=lambda trial: print(trial.number, flush=True))
    """
)


@pytest.mark.parametrize("cut", [1, 8, 9, 23])
def test_a_process_killed_by_the_system_loses_nothing(cut, undisturbed, tmp_path):
    """kill -9 on a real process after some trials; what was finished is kept, the rest follows."""
    path = tmp_path / "s.db"
    arguments = [sys.executable, "-c", SCRIPT, str(path), str(Path(__file__).parents[1])]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(cut):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    kept = Store(path).get("s").count()[1]
    assert kept >= cut
    assert story(small_search(str(path)).record) == undisturbed


def test_worker_processes_give_the_trials_of_one_process(undisturbed):
    """Serial or parallel, the search is the same."""
    executor = Processes(2)
    assert story(small_search(None, executor=executor).record) == undisturbed


def test_more_trials_extend_a_search(undisturbed, tmp_path):
    """16 trials and then 40 are the 40 trials that would have been made at once."""
    path = str(tmp_path / "s.db")
    small_search(path, trials=16)
    assert story(small_search(path, trials=40).record) == undisturbed
    assert story(small_search(path, trials=40).record) == undisturbed  # nothing left to do


def test_other_settings_under_the_same_name_are_refused(tmp_path):
    """The message says which setting differs, and nothing is written."""
    path = str(tmp_path / "s.db")
    small_search(path, trials=8)
    with pytest.raises(SettingError, match=r"reuse is True, not False.*choose another name"):
        small_search(path, trials=8, reuse=False)
    assert Store(path).get("s").count() == (8, 8)


def test_searches_without_a_name_get_one_each(tmp_path):
    """The space's name, then the same with a number."""
    path = str(tmp_path / "s.db")
    names = [small_search(path, trials=1, name=None).name for _ in range(3)]
    assert names == ["mlp", "mlp-2", "mlp-3"]
    assert os.listdir(tmp_path) != []
