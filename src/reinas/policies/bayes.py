"""Bayesian optimisation over architectures: few evaluations, guided by a model of the rewards.

A Gaussian process learns from all evaluated trials which decisions matter and which options are
alike. Each slot of a batch then maximises its own acquisition function.
docs/results/ablation.md shows what each part contributes.
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
from reinas.policies.model import Learner, Model
from reinas.policies.random import fresh
from reinas.policies.surrogate import scores
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace, check_decisions, counter
from reinas.spaces.pool import Pool
from reinas.types import Answers, Decision, Trial

MAX_ENUMERATED = 20_000  # up to this many architectures, all of them are candidates
MIN_NEW = 5  # new trials between two fits of the parameters; later an eighth of all
FEWEST = 5  # scores that a model of the scores alone needs; with fewer, failures are scores, too
JITTER = 1e-6  # breaks ties between equal scores
MAX_START = 1000


class BayesianSearch(AbstractPolicy):
    """Bayesian optimisation with a Gaussian process over the decisions; needs few evaluations.

    The first `start` children are spread evenly over the options. Then a Gaussian process is
    fitted, and each slot of the batch maximises its own acquisition function: the posterior mean,
    or the probability of improvement with one of several margins. Where children fail, a second
    process learns which would, and the probability that they do not counts. Nothing is evaluated
    twice.
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
        self._next_fit = start  # number of trials at which the parameters are fitted next
        self._cached: Model | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The name and the parameters."""
        return {"name": "bayes", "start": self._start, "seed": self._seed}

    @cached_property
    def _encoding(self) -> Encoding:
        return encoding(self._space.decisions)

    @cached_property
    def _scores(self) -> Learner:
        return Learner(self._encoding)

    @cached_property
    def _success(self) -> Learner:
        return Learner(self._encoding)

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
        return list(dict.fromkeys(self._space.snapped(tuple(row)) for row in rows.tolist()))

    def _maximisers(self, count: int, length: int, rng: np.random.Generator) -> list[Answers]:
        model, settled = self._model(), self._history.settled
        decisions = self._space.decisions[:length]
        rows = self._space.pool
        enumerated = rows is not None or counter(decisions).total <= MAX_ENUMERATED
        functions = acquisitions(float(model.known.max()), model.noise, enumerated=enumerated)
        if enumerated:
            answers, bits, places = _enumerated(decisions, self._space.decisions, rows)
            left = np.ones(len(answers), bool)
            left[[places[a] for a in settled if a in places]] = False
            answers, bits = answers[left], bits[left]
            predicted = model.predict(bits)
        else:
            evaluated = self._evaluated(length)[self._scored(self._history.latest())]
            code = encoding(decisions)
            pool = candidate_pool(code, model, evaluated, settled, functions, count, rng)
            answers, bits, predicted = pool.answers, pool.bits, pool.predicted
        jitter = JITTER * rng.random(len(answers))
        free = np.ones(len(answers), bool)
        proposed: list[Answers] = []
        for number in range(min(count, len(answers))):
            score = functions[number % len(functions)](predicted) + jitter
            place = int(np.argmax(np.where(free, score, -np.inf)))
            proposed.append(tuple(answers[place].tolist()))
            free[place] = False
            predicted = model.given(bits, predicted, place)
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

    def _model(self) -> Model:
        """The model of all evaluated trials; cached until the next update."""
        if self._cached is None:
            assert self._bits is not None
            places = self._history.latest()
            labels, success = self._labels(places), None
            if labels is not None:
                success = self._success.posterior(self._bits[places], labels)
            scored = self._scored(places)
            values, doubts = self._values(scored)
            self._cached = Model(
                self._scores.posterior(self._bits[scored], values, doubts), success
            )
        return self._cached

    def belief(self) -> Model | None:
        """What is predicted of any architecture now; None before the first model."""
        return self._model() if len(self._history) >= self._start else None

    def best_answers(self) -> Answers:
        """The best architecture so far, answered in full."""
        return self._best(len(self._space.decisions))

    def _scored(self, places: Ints) -> Ints:
        """Those of the trials whose scores count: all that did not fail, if these suffice."""
        scored = places[~self._history.failures(places)]
        return scored if len(scored) >= FEWEST else places

    def _values(self, places: Ints) -> tuple[Floats, Floats]:
        """The trials' scores, and the variances of their noise on top of the model's own."""
        return scores(self._history.comparable(places)), self._history.doubts(places)

    def _labels(self, places: Ints) -> Floats | None:
        """1 for each trial that succeeded, -1 for each that failed; None where none did."""
        failed = self._history.failures(places)
        return np.where(failed, -1.0, 1.0) if failed.any() else None

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
        if self._scores.theta is not None:
            diagnostics["noise"] = self._scores.weights.noise
        return diagnostics

    def _fit(self) -> None:
        assert self._bits is not None
        while self._next_fit <= len(self._history):
            places = self._history.latest(self._next_fit)
            if (labels := self._labels(places)) is not None:
                self._success.fit(self._bits[places], labels)
            scored = self._scored(places)
            self._scores.fit(self._bits[scored], *self._values(scored))
            self._next_fit += max(MIN_NEW, self._next_fit // 8)

    def _encode(self, answers: Sequence[Answers]) -> Floats:
        full = len(self._encoding.num_options)
        rows = [(*a, *(-1,) * (full - len(a))) for a in answers]
        return self._encoding.bits(np.array(rows, np.int64))

    def state(self) -> State:
        """The history, the models' parameters, and when they are fitted next."""
        return {
            **self._history.state(),
            "theta": _stored(self._scores),
            "success": _stored(self._success),
            "next": np.array([self._next_fit]),
        }

    def restore(self, state: State) -> None:
        """Restore the history and the models' parameters."""
        self._history.restore(state)
        for learner, key in ((self._scores, "theta"), (self._success, "success")):
            theta = np.array(state.get(key, ()))
            learner.theta = theta if len(theta) else None
        self._next_fit = int(state["next"][0])
        self._bits = self._encode(self._history.answers) if len(self._history) else None
        self._cached = None


def _stored(learner: Learner) -> Floats:
    return np.zeros(0) if learner.theta is None else learner.theta


@lru_cache(maxsize=1)
def _threads() -> ThreadpoolController:
    """Controls NumPy's and SciPy's threads; finding them takes a millisecond, so it is cached."""
    return ThreadpoolController()


@lru_cache(maxsize=4)
def _enumerated(
    decisions: tuple[Decision, ...], every: tuple[Decision, ...], pool: Pool | None
) -> tuple[Ints, NDArray[np.float32], dict[Answers, int]]:
    """All architectures of a small space or a pool, their encoding, and the index of each."""
    each = list(counter(decisions).each() if pool is None else pool.rows)
    answers = np.array(each, np.int64)
    return answers, encoding(every).bits(answers), {a: place for place, a in enumerate(each)}
