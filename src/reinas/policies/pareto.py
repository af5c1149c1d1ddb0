"""Several objectives: Bayesian search by random scalarisations, and NSGA-II."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reinas.errors import InvalidSettingError
from reinas.fronts import REWARD, check_objectives, goodness
from reinas.policies.base import MAX_SEED, AbstractPolicy, State
from reinas.policies.bayes import BayesianSearch
from reinas.policies.encoding import Floats
from reinas.policies.history import History
from reinas.policies.optuna_samplers import OptunaSampler
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.types import Answers, Outcome, Trial

TWO = (REWARD, "parameters")
EXTRA = 0.05
"""How much the weighted sum adds to the weighted maximum (Knowles 2006, equation 2)."""


class Vectors:
    """What every evaluated trial comes to in each objective.

    Args:
        objectives: Their names.
    """

    def __init__(self, objectives: tuple[str, ...]) -> None:
        self.objectives = objectives
        self.rows: list[tuple[float, ...] | None] = []

    def add(self, trials: Sequence[Trial]) -> None:
        """Append a finished batch; a trial that failed or was stopped has nothing."""
        self.rows += [goodness(trial.outcome, self.objectives) for trial in trials]

    def array(self) -> Floats:
        """[n, objectives]; what is missing is as bad as the worst that is known."""
        known = [row for row in self.rows if row is not None]
        worst = np.min(known, axis=0) if known else np.zeros(len(self.objectives))
        filled = [worst if row is None else row for row in self.rows]
        return np.array(filled, np.float64).reshape(len(self.rows), len(self.objectives))

    def state(self) -> NDArray[np.float64]:
        """[n, objectives], NaN where there is nothing."""
        nothing = (np.nan,) * len(self.objectives)
        rows = [nothing if row is None else row for row in self.rows]
        return np.array(rows, np.float64).reshape(len(rows), len(self.objectives))

    def restore(self, state: NDArray[Any]) -> None:
        """What `state` gave."""
        self.rows = [None if np.isnan(row).any() else tuple(row.tolist()) for row in state]


class Pareto(AbstractPolicy):
    """Several objectives by Bayesian search (ParEGO, Knowles 2006).

    For each child a weight per objective is drawn; objectives, scaled to 0 to 1 over all trials,
    become one number by the augmented Tchebycheff function, max_i w_i l_i + 0.05 sum_i w_i l_i of
    the losses l_i; and Bayesian search proposes by that number. So children are spread along the
    front. Of costs the logarithm counts.

    Args:
        space: The space to search.
        objectives: `reward`, `parameters`, `flops`, `latency`, or other metrics of outcomes.
        start: Children at random before the first model, at least 2.
        seed: Of the first children.

    Raises:
        InvalidSettingError: A parameter is out of range.
    """

    batch_size = 5

    def __init__(
        self,
        space: AbstractSpace[Any],
        *,
        objectives: tuple[str, ...] = TWO,
        start: int = 10,
        seed: int = 0,
    ) -> None:
        if not 0 <= seed <= MAX_SEED:
            raise InvalidSettingError("policy.seed", f"must be from 0 to 2^63 - 1, got {seed}")
        self._space, self._start, self._seed = space, start, seed
        self._new_search()  # refuses a wrong start
        self._history, self._vectors = History(), Vectors(check_objectives(objectives))

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {
            "name": "pareto",
            "objectives": list(self._vectors.objectives),
            "start": self._start,
            "seed": self._seed,
        }

    def _new_search(self) -> BayesianSearch:
        return BayesianSearch(self._space, start=self._start, seed=self._seed)

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """One child per weighting; earlier ones of the batch count as middling."""
        proposed: list[Answers] = []
        for number in range(count):
            rng = np.random.default_rng(derive(seed, "weights", number))
            search, losses = self._new_search(), scalar_losses(self._vectors.array(), rng)
            # a growing network's first layers are no trials to learn from
            pending = proposed if length == len(self._space.decisions) else []
            known = [*self._history.answers, *pending]
            middle = float(np.median(losses)) if len(losses) else 0.0
            values = [*(-losses).tolist(), *([-middle] * len(pending))]
            told = [
                Trial(n, 0, answers, Outcome(value))
                for n, (answers, value) in enumerate(zip(known, values, strict=True))
            ]
            if told:
                search.update(told)
            own = derive(seed, "proposal", number)
            proposed += search.propose(1, length=length, seed=own)
        return proposed

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Keep what the batch comes to; the diagnostics are its means."""
        values = self._history.add(trials)
        self._vectors.add(trials)
        return {REWARD: mean(values)}

    def state(self) -> State:
        """The history and the objectives of each trial."""
        return {**self._history.state(), "vectors": self._vectors.state()}

    def restore(self, state: State) -> None:
        """Restore both."""
        self._history.restore({key: value for key, value in state.items() if key != "vectors"})
        self._vectors.restore(state["vectors"])


