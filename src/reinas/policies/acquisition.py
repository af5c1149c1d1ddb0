"""Acquisition functions, and the search for candidates in spaces too large to enumerate."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy.special import log_ndtr

from reinas.policies.encoding import Encoding, Floats, Ints
from reinas.policies.model import Model, Predicted
from reinas.types import Answers

PARENTS, PARENT_MUTANTS = 8, 15  # best evaluated architectures, and mutants of each
RANDOM = 60  # least number of random candidates
ROUNDS = 6  # of mutation, crossover and coordinate ascent
LEADERS, MUTANTS, CROSSES = 6, 5, 20  # per acquisition function and round
MAX_CHANGES, MAX_PATH = 300, 40  # changes that an ascent scores, and that it combines
WIDE = 1000  # bits; with more, prediction is slow and two rounds are left out

Acquisition = Callable[[Predicted], Floats]
"""Takes what is predicted of m architectures; returns scores [m], higher is better."""


def improvement(margin: float, best: float, noise: float, predicted: Predicted) -> Floats:
    """How probable it is that an evaluation succeeds and improves on the best by a margin.

    The noise counts: it is either noise, or what makes an architecture better than its
    neighbours without a reason that the model knows. Where everything nearby was evaluated the
    variances are small, so the search leaves a local optimum by itself.

    Args:
        margin: By how much the best is to be improved, in units of the scores.
        best: The highest posterior mean of the evaluated architectures.
        noise: Variance of the scores' noise.
        predicted: Of m architectures.

    Returns:
        [m]: the log-probability where architectures may fail; otherwise the standardised
        improvement, which ranks alike.
    """
    deviation = np.sqrt(predicted.variance + noise)
    standardised: Floats = (predicted.mean - best - margin) / deviation
    if predicted.success is None:
        return standardised
    result: Floats = log_ndtr(standardised) + predicted.success
    return result


def upper_confidence_bound(deviations: float, predicted: Predicted) -> Floats:
    """Mean + deviations * standard deviation, less where failure is likelier than success.

    Args:
        deviations: Weight of the uncertainty; 0 gives the mean.
        predicted: Of m architectures.

    Returns:
        [m].
    """
    result: Floats = predicted.mean + deviations * np.sqrt(predicted.variance)
    if predicted.success is not None:
        result = result + np.minimum(predicted.success + np.log(2), 0)
    return result


def acquisitions(best: float, noise: float, *, enumerated: bool) -> list[Acquisition]:
    """The acquisition functions that the slots of a batch use in turn.

    Where all architectures are candidates, the largest margin reaches farthest. In larger spaces
    candidates are found by local search, and a little optimism finds more of them.

    Args:
        best: The highest posterior mean of the evaluated architectures.
        noise: Variance of the scores' noise.
        enumerated: Whether all architectures of the space are candidates.

    Returns:
        The posterior mean first, then the others.
    """
    margins = (0.5, 1.0, 2.0, 4.0) if enumerated else (0.5, 1.0, 2.0)
    deviations = (0.0,) if enumerated else (0.0, 0.5)
    return [
        *(partial(upper_confidence_bound, number) for number in deviations),
        *(partial(improvement, margin, best, noise) for margin in margins),
    ]


class Pool:
    """Distinct candidates with the model's predictions for them.

    Args:
        encoding: Encodes the candidates.
        model: Predicts their scores.
        known: Answers that are no candidates, since they were evaluated.

    Attributes:
        answers: int64 [m, T].
        bits: [m, W], the encoded answers.
        predicted: Of these m.
    """

    def __init__(self, encoding: Encoding, model: Model, known: set[Answers]) -> None:
        self._encoding, self._model = encoding, model
        self._taken = set(known)
        self.answers: Ints = np.zeros((0, len(encoding.num_options)), np.int64)
        self.bits: Floats = np.zeros((0, encoding.width), np.float32)
        self.predicted = model.nothing

    def add(self, groups: Sequence[Ints]) -> None:
        """Add the answers that are new.

        Args:
            groups: Arrays of answers, each int64 [k, T]; they need not be canonical.
        """
        rows = self._encoding.canonical(np.concatenate(groups))
        fresh = [a for a in dict.fromkeys(map(tuple, rows.tolist())) if a not in self._taken]
        if not fresh:
            return
        self._taken.update(fresh)
        answers = np.array(fresh, np.int64)
        bits = self._encoding.bits(answers)
        self.answers = np.concatenate([self.answers, answers])
        self.bits = np.concatenate([self.bits, bits])
        self.predicted = self.predicted.joined(self._model.predict(bits))


def candidate_pool(
    encoding: Encoding,
    model: Model,
    evaluated: Ints,
    known: set[Answers],
    acquisitions: Sequence[Acquisition],
    count: int,
    rng: np.random.Generator,
) -> Pool:
    """Search for candidates that maximise the acquisition functions.

    The pool starts with mutants of the best evaluated architectures and with random ones. In
    every round, each acquisition function adds mutants and crossovers of its best candidates; in
    every other round it also adds a coordinate ascent from its best one.

    Args:
        encoding: Encodes the answers.
        model: Predicts the scores.
        evaluated: int64 [n, T], the evaluated answers that the model learned from.
        known: The same answers and further ones that are no candidates.
        acquisitions: The acquisition functions to maximise.
        count: Size of the batch to be proposed.
        rng: The only source of randomness.

    Returns:
        The pool.
    """
    pool = Pool(encoding, model, known)
    best = evaluated[model.places[np.argsort(-model.known, kind="stable")[:PARENTS]]]
    random_candidates = rng.integers(
        0, encoding.num_options, (max(RANDOM, 4 * count), len(encoding.num_options))
    )
    pool.add(
        [*(mutants(encoding, parent, PARENT_MUTANTS, rng) for parent in best), random_candidates]
    )
    for turn in range(ROUNDS if encoding.width < WIDE else ROUNDS - 2):
        if not len(pool.answers):
            break
        groups: list[Ints] = []
        for acquisition in acquisitions:
            order = np.argsort(-acquisition(pool.predicted), kind="stable")
            leaders = pool.answers[order[:LEADERS]]
            if turn % 2 == 0:
                groups += coordinate_ascent(encoding, model, leaders[0], acquisition, rng)
            groups += [mutants(encoding, leader, MUTANTS, rng) for leader in leaders]
            pairs = leaders[rng.integers(len(leaders), size=(2, CROSSES))]
            groups.append(np.where(rng.random(pairs[0].shape) < 0.5, pairs[0], pairs[1]))
        pool.add(groups)
    return pool


def mutants(encoding: Encoding, parent: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Mutate an architecture: one random answer changes, and on average one more.

    Args:
        encoding: Says how many options each decision has.
        parent: int64 [T].
        count: Number of mutants.
        rng: The only source of randomness.

    Returns:
        int64 [count, T]; they need not be canonical.
    """
    rows = encoding.filled(np.repeat(parent[None], count, 0), rng)
    changed = rng.random(rows.shape) < 1 / rows.shape[1]
    changed[np.arange(count), rng.integers(rows.shape[1], size=count)] = True
    step = 1 + (rng.random(rows.shape) * np.maximum(encoding.num_options - 1, 1)).astype(np.int64)
    return np.where(changed, (rows + step) % encoding.num_options, rows)


