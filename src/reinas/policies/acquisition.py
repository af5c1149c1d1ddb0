"""Acquisition functions, and the search for candidates in spaces too large to enumerate."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from reinas.policies.encoding import Encoding, Floats, Ints
from reinas.policies.surrogate import Posterior
from reinas.types import Answers

PARENTS, PARENT_MUTANTS = 8, 15  # best evaluated architectures, and mutants of each
RANDOM = 60  # least number of random candidates
ROUNDS = 6  # of mutation, crossover and coordinate ascent
LEADERS, MUTANTS, CROSSES = 6, 5, 20  # per acquisition function and round
MAX_CHANGES, MAX_PATH = 300, 40  # changes that an ascent scores, and that it combines
WIDE = 1000  # bits; with more, prediction is slow and two rounds are left out

Acquisition = Callable[[Floats, Floats], Floats]
"""Takes the posterior means [m] and variances [m]; returns scores [m], higher is better."""


def standardised_improvement(margin: float, best: float, mean: Floats, variance: Floats) -> Floats:
    """(mean - best - margin) / standard deviation; ranks like the probability of improvement.

    Where everything nearby was evaluated the variances are small, so the search leaves a local
    optimum by itself.

    Args:
        margin: By how much the best is to be improved, in units of the scores.
        best: The highest posterior mean of the evaluated architectures.
        mean: [m].
        variance: [m].

    Returns:
        [m].
    """
    result: Floats = (mean - best - margin) / np.sqrt(variance)
    return result


def upper_confidence_bound(deviations: float, mean: Floats, variance: Floats) -> Floats:
    """Mean + deviations * standard deviation.

    Args:
        deviations: Weight of the uncertainty; 0 gives the mean.
        mean: [m].
        variance: [m].

    Returns:
        [m].
    """
    result: Floats = mean + deviations * np.sqrt(variance)
    return result


def acquisitions(best: float, *, enumerated: bool) -> list[Acquisition]:
    """The acquisition functions that the slots of a batch use in turn.

    Where all architectures are candidates, the largest margin reaches farthest. In larger spaces
    candidates are found by local search, and a little optimism finds more of them.

    Args:
        best: The highest posterior mean of the evaluated architectures.
        enumerated: Whether all architectures of the space are candidates.

    Returns:
        The posterior mean first, then the others.
    """
    margins = (0.5, 1.0, 2.0, 4.0) if enumerated else (0.5, 1.0, 2.0)
    deviations = (0.0,) if enumerated else (0.0, 0.5)
    return [
        *(partial(upper_confidence_bound, number) for number in deviations),
        *(partial(standardised_improvement, margin, best) for margin in margins),
    ]


class Pool:
    """Distinct candidates with the model's predictions for them.

    Args:
        encoding: Encodes the candidates.
        posterior: Predicts their scores.
        known: Answers that are no candidates, since they were evaluated.

    Attributes:
        answers: int64 [m, T].
        bits: [m, W], the encoded answers.
        mean: [m], the posterior means.
        variance: [m], the posterior variances.
        whitened: [n, m], what `Posterior.given` takes.
    """

    def __init__(self, encoding: Encoding, posterior: Posterior, known: set[Answers]) -> None:
        self._encoding, self._posterior = encoding, posterior
        self._taken = set(known)
        length = len(encoding.num_options)
        self.answers: Ints = np.zeros((0, length), np.int64)
        self.bits: Floats = np.zeros((0, encoding.width), np.float32)
        self.mean: Floats = np.zeros(0, np.float32)
        self.variance: Floats = np.zeros(0, np.float32)
        self.whitened: Floats = np.zeros((len(posterior.known), 0), np.float32)

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
        mean, variance, whitened = self._posterior.predict(bits)
        self.answers = np.concatenate([self.answers, answers])
        self.bits = np.concatenate([self.bits, bits])
        self.mean = np.concatenate([self.mean, mean])
        self.variance = np.concatenate([self.variance, variance])
        self.whitened = np.concatenate([self.whitened, whitened], axis=1)


def candidate_pool(
    encoding: Encoding,
    posterior: Posterior,
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
        posterior: Predicts the scores.
        evaluated: int64 [n, T], the evaluated answers.
        known: The same answers and further ones that are no candidates.
        acquisitions: The acquisition functions to maximise.
        count: Size of the batch to be proposed.
        rng: The only source of randomness.

    Returns:
        The pool.
    """
    pool = Pool(encoding, posterior, known)
    mean = posterior.predict(posterior.known)[0]
    best = evaluated[posterior.places[np.argsort(-mean, kind="stable")[:PARENTS]]]
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
            order = np.argsort(-acquisition(pool.mean, pool.variance), kind="stable")
            leaders = pool.answers[order[:LEADERS]]
            if turn % 2 == 0:
                groups += coordinate_ascent(encoding, posterior, leaders[0], acquisition, rng)
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
    posterior: Posterior,
    centre: Ints,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> list[Ints]:
    """One coordinate ascent: the best single changes of the centre, then combinations of them.

    All single changes are scored, at most 300. Each decision's best change is then applied in
    order of its score, one after the other.

    Args:
        encoding: Encodes the answers.
        posterior: Predicts the scores.
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
    mean, variance, _ = posterior.predict(encoding.bits(around))
    order = np.argsort(-acquisition(mean, variance), kind="stable")
    # each decision's best change, in order of score
    first = order[np.sort(np.unique(place[order], return_index=True)[1])][:MAX_PATH]
    path, row = [], centre.copy()
    for number, change in enumerate(first):
        row[place[change]] = option[change]
        if number < 8 or number % 4 == 0:
            path.append(row.copy())
    return [around[order[:5]], np.array(path)]
