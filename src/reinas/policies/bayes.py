"""The policy of this project: it spends few evaluations, by a model of the rewards.

A Gaussian process learns from all that was measured which decisions matter and which options are
alike; the members of a batch then pick what they want most, each exploring differently
(docs/results/compare.md has what was tried, and what each idea gave).
"""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache, partial
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from reinas.errors import SettingError
from reinas.policies.acquisition import Score, candidate_pool
from reinas.policies.base import AbstractPolicy, State
from reinas.policies.encoding import Encoding, Floats, Ints, encoding
from reinas.policies.history import History
from reinas.policies.random import fresh
from reinas.policies.surrogate import Posterior, Weights, fit, scores, start
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace, check_decisions, counter
from reinas.types import Answers, Decision, Trial

LISTED = 20_000  # architectures up to which all of them are candidates
SOONEST = 5  # new trials at least between two fits of the weights; later an eighth of them
JITTER = 1e-6  # breaks ties between equal scores
MOST_START = 1000


def standardised_improvement(margin: float, best: float, mean: Floats, variance: Floats) -> Floats:
    """How many standard deviations the mean is above the best by a margin: [m].

    The order of the probability of improving on the best by the margin. When all around is
    measured and no better, variances there are small, and the search goes elsewhere by itself.
    """
    result: Floats = (mean - best - margin) / np.sqrt(variance)
    return result


def upper_confidence_bound(deviations: float, mean: Floats, variance: Floats) -> Floats:
    """The upper confidence bound: [m]."""
    result: Floats = mean + deviations * np.sqrt(variance)
    return result


