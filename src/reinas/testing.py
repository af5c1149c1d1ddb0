"""Prove your own space, policy or executor: suites of tests to subclass under pytest.

    class TestMySpace(SpaceContract):
        def make(self):
            return MySpace(depth=3)

Each suite has one method to fill in, `make`; pytest finds the rest.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import AbstractExecutor
from reinas.policies.base import AbstractPolicy, State
from reinas.spaces.base import AbstractSpace, check_decisions
from reinas.spaces.conv import ConvSpace
from reinas.spaces.mlp import MlpSpace
from reinas.types import Answers, Job, Outcome, Trial

SMALL = 20_000  # architectures that are still enumerated


class SpaceContract(ABC):
    """What every space promises."""

    @abstractmethod
    def make(self) -> AbstractSpace[Any]:
        """The space to prove."""

    def test_decisions_are_well_formed(self) -> None:
        """Names, conditions, kinds and links are such that every policy can learn them."""
        check_decisions(self.make().decisions)

    def test_decode_and_encode_are_inverse(self) -> None:
        """Random answers decode, encode back, and decode to an equal architecture."""
        space = self.make()
        for over in ("architectures", "decisions"):
            for answers in space.sample(200, 0, over=over):
                architecture = space.decode(answers)
                again = space.encode(architecture)
                assert space.decode(again) == architecture
                assert space.encode(space.decode(again)) == again

    def test_architectures_are_values(self) -> None:
        """Architectures are frozen dataclasses: comparable, hashable."""
        space = self.make()
        answers = space.sample(1, 0)[0]
        assert is_dataclass(space.decode(answers))
        assert hash(space.decode(answers)) == hash(space.decode(answers))

    def test_prefixes_are_shallower_networks(self) -> None:
        """Answers may stop at each of the space's lengths."""
        space = self.make()
        assert space.lengths[-1] == len(space.decisions)
        for length in space.lengths:
            answers = space.sample(1, 0, length=length)[0]
            assert space.decode(answers) == space.decode(space.encode(space.decode(answers)))

    def test_size_is_the_number_of_answers(self) -> None:
        """The size agrees with an enumeration, where that is feasible."""
        space = self.make()
        if space.size <= SMALL:
            everything = list(space.enumerate())
            assert len(set(everything)) == len(everything) == space.size

    def test_settings_are_json(self) -> None:
        """The settings can be stored."""
        json.dumps(dict(self.make().settings))


class PolicyContract(ABC):
    """What every policy promises, on a space with links and on one with conditions."""

    @abstractmethod
    def make(self, space: AbstractSpace[Any]) -> AbstractPolicy:
        """A fresh policy for this space; the same at every call."""

    def _spaces(self) -> list[AbstractSpace[Any]]:
        return [ConvSpace(depth=3, strides=(1, 2)), MlpSpace(depth=3)]

    def test_proposals_belong_to_the_space(self) -> None:
        """As many as asked for, canonical, at full length and at every prefix."""
        for space in self._spaces():
            for length in space.lengths:
                proposed = self.make(space).propose(9, length=length, seed=1)
                assert len(proposed) == 9
                for answers in proposed:
                    assert len(answers) == length
                    space.check(answers)

    def test_proposals_follow_the_seed_and_nothing_else(self) -> None:
        """The same seed gives the same answers, however often; proposing learns nothing."""
        for space in self._spaces():
            policy = self.make(space)
            length = len(space.decisions)
            before = policy.state()
            first = policy.propose(9, length=length, seed=1)
            assert policy.propose(9, length=length, seed=1) == first
            assert policy.propose(9, length=length, seed=2) != first
            assert _same(policy.state(), before)

    def test_a_restored_policy_goes_on_alike(self) -> None:
        """state() and restore() carry everything over to a fresh policy."""
        for space in self._spaces():
            policy = self.make(space)
            _learn(policy, space, batches=3)
            other = self.make(space)
            other.restore(policy.state())
            assert _learn(other, space, batches=2) == _learn(policy, space, batches=2)
            assert _same(other.state(), policy.state())

    def test_failed_children_do_not_stop_it(self) -> None:
        """A batch of failures is learned from like any other; the diagnostics stay finite."""
        for space in self._spaces():
            policy = self.make(space)
            proposed = policy.propose(4, length=len(space.decisions), seed=0)
            failed = Outcome(None, error="it broke")
            said = policy.update([Trial(k, 0, a, failed) for k, a in enumerate(proposed)])
            assert all(math.isfinite(value) for value in said.values())

    def test_settings_are_json(self) -> None:
        """The settings can be stored."""
        json.dumps(dict(self.make(MlpSpace()).settings))


