"""What every evaluator promises."""

import json
import pickle
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

from reinas.evaluators.base import AbstractEvaluator
from reinas.executors.base import attempt
from reinas.types import Job, Outcome


class EvaluatorContract(ABC):
    """What every evaluator promises. `architectures` should include one that can be evaluated."""

    @abstractmethod
    def make(self) -> AbstractEvaluator[Any]:
        """The evaluator to prove; the same at every call."""

    @abstractmethod
    def architectures(self) -> list[Any]:
        """Architectures to evaluate, quick ones."""

    def _outcomes(self, evaluator: AbstractEvaluator[Any], seed: int) -> list[Outcome]:
        """Outcomes without the time that they took, which differs."""
        jobs = [Job(n, each, seed) for n, each in enumerate(self.architectures())]
        return [replace(attempt(evaluator, job), seconds=0.0) for job in jobs]

    def test_it_gives_outcomes(self) -> None:
        """At least one of them has a reward."""
        outcomes = self._outcomes(self.make(), seed=1)
        assert any(outcome.reward is not None for outcome in outcomes)

    def test_outcomes_follow_the_seed_and_nothing_else(self) -> None:
        """Evaluated again, by the same evaluator or another one, all is the same."""
        evaluator = self.make()
        first = self._outcomes(evaluator, seed=1)
        assert self._outcomes(evaluator, seed=1) == first
        assert self._outcomes(self.make(), seed=1) == first

    def test_it_can_be_sent_to_worker_processes(self) -> None:
        """A copy that was pickled gives the same outcomes, as does its portable form."""
        evaluator = self.make()
        first = self._outcomes(evaluator, seed=2)
        for sent in (evaluator, evaluator.portable()):
            assert self._outcomes(pickle.loads(pickle.dumps(sent)), seed=2) == first

    def test_it_accepts_what_it_can_evaluate(self) -> None:
        """`check` refuses kinds of architectures, not single ones."""
        for architecture in self.architectures():
            self.make().check(architecture)

    def test_settings_are_json(self) -> None:
        """The settings can be stored, and are the same for the same evaluator."""
        settings = dict(self.make().settings)
        assert json.loads(json.dumps(settings)) == json.loads(
            json.dumps(dict(self.make().settings))
        )