def scalar_losses(vectors: Floats, rng: np.random.Generator) -> Floats:
    """One loss per trial, by a random weighting (Knowles 2006).

    Args:
        vectors: [n, objectives], higher is better.
        rng: Draws the weights, uniform over those with sum 1.

    Returns:
        [n].
    """
    weights = rng.dirichlet(np.ones(vectors.shape[1]))
    if not len(vectors):
        return np.zeros(0)
    least, most = vectors.min(axis=0), vectors.max(axis=0)
    span = np.where(most > least, most - least, 1.0)
    losses = weights * (most - vectors) / span
    result: Floats = losses.max(axis=1) + EXTRA * losses.sum(axis=1)
    return result


class ParetoEvolution(OptunaSampler):
    """Several objectives by NSGA-II (Deb et al. 2002), which is Optuna's.

    Args:
        space: The space to search.
        objectives: As in `Pareto`.
        population: Children per generation, at least 2.

    Raises:
        InvalidSettingError: A parameter is out of range.
        SettingError: Optuna is not installed.
    """

    def __init__(
        self,
        space: AbstractSpace[Any],
        *,
        objectives: tuple[str, ...] = TWO,
        population: int = 20,
    ) -> None:
        if population < 2:
            raise InvalidSettingError("policy.population", f"must be at least 2, got {population}")
        self._vectors, self._population = Vectors(check_objectives(objectives)), population
        super().__init__(space, "pareto-evolution")

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {
            "name": "pareto-evolution",
            "objectives": list(self._vectors.objectives),
            "population": self._population,
        }

    def _sampler(self, seed: int) -> Any:
        return self._optuna.samplers.NSGAIISampler(population_size=self._population, seed=seed)

    def _new_study(self) -> Any:
        return self._optuna.create_study(
            storage=self._optuna.storages.InMemoryStorage(),
            directions=["maximize"] * len(self._vectors.objectives),
        )

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Children of the last whole generation, from a study of all that is known.

        The study is made anew each time, so that nothing hangs on what was asked before.
        """
        self._study = self._new_study()
        rows = self._vectors.array().tolist()
        for number, (answers, row) in enumerate(zip(self._history.answers, rows, strict=True)):
            self._add(answers, row, number // self._population)
        return super().propose(count, length=length, seed=seed)

    def _add(self, answers: Answers, values: Sequence[float], generation: int) -> None:
        given = self.parameters_of(answers)
        self._study.add_trial(
            self._optuna.trial.create_trial(
                **given,
                values=list(values),
                # what the sampler itself notes about its trials
                system_attrs={"NSGAIISampler:generation": generation},
            )
        )

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Keep what the batch comes to; the diagnostic is the mean reward."""
        values = self._history.add(trials)
        self._vectors.add(trials)
        return {REWARD: mean(values)}

    def state(self) -> State:
        """The history and the objectives of each trial."""
        return {**self._history.state(), "vectors": self._vectors.state()}

    def restore(self, state: State) -> None:
        """Restore both."""
        self._history.restore({key: value for key, value in state.items() if key != "vectors"})
        self._vectors.restore(state["vectors"])
