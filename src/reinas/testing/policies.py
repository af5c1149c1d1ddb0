"""What every policy promises."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from reinas.policies.base import AbstractPolicy, State
from reinas.spaces.base import AbstractSpace
from reinas.spaces.conv import ConvSpace
from reinas.spaces.mlp import MlpSpace
from reinas.types import Answers, Outcome, Pruned, Trial


class PolicyContract(ABC):
    """What every policy promises, on a space with links and on one with conditions."""

    draws: ClassVar[bool] = True
    """Whether another seed gives other proposals; False for a policy that draws nothing."""

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
            if self.draws:
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

    def test_pruned_children_are_learned_from(self) -> None:
        """A batch of children that were stopped early is learned from by their last scores."""
        for space in self._spaces():
            policy = self.make(space)
            proposed = policy.propose(4, length=len(space.decisions), seed=0)
            pruned = [Outcome(None, pruned=Pruned(k + 1, k / 10)) for k in range(4)]
            trials = [Trial(k, 0, a, pruned[k]) for k, a in enumerate(proposed)]
            assert all(math.isfinite(value) for value in policy.update(trials).values())

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
