"""Samplers of Optuna as policies: the tree-structured Parzen estimator, a Gaussian process."""

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from reinas.errors import InvalidSettingError, SettingError, nearest
from reinas.policies.base import AbstractPolicy, State
from reinas.policies.history import History
from reinas.spaces.base import AbstractSpace
from reinas.spaces.counting import active, active_decisions
from reinas.types import Answers, Decision, Trial


class OptunaSampler(AbstractPolicy):
    """A policy that asks one of Optuna's samplers; each decision is a categorical parameter.

    Needs the extra `bench`.

    Args:
        space: The space to search.
        name: The policy's name, for the message.

    Raises:
        SettingError: Optuna is not installed.
    """

    batch_size = 1

    def __init__(self, space: AbstractSpace[Any], name: str) -> None:
        try:
            import optuna
        except ImportError:
            raise SettingError(
                f"policy {name} needs Optuna: install it with `pip install 'reinas[bench]'`"
            ) from None
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna = optuna
        self._space = space
        self._history = History()
        self._study = self._new_study()

    @abstractmethod
    def _sampler(self, seed: int) -> Any:
        """Optuna's sampler, drawing from this seed below 2^32."""

    def _new_study(self) -> Any:
        return self._optuna.create_study(
            storage=self._optuna.storages.InMemoryStorage(), direction="maximize"
        )

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Optuna's suggestions; within a batch TPE's avoid each other (its constant liar)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental options, conditional decisions
            self._study.sampler = self._sampler(seed % 2**32)
            trials = [self._study.ask() for _ in range(count)]
            decisions = self._space.decisions[:length]
            proposed = [_suggested(trial, decisions) for trial in trials]
            for trial in trials:  # proposing leaves no trace; `update` adds the evaluated trials
                self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        return proposed

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Add the batch to Optuna's study; the diagnostic is the mean reward."""
        values = self._history.add(trials)
        self._add_to_study([trial.answers for trial in trials], values)
        return {"reward": mean(values)}

    def _add_to_study(self, answers: Sequence[Answers], values: Sequence[float]) -> None:
        for row, value in zip(answers, values, strict=True):
            trial = self._optuna.trial.create_trial(**self.parameters_of(row), value=value)
            self._study.add_trial(trial)

    def parameters_of(self, answers: Answers) -> dict[str, Any]:
        """An architecture as `create_trial` takes it: parameters and distributions by name."""
        given = _active_answers(self._space.decisions, answers)
        return {
            "params": {decision.name: answer for decision, answer in given},
            "distributions": {d.name: _distribution(self._optuna, d) for d, _ in given},
        }

    def state(self) -> State:
        """The history."""
        return self._history.state()

    def restore(self, state: State) -> None:
        """Restore the history, and add all of it to a new study."""
        self._history.restore(state)
        self._study = self._new_study()
        self._add_to_study(self._history.answers, self._history.values)


class Tpe(OptunaSampler):
    """TPE (Bergstra et al. 2011): samples where good trials are dense and bad trials are not.

    Args:
        space: The space to search.
        startup: Number of random children before the first model, at least 1.
        candidates: Draws per child, of which the best is proposed; at least 1.
        multivariate: Whether the densities model decisions jointly rather than each on its own.

    Raises:
        InvalidSettingError: A parameter is out of range.
        SettingError: Optuna is not installed.
    """

    def __init__(
        self,
        space: AbstractSpace[Any],
        *,
        startup: int = 10,
        candidates: int = 24,
        multivariate: bool = True,
    ) -> None:
        for key, value in (("startup", startup), ("candidates", candidates)):
            if value < 1:
                raise InvalidSettingError(f"policy.{key}", f"must be at least 1, got {value}")
        self._startup, self._candidates, self._multivariate = startup, candidates, multivariate
        super().__init__(space, "tpe")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {
            "name": "tpe",
            "startup": self._startup,
            "candidates": self._candidates,
            "multivariate": self._multivariate,
        }

    def _sampler(self, seed: int) -> Any:
        return self._optuna.samplers.TPESampler(
            n_startup_trials=self._startup,
            n_ei_candidates=self._candidates,
            multivariate=self._multivariate,
            seed=seed,
        )