def _learn(
    policy: AbstractPolicy, space: AbstractSpace[Any], batches: int
) -> list[tuple[list[Answers], Mapping[str, float]]]:
    history = []
    for batch in range(batches):
        proposed = policy.propose(4, length=len(space.decisions), seed=batch)
        trials = [
            Trial(k, batch, answers, Outcome(1 / (1 + sum(answers))))
            for k, answers in enumerate(proposed)
        ]
        history.append((proposed, policy.update(trials)))
    return history


def _same(a: State, b: State) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=True) for k in a)


class Probe(AbstractEvaluator[str]):
    """Does what the architecture says: a number is the reward, "raise" and "nan" go wrong."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Nothing but a name."""
        return {"name": "probe"}

    def __call__(self, job: Job[str]) -> Outcome:
        """The outcome that the job's architecture asks for."""
        if job.architecture == "raise":
            raise ValueError("this child was told to fail")
        return Outcome(float(job.architecture), metrics={"seed": job.seed})


class ExecutorContract(ABC):
    """What every executor promises."""

    @abstractmethod
    def make(self) -> AbstractExecutor:
        """The executor to prove."""

    def run(self, *architectures: str) -> dict[int, Outcome]:
        """The outcomes of one job an architecture, by trial number."""
        executor = self.make()
        jobs = [Job(k, text, seed=100 + k) for k, text in enumerate(architectures)]
        try:
            results = [(job.trial, outcome) for job, outcome in executor.run(Probe(), jobs)]
        finally:
            executor.close()
        assert len(results) == len(jobs)
        return dict(results)

    def test_every_job_yields_its_outcome(self) -> None:
        """Each job once, with its own seed."""
        outcomes = self.run("0.5", "0.25", "1")
        assert {k: o.reward for k, o in outcomes.items()} == {0: 0.5, 1: 0.25, 2: 1.0}
        assert {k: o.metrics["seed"] for k, o in outcomes.items()} == {0: 100, 1: 101, 2: 102}

    def test_no_jobs_give_no_outcomes(self) -> None:
        """An empty batch is fine."""
        assert self.run() == {}

    def test_a_child_that_raises_fails_alone(self) -> None:
        """Its outcome has the reason; the others are as they were."""
        outcomes = self.run("0.5", "raise", "0.75")
        assert outcomes[1].reward is None
        assert "this child was told to fail" in (outcomes[1].error or "")
        assert (outcomes[0].reward, outcomes[2].reward) == (0.5, 0.75)

    def test_a_reward_that_is_no_number_is_a_failure(self) -> None:
        """NaN and infinity are reported, not learned from."""
        outcomes = self.run("nan", "inf", "0.5")
        assert [outcomes[k].reward for k in range(3)] == [None, None, 0.5]
        assert "nan" in (outcomes[0].error or "")
        assert "inf" in (outcomes[1].error or "")

    def test_it_stops_when_the_time_is_over(self) -> None:
        """What has not begun by then has no outcome, and the call ends."""
        executor = self.make()
        jobs = [Job(k, "0.5", seed=k) for k in range(3)]
        try:
            assert list(executor.run(Probe(), jobs, deadline=0.0)) == []
        finally:
            executor.close()

    def test_it_can_be_used_again_after_close(self) -> None:
        """A closed executor starts anew."""
        executor = self.make()
        job = Job(0, "0.5", seed=0)
        for _ in range(2):
            assert [o.reward for _, o in executor.run(Probe(), [job])] == [0.5]
            executor.close()
