"""Optuna's samplers over policies of reinas."""

import math
import threading
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from reinas.optuna.levels import labels_of, nearest, values_of
from reinas.policies.base import AbstractPolicy
from reinas.policies.bayes import BayesianSearch
from reinas.policies.reinforce import zoph_le
from reinas.spaces.product import ProductSpace
from reinas.types import Answers, Outcome, Trial

Space = Mapping[str, BaseDistribution]
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
MAX_SEED = 2**31


class PolicySampler(BaseSampler):
    """A sampler that asks a policy of reinas about the parameters that all trials share.

    Numbers are searched on up to 12 levels, the ends among them. Other parameters, which only some
    trials have, are drawn at random. Pruned trials count with their last value; trials that run
    count as median ones, so that parallel proposals differ. Trials with NaN are left out.

    Args:
        seed: Of all randomness. None: another one each time.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self._random = RandomSampler(seed=seed)
        self._search_space = IntersectionSearchSpace()
        self._seed = int(self._rng.integers(MAX_SEED))
        self._kept: tuple[Space, list[tuple[int, float]], AbstractPolicy] | None = None
        self._lock = threading.Lock()  # Optuna asks from several threads with `n_jobs`

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the lock, and the policy, which is made again from the study."""
        return {**vars(self), "_lock": None, "_kept": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A lock of its own."""
        vars(self).update({**state, "_lock": threading.Lock()})

    @abstractmethod
    def make_policy(self, space: ProductSpace, seed: int) -> AbstractPolicy:
        """A new policy for a space."""

    def reseed_rng(self) -> None:
        """Draw differently from now on, as parallel processes ask for."""
        self._random.reseed_rng()
        self._rng = np.random.default_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        """The parameters of all trials so far, but for those with one value."""
        found = self._search_space.calculate(study)
        return {name: d for name, d in sorted(found.items()) if not d.single()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """A parameter that only some trials have, at random."""
        self._check(study)
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The policy's proposal."""
        self._check(study)
        if not search_space:
            return {}
        space = ProductSpace(tuple((name, labels_of(d)) for name, d in search_space.items()))
        with self._lock:
            policy = self._policy(study, trial, search_space, space)
            seed = int(self._rng.integers(MAX_SEED))
            (answers,) = policy.propose(1, length=len(space.decisions), seed=seed)
        return {
            name: values_of(d)[answer]
            for (name, d), answer in zip(search_space.items(), answers, strict=True)
        }

    def _policy(
        self, study: Study, trial: FrozenTrial, searched: Space, space: ProductSpace
    ) -> AbstractPolicy:
        """The policy that has learned from all trials that have these parameters."""
        done = _finished(study, searched)
        values = [(number, value) for number, value, _ in done]
        kept = self._kept
        if kept is None or kept[0] != searched or values[: len(kept[1])] != kept[1]:
            kept = (dict(searched), [], self.make_policy(space, self._seed))
        new = done[len(kept[1]) :]
        learned = self.learn(kept[2], [_told(n, value, a) for n, value, a in new])
        self._kept = (kept[0], values[: len(kept[1]) + learned], kept[2])
        running = _running(study, trial, searched)
        if not running or not values:
            return kept[2]
        # what runs is told to a copy: its values are not known yet
        policy = self.make_policy(space, self._seed)
        policy.restore(kept[2].state())
        policy.update([_told(n, median(v for _, v in values), answers) for n, answers in running])
        return policy

    def learn(self, policy: AbstractPolicy, trials: Sequence[Trial]) -> int:
        """Let a policy learn from trials that it does not know.

        Returns:
            From how many it has learned; the rest come again.
        """
        if trials:
            policy.update(trials)
        return len(trials)

    def _check(self, study: Study) -> None:
        if len(study.directions) > 1:
            name = type(self).__name__
            raise ValueError(f"{name} is for one objective, but this study has several")


class BayesSampler(PolicySampler):
    """The default policy of reinas: a Gaussian process over choices, of which the best is proposed.

    Args:
        seed: Of all randomness. None: another one each time.
        start: Trials at random before the first model, at least 2.
    """

    def __init__(self, seed: int | None = None, *, start: int = 10) -> None:
        super().__init__(seed)
        self._start = start

    def make_policy(self, space: ProductSpace, seed: int) -> AbstractPolicy:
        """Bayesian search."""
        return BayesianSearch(space, start=self._start, seed=seed)


class ControllerSampler(PolicySampler):
    """The controller of Zoph & Le (2016): an LSTM trained by policy gradient, for categories.

    It learns from eight trials at a time, and needs hundreds.

    Args:
        seed: Of all randomness. None: another one each time.
        learning_rate: Adam's step size; the paper's is 0.0006, for thousands of trials.
    """

    def __init__(self, seed: int | None = None, *, learning_rate: float = 0.01) -> None:
        super().__init__(seed)
        self._rate = learning_rate

    def make_policy(self, space: ProductSpace, seed: int) -> AbstractPolicy:
        """The paper's controller."""
        return zoph_le(space, learning_rate=self._rate, seed=seed)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A sample of the controller.

        Raises:
            ValueError: A parameter is a number.
        """
        for name, distribution in search_space.items():
            if not isinstance(distribution, CategoricalDistribution):
                raise ValueError(
                    f"ControllerSampler takes categorical parameters, but '{name}' is a number: use"
                    " BayesSampler, or suggest_categorical"
                )
        return super().sample_relative(study, trial, search_space)

    def learn(self, policy: AbstractPolicy, trials: Sequence[Trial]) -> int:
        """Learn from whole batches."""
        size = policy.batch_size
        whole = len(trials) // size * size
        for first in range(0, whole, size):
            policy.update(trials[first : first + size])
        return whole


def _finished(study: Study, searched: Space) -> list[tuple[int, float, Answers]]:
    """Number, value (higher is better) and answers of every trial that counts."""
    sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
    found = []
    for trial in study.get_trials(deepcopy=False, states=FINISHED):
        if searched.keys() <= trial.params.keys():
            value = trial.value
            if value is None and trial.intermediate_values:
                value = trial.intermediate_values[max(trial.intermediate_values)]
            if value is not None and math.isfinite(value):
                found.append((trial.number, sign * value, _answers(trial, searched)))
    return found


def _running(study: Study, own: FrozenTrial, searched: Space) -> list[tuple[int, Answers]]:
    """Number and answers of the other trials that run."""
    return [
        (trial.number, _answers(trial, searched))
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if trial.number != own.number and searched.keys() <= trial.params.keys()
    ]


def _answers(trial: FrozenTrial, searched: Space) -> Answers:
    return tuple(nearest(d, trial.params[name]) for name, d in searched.items())


def _told(number: int, value: float, answers: Answers) -> Trial:
    return Trial(number, 0, answers, Outcome(value))