class OptunaGp(OptunaSampler):
    """Optuna's Gaussian process: Matern kernel, log expected improvement, one child at a time.

    It is there as a rival; over its first hundred proposals one takes some 50 ms on average.

    Args:
        space: The space to search.
        startup: Number of random children before the first model, at least 1.
        deterministic: Whether rewards have no noise.

    Raises:
        InvalidSettingError: `startup` is below 1.
        SettingError: Optuna is not installed.
    """

    def __init__(
        self, space: AbstractSpace[Any], *, startup: int = 10, deterministic: bool = False
    ) -> None:
        if startup < 1:
            raise InvalidSettingError("policy.startup", f"must be at least 1, got {startup}")
        self._startup, self._deterministic = startup, deterministic
        super().__init__(space, "optuna-gp")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {
            "name": "optuna-gp",
            "startup": self._startup,
            "deterministic": self._deterministic,
        }

    def _sampler(self, seed: int) -> Any:
        return self._optuna.samplers.GPSampler(
            n_startup_trials=self._startup,
            deterministic_objective=self._deterministic,
            seed=seed,
        )


RESUMABLE = ("GPSampler", "RandomSampler", "TPESampler")
"""Samplers that keep nothing but the study: these resume exactly."""
UNFIT = ("BaseGASampler", "BaseSampler", "GridSampler", "PartialFixedSampler")
"""What cannot be made from a seed alone."""


class AnyOptunaSampler(OptunaSampler):
    """Any sampler of Optuna, as it comes: `optuna:GPSampler`, `optuna:NSGAIISampler`, ...

    Those of `RESUMABLE` resume exactly. Others keep a state of their own, which Optuna does not
    give away: a search with one of them that was stopped goes on, but not as it would have gone.

    Args:
        space: The space to search; each decision is a categorical parameter.
        sampler: The name of a class of `optuna.samplers`.

    Raises:
        InvalidSettingError: Optuna has no such sampler, or it needs more than a seed.
        SettingError: Optuna is not installed.
    """

    def __init__(self, space: AbstractSpace[Any], *, sampler: str = "TPESampler") -> None:
        super().__init__(space, "optuna")
        known = [
            name
            for name in dir(self._optuna.samplers)
            if name.endswith("Sampler") and name not in UNFIT
        ]
        if sampler not in known:
            raise InvalidSettingError(
                "policy.sampler", f"'{sampler}' is not known: {nearest(sampler, known)}"
            )
        self._name = sampler
        self._kept: Any = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the sampler."""
        return {"name": "optuna", "sampler": self._name}

    def _sampler(self, seed: int) -> Any:
        kind = getattr(self._optuna.samplers, self._name)
        if self._name in RESUMABLE:
            return kind(seed=seed)
        if self._kept is None:
            self._kept = kind(seed=seed)
        return self._kept

    def restore(self, state: State) -> None:
        """Restore the history; warn where that is not all that the sampler knew."""
        super().restore(state)
        self._kept = None
        if self._name not in RESUMABLE and len(self._history):
            warnings.warn(
                f"{self._name} keeps a state of its own, which is not stored: the search goes on,"
                " but not exactly as it would have",
                stacklevel=2,
            )


def _distribution(optuna: Any, decision: Decision) -> Any:
    return optuna.distributions.CategoricalDistribution(range(decision.num_options))


def _active_answers(decisions: Sequence[Decision], answers: Answers) -> list[tuple[Decision, int]]:
    live = active_decisions(decisions, answers)
    return [(decisions[t], answers[t]) for t, on in enumerate(live) if on]


def _suggested(trial: Any, decisions: Sequence[Decision]) -> Answers:
    """One Optuna trial's answers; 0 where a decision is inactive."""
    known: dict[str, Any] = {}
    answers = []
    for decision in decisions:
        answer = 0
        if active(decision, known):
            answer = trial.suggest_categorical(decision.name, range(decision.num_options))
            known[decision.name] = decision.choices[answer]
        answers.append(answer)
    return tuple(answers)