class BayesianSearch(AbstractPolicy):
    """Few evaluations: a model of the rewards, and batches whose members explore differently.

    The first `start` children are spread evenly over the options. Then a Gaussian process is
    fitted, and each child of a batch is the favourite of a member: of the highest expected reward,
    or of the best chance of beating the best by a margin, small or large. Nothing is measured
    twice. `seed` draws the first children.
    """

    batch = 5

    def __init__(self, space: AbstractSpace[Any], *, start: int = 10, seed: int = 0) -> None:
        if not 2 <= start <= MOST_START:
            raise SettingError(f"bayes: start must be from 2 to {MOST_START:,}, got {start}")
        if not 0 <= seed < 1 << 63:
            raise SettingError(f"bayes: seed must be from 0 to 2^63 - 1, got {seed}")
        check_decisions(space.decisions)
        self._space = space
        self._start, self._seed = start, seed
        self._history = History()
        self._bits: Floats | None = None  # of all that was measured
        self._theta: Floats | None = None
        self._next = start  # how many trials there must be for the next fit
        self._known: Posterior | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "bayes", "start": self._start, "seed": self._seed}

    @cached_property
    def _encoding(self) -> Encoding:
        return encoding(self._space.decisions)

    # ---- proposing ---------------------------------------------------------------------------

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """The members' favourites; before there is a model, an even spread."""
        measured = len(self._history)
        if measured < self._start:
            design = [a for a in self._design(length) if a not in self._history.known]
            proposed = design[: min(count, self._start - measured)]
        else:
            with _threads().limit(
                limits=1
            ):  # small matrices: more threads only wait for each other
                proposed = self._favourites(count, length, np.random.default_rng(seed))
        taken = self._history.known | set(proposed)
        missing = count - len(proposed)
        proposed += fresh(self._space, missing, taken, length=length, seed=derive(seed, "fresh"))
        missing = count - len(proposed)
        if missing and len(self._history):  # everything was measured: the best once more
            proposed += [self._best(length)] * missing
        elif missing:  # more than there are at once
            proposed += self._space.sample(missing, seed, length=length, over="decisions")
        return proposed

    def _design(self, length: int) -> list[Answers]:
        """Architectures in which each decision's options occur equally often."""
        rng = np.random.default_rng(derive(self._seed, "design"))
        decisions = self._space.decisions[:length]
        columns = []
        for decision in decisions:
            rounds = -(-self._start // decision.num_options)
            even = np.concatenate([rng.permutation(decision.num_options) for _ in range(rounds)])
            columns.append(rng.permutation(even[: self._start]))
        rows = encoding(decisions).canonical(np.array(columns).T)
        return list(dict.fromkeys(map(tuple, rows.tolist())))

    def _favourites(self, count: int, length: int, rng: np.random.Generator) -> list[Answers]:
        posterior = self._posterior()
        decisions = self._space.decisions[:length]
        small = counter(decisions).total <= LISTED
        if small:
            answers, bits, places = _listed(decisions, self._space.decisions)
            left = np.ones(len(answers), bool)
            left[[places[a] for a in self._history.known if a in places]] = False
            answers, bits = answers[left], bits[left]
            expectation, variance, whitened = posterior.predict(bits)
            acquisitions = self._members(posterior, small=True)
        else:
            acquisitions = self._members(posterior, small=False)
            pool = candidate_pool(
                encoding(decisions),
                posterior,
                self._measured(length),
                self._history.known,
                acquisitions,
                count,
                rng,
            )
            answers, bits = pool.answers, pool.bits
            expectation, variance, whitened = pool.mean, pool.variance, pool.whitened
        jitter = JITTER * rng.random(len(answers))
        free = np.ones(len(answers), bool)
        proposed: list[Answers] = []
        for number in range(min(count, len(answers))):
            score = acquisitions[number % len(acquisitions)](expectation, variance) + jitter
            place = int(np.argmax(np.where(free, score, -np.inf)))
            proposed.append(tuple(answers[place].tolist()))
            free[place] = False
            variance = posterior.given(bits, variance, whitened, place)
        return proposed

    def _members(self, posterior: Posterior, *, small: bool) -> list[Score]:
        """Whose favourites make up a batch, in turn.

        Where all are candidates the widest margin is what reaches far; where they are not, what is
        reached is what was walked to, and a little optimism finds more.
        """
        best = float(posterior.predict(posterior.known)[0].max())
        margins = (0.5, 1.0, 2.0, 4.0) if small else (0.5, 1.0, 2.0)
        hopes = (0.0,) if small else (0.0, 0.5)
        return [
            *(partial(upper_confidence_bound, deviations) for deviations in hopes),
            *(partial(standardised_improvement, margin, best) for margin in margins),
        ]

    def _measured(self, length: int) -> Ints:
        """All measured answers to the first `length` decisions; what was not decided yet is 0."""
        rows = [(*a[:length], *(0,) * (length - len(a))) for a in self._history.answers]
        return np.array(rows, np.int64)

    def _best(self, length: int) -> Answers:
        best = int(np.argmax(self._history.values))
        row = encoding(self._space.decisions[:length]).canonical(self._measured(length)[[best]])
        return tuple(row[0].tolist())

    def _posterior(self) -> Posterior:
        """The model of all that was measured; kept until more is."""
        if self._known is None:
            assert self._theta is not None
            assert self._bits is not None
            values = scores(np.array(self._history.values))
            weights = Weights.of(self._theta, self._encoding)
            self._known = Posterior(weights, self._bits, values)
        return self._known

    # ---- learning ----------------------------------------------------------------------------

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Remember, and fit the weights where enough is new.

        They are fitted at fixed numbers of trials, each time to all up to there, so that they
        depend on the data and their order alone, not on batches. Diagnostics: the mean reward, and
        the model's noise (in units of the scores' variance) once there is a model.
        """
        values = self._history.add(trials)
        fresh_bits = self._encode([trial.answers for trial in trials])
        self._bits = fresh_bits if self._bits is None else np.concatenate([self._bits, fresh_bits])
        self._known = None
        with _threads().limit(limits=1):
            self._fit()
        said = {"reward": mean(values), "best": max(self._history.values)}
        if self._theta is not None:
            said["noise"] = Weights.of(self._theta, self._encoding).noise
        return said

    def _fit(self) -> None:
        assert self._bits is not None
        while self._next <= len(self._history):
            upto = self._next
            theta = start(self._encoding) if self._theta is None else self._theta
            values = scores(np.array(self._history.values[:upto]))
            self._theta = fit(theta, self._encoding, self._bits[:upto], values)
            self._next = upto + max(SOONEST, upto // 8)

    def _encode(self, answers: Sequence[Answers]) -> Floats:
        full = len(self._encoding.num_options)
        rows = [(*a, *(-1,) * (full - len(a))) for a in answers]
        return self._encoding.bits(np.array(rows, np.int64))

    def state(self) -> State:
        """What was measured, the model's parameters, and when they are fitted next."""
        theta = np.zeros(0) if self._theta is None else self._theta
        return {**self._history.state(), "theta": theta, "next": np.array([self._next])}

    def restore(self, state: State) -> None:
        """Everything that `state()` gave."""
        self._history.restore(state)
        self._theta = np.array(state["theta"]) if len(state["theta"]) else None
        self._next = int(state["next"][0])
        self._bits = self._encode(self._history.answers) if len(self._history) else None
        self._known = None


@lru_cache(maxsize=1)
def _threads() -> ThreadpoolController:
    """NumPy's and SciPy's threads; finding them takes a millisecond, so it is done once."""
    return ThreadpoolController()


@lru_cache(maxsize=4)
def _listed(
    decisions: tuple[Decision, ...], every: tuple[Decision, ...]
) -> tuple[Ints, NDArray[np.float32], dict[Answers, int]]:
    """All architectures of a small space, their bits, and the place of each."""
    each = list(counter(decisions).each())
    answers = np.array(each, np.int64)
    return answers, encoding(every).bits(answers), {a: place for place, a in enumerate(each)}