def coordinate_ascent(
    encoding: Encoding,
    model: Model,
    centre: Ints,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> list[Ints]:
    """One coordinate ascent: the best single changes of the centre, then combinations of them.

    All single changes are scored, at most 300. Each decision's best change is then applied in
    order of its score, one after the other.

    Args:
        encoding: Encodes the answers.
        model: Predicts the scores.
        centre: int64 [T], where to start.
        acquisition: What to maximise.
        rng: Draws the answers of inactive decisions, and which changes are scored.

    Returns:
        The five best neighbours and the combinations on the way, int64 [k, T] each; none if
        nothing can be changed.
    """
    centre = encoding.filled(centre[None], rng)[0]
    place = np.repeat(np.arange(len(centre)), encoding.num_options - 1)
    option = np.concatenate(
        [np.delete(np.arange(n), centre[t]) for t, n in enumerate(encoding.num_options)]
    )
    if len(place) > MAX_CHANGES:
        drawn = rng.choice(len(place), MAX_CHANGES, replace=False)
        place, option = place[drawn], option[drawn]
    if not len(place):
        return []
    around = np.repeat(centre[None], len(place), 0)
    around[np.arange(len(place)), place] = option
    predicted = model.predict(encoding.bits(around))
    order = np.argsort(-acquisition(predicted), kind="stable")
    # each decision's best change, in order of score
    first = order[np.sort(np.unique(place[order], return_index=True)[1])][:MAX_PATH]
    path, row = [], centre.copy()
    for number, change in enumerate(first):
        row[place[change]] = option[change]
        if number < 8 or number % 4 == 0:
            path.append(row.copy())
    return [around[order[:5]], np.array(path)]
