"""Bayesian optimisation over architectures: few evaluations, guided by a model of the rewards.

A Gaussian process learns from all evaluated trials which decisions matter and which options are
alike. Each slot of a batch then maximises its own acquisition function.
docs/results/compare.md lists what was tried and what each part contributes.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from reinas.errors import InvalidSettingError
from reinas.policies.acquisition import acquisitions, candidate_pool
from reinas.policies.base import MAX_SEED, AbstractPolicy, State
from reinas.policies.encoding import Encoding, Floats, Ints, encoding
from reinas.policies.history import History
from reinas.policies.random import fresh
from reinas.policies.surrogate import Posterior, Weights, fit, scores, start
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace, check_decisions, counter
from reinas.types import Answers, Decision, Trial

MAX_ENUMERATED = 20_000  # up to this many architectures, all of them are candidates
MIN_NEW = 5  # new trials between two fits of the parameters; later an eighth of all
JITTER = 1e-6  # breaks ties between equal scores
MAX_START = 1000


class BayesianSearch(AbstractPolicy):
    """Bayesian optimisation with a Gaussian process over the decisions; needs few evaluations.

    The first `start` children are spread evenly over the options. Then a Gaussian process is
    fitted, and each slot of the batch maximises its own acquisition function: the posterior mean,
    or the probability of improvement with one of several margins. Nothing is evaluated twice.
    Scores of children that were stopped early are put on the scale of whole trainings first. In a
    search such children stay candidates, and their scores count as noisy (cf. freeze-thaw
    Bayesian optimisation, Swersky et al. 2014): if one is proposed again, its training goes on.

    Args:
        space: The space to search.
        start: Number of children before the first model, 2 to 1,000.
        seed: Draws the first children.

    Raises:
        InvalidSettingError: A parameter is out of range.
    """

    batch_size = 5

    def __init__(self, space: AbstractSpace[Any], *, start: int = 10, seed: int = 0) -> None:
        if not 2 <= start <= MAX_START:
            raise InvalidSettingError(
                "policy.start", f"must be from 2 to {MAX_START:,}, got {start}"
            )
        if not 0 <= seed <= MAX_SEED:
            raise InvalidSettingError("policy.seed", f"must be from 0 to 2^63 - 1, got {seed}")
        check_decisions(space.decisions)
        self._space = space
        self._start, self._seed = start, seed
        self._history = History(comparing=True)
        self._bits: Floats | None = None  # all evaluated architectures, encoded
        self._theta: Floats | None = None
        self._next_fit = start  # number of trials at which the parameters are fitted next
        self._cached: Posterior | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "bayes", "start": self._start, "seed": self._seed}

    @cached_property
    def _encoding(self) -> Encoding:
        return encoding(self._space.decisions)

    def continue_stopped(self) -> bool:
        """Architectures that were stopped early stay candidates, the surer the later it was."""
        self._history.continuing = True
        return True

    # ---- proposing ---------------------------------------------------------------------------

    def propose(self, count: int, *, length: int, seed: int) -> list[Answers]:
        """Maximisers of the acquisition functions; before the first model, an even spread."""
        evaluated = len(self._history)
        if evaluated < self._start:
            design = [a for a in self._design(length) if a not in self._history.known]
            proposed = design[: min(count, self._start - evaluated)]
        else:
            with _threads().limit(limits=1):  # matrices are small: threads would only wait
                proposed = self._maximisers(count, length, np.random.default_rng(seed))
        taken = self._history.known | set(proposed)
        missing = count - len(proposed)
        proposed += fresh(self._space, missing, taken, length=length, seed=derive(seed, "fresh"))
        missing = count - len(proposed)
        if missing and len(self._history):  # everything was evaluated: repeat the best
            proposed += [self._best(length)] * missing
        elif missing:  # the first batch is larger than the space
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

    def _maximisers(self, count: int, length: int, rng: np.random.Generator) -> list[Answers]:
        posterior, settled = self._posterior(), self._history.settled
        decisions = self._space.decisions[:length]
        best = float(posterior.predict(posterior.known)[0].max())
        enumerated = counter(decisions).total <= MAX_ENUMERATED
        functions = acquisitions(best, enumerated=enumerated)
        if enumerated:
            answers, bits, places = _enumerated(decisions, self._space.decisions)
            left = np.ones(len(answers), bool)
            left[[places[a] for a in settled if a in places]] = False
            answers, bits = answers[left], bits[left]
            expectation, variance, whitened = posterior.predict(bits)
        else:
            pool = candidate_pool(
                encoding(decisions),
                posterior,
                self._evaluated(length)[self._history.latest()],
                settled,
                functions,
                count,
                rng,
            )
            answers, bits = pool.answers, pool.bits
            expectation, variance, whitened = pool.mean, pool.variance, pool.whitened
        jitter = JITTER * rng.random(len(answers))
        free = np.ones(len(answers), bool)
        proposed: list[Answers] = []
        for number in range(min(count, len(answers))):
            score = functions[number % len(functions)](expectation, variance) + jitter
            place = int(np.argmax(np.where(free, score, -np.inf)))
            proposed.append(tuple(answers[place].tolist()))
            free[place] = False
            variance = posterior.given(bits, variance, whitened, place)
        return proposed

    def _evaluated(self, length: int) -> Ints:
        """All evaluated answers to the first `length` decisions; shallower ones end in zeros."""
        rows = [(*a[:length], *(0,) * (length - len(a))) for a in self._history.answers]
        return np.array(rows, np.int64)

    def _best(self, length: int) -> Answers:
        places = self._history.latest()
        best = int(places[np.argmax(self._history.comparable(places))])
        row = encoding(self._space.decisions[:length]).canonical(self._evaluated(length)[[best]])
        return tuple(row[0].tolist())

    def _posterior(self) -> Posterior:
        """The model of all evaluated trials; cached until the next update."""
        if self._cached is None:
            assert self._theta is not None
            assert self._bits is not None
            places = self._history.latest()
            values = scores(self._history.comparable(places))
            weights = Weights.of(self._theta, self._encoding)
            doubts = self._history.doubts(places)
            self._cached = Posterior(weights, self._bits[places], values, doubts)
        return self._cached

    # ---- learning ----------------------------------------------------------------------------

    def update(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Add the batch to the history, and fit the model's parameters if enough trials are new.

        They are fitted at fixed numbers of trials, each time to all trials up to that number, so
        they depend on the trials and their order, but not on the batches.

        Args:
            trials: A finished batch.

        Returns:
            `reward`: the batch's mean reward; `best`: the best reward so far; and, once there is a
            model, its `noise`, in units of the scores' variance.

        Raises:
            ValueError: There is nothing to learn from (see `reinas.policies.base.rewards`).
        """
        values = self._history.add(trials)
        fresh_bits = self._encode([trial.answers for trial in trials])
        self._bits = fresh_bits if self._bits is None else np.concatenate([self._bits, fresh_bits])
        self._cached = None
        with _threads().limit(limits=1):
            self._fit()
        diagnostics = {"reward": mean(values), "best": max(self._history.values)}
        if self._theta is not None:
            diagnostics["noise"] = Weights.of(self._theta, self._encoding).noise
        return diagnostics

    def _fit(self) -> None:
        assert self._bits is not None
        while self._next_fit <= len(self._history):
            upto = self._next_fit
            theta = start(self._encoding) if self._theta is None else self._theta
            places = self._history.latest(upto)
            values = scores(self._history.comparable(places))
            doubts = self._history.doubts(places)
            self._theta = fit(theta, self._encoding, self._bits[places], values, doubts)
            self._next_fit = upto + max(MIN_NEW, upto // 8)

    def _encode(self, answers: Sequence[Answers]) -> Floats:
        full = len(self._encoding.num_options)
        rows = [(*a, *(-1,) * (full - len(a))) for a in answers]
        return self._encoding.bits(np.array(rows, np.int64))

    def state(self) -> State:
        """The history, the model's parameters, and when they are fitted next."""
        theta = np.zeros(0) if self._theta is None else self._theta
        return {**self._history.state(), "theta": theta, "next": np.array([self._next_fit])}

    def restore(self, state: State) -> None:
        """Restore the history and the model's parameters."""
        self._history.restore(state)
        self._theta = np.array(state["theta"]) if len(state["theta"]) else None
        self._next_fit = int(state["next"][0])
        self._bits = self._encode(self._history.answers) if len(self._history) else None
        self._cached = None


@lru_cache(maxsize=1)
def _threads() -> ThreadpoolController:
    """Controls NumPy's and SciPy's threads; finding them takes a millisecond, so it is cached."""
    return ThreadpoolController()


@lru_cache(maxsize=4)
def _enumerated(
    decisions: tuple[Decision, ...], every: tuple[Decision, ...]
) -> tuple[Ints, NDArray[np.float32], dict[Answers, int]]:
    """All architectures of a small space, their encoding, and the index of each."""
    each = list(counter(decisions).each())
    answers = np.array(each, np.int64)
    return answers, encoding(every).bits(answers), {a: place for place, a in enumerate(each)}
